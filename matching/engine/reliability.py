"""Whether a confidence means what it says: of the pairs called .8 sure, are four in five copies?

The bins hold equal numbers of pairs rather than equal stretches of confidence, or nearly all pairs
of a good engine would lie in the first bin and the last (Nixon et al., "Measuring calibration in
deep learning", 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]

LEAST_IN_BIN: Final = 20
# As many as the literature has used since Guo et al., "On calibration of modern neural networks",
# 2017: more bins make a larger error out of the same chance.
MOST_BINS: Final = 15
# A miss that was called impossible costs this much instead of everything: log(1e-6).
_SUREST: Final = 1e-6


@dataclass(frozen=True)
class Bin:
    """Pairs of neighbouring confidence: how many, how sure they were said to be, how many were so.

    low, high: the confidences it spans; said: their mean; came_true: the share of copies.
    """

    count: int
    low: float
    high: float
    said: float
    came_true: float


@dataclass(frozen=True)
class Reliability:
    """n pairs of which `copies` are true, in bins of rising confidence, and what is wrong.

    expected_error: expected calibration error, the mean over pairs of |said - came true| of their
    bin, 0 to 1. brier: mean squared error of the confidence, 0 to 1. log_loss: mean negative
    logarithm, in nats, of the probability given to what was the case. All nan without pairs.
    """

    n: int
    copies: int
    bins: tuple[Bin, ...]
    expected_error: float
    brier: float
    log_loss: float


def equal_mass_bins(
    confidence: Floats,
    truth: Truths,
    least: int = LEAST_IN_BIN,
    most: int = MOST_BINS,
) -> tuple[Bin, ...]:
    """At most `most` bins of as equal numbers as ties allow, none with fewer than `least` pairs.

    confidence (n,) 0 to 1, truth (n,) bool. Equal confidences share a bin, however many they are.
    Fewer than `least` pairs make a single bin, no pairs none.
    """
    n = len(confidence)
    if n == 0:
        return ()
    order = np.argsort(confidence, kind="stable")
    said, true = confidence[order], truth[order].astype(np.float64)
    size = n / max(1, min(most, n // least))
    # A bin may only end where the confidence rises.
    ends = [*(np.flatnonzero(np.diff(said)) + 1).tolist(), n]
    edges = [0]
    for end, following in pairwise([*ends, 2 * n]):
        # What is left is shared out anew, so that one large tie leaves the other bins alike.
        left = n - edges[-1]
        due = edges[-1] + left / max(1, round(left / size))
        if end - edges[-1] >= least and abs(end - due) <= abs(following - due):
            edges.append(end)
    if edges[-1] < n:
        edges[1 if len(edges) == 1 else -1 :] = [n]
    parts = [slice(a, b) for a, b in pairwise(edges)]
    return tuple(
        Bin(
            count=part.stop - part.start,
            low=float(said[part][0]),
            high=float(said[part][-1]),
            said=float(said[part].mean()),
            came_true=float(true[part].mean()),
        )
        for part in parts
    )


def expected_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error over bins; nan without any."""
    total = sum(each.count for each in bins)
    if total == 0:
        return float("nan")
    return sum(each.count * abs(each.said - each.came_true) for each in bins) / total


def reliability(confidence: Floats, truth: Truths) -> Reliability:
    """How far confidences (n,), 0 to 1, can be taken at their word, given the truth (n,) bool."""
    bins = equal_mass_bins(confidence, truth)
    n = len(confidence)
    right = np.clip(np.where(truth, confidence, 1 - confidence), _SUREST, 1)
    return Reliability(
        n=n,
        copies=int(truth.sum()),
        bins=bins,
        expected_error=expected_error(bins),
        brier=float(((confidence - truth) ** 2).mean()) if n else float("nan"),
        log_loss=float(-np.log(right).mean()) if n else float("nan"),
    )


def error_by_chance(confidence: Floats, draws: int = 200) -> float:
    """The expected calibration error that confidences (n,) show on average if every word is true.

    Labels are drawn by the confidences themselves; what is no larger than this cannot be told from
    perfect with so few pairs. The draws are the same every time. nan without pairs.
    """
    rng = np.random.default_rng(0)
    errors = [
        expected_error(equal_mass_bins(confidence, rng.random(len(confidence)) < confidence))
        for _ in range(draws)
    ]
    return float(np.mean(errors))
