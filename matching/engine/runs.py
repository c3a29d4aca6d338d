"""Runs of a sequence that score well, ended where they have lost too much."""

import numpy as np
from numpy.typing import NDArray


def scoring_runs(worth: NDArray[np.float64], most_drop: float) -> list[tuple[int, int]]:
    """Half-open runs [first, last) of a sequence (n,) with a positive sum, in order, disjoint.

    A run begins and ends with a positive value; it ends at its best sum, once the sum has fallen
    by more than most_drop below that or to nothing (the X-drop rule of sequence alignment). So two
    long pieces never swallow a long gap between them, however well both score.
    """
    runs: list[tuple[int, int]] = []
    values = worth.tolist()
    place = 0
    while place < len(values):
        if values[place] <= 0:
            place += 1
            continue
        first, total, best, last = place, 0.0, 0.0, place
        while place < len(values):
            total += values[place]
            place += 1
            if total > best:
                best, last = total, place
            if total <= 0 or total < best - most_drop:
                break
        runs.append((first, last))
        place = last
    return runs
