"""When two frames agree, and what alignment allows: the thresholds in one place."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# A straight scale on which 1 is equality and the default threshold of 0.8 lies at 72 bits, three
# quarters of the way to the nearest strangers; chance (128 bits) is 0.64.
BITS_OF_SIMILARITY: Final = 360.0


def similarity(distance: NDArray[Any]) -> NDArray[np.float64]:
    """Distances in bits on the scale of similarity_threshold: 1 - bits / 360, so 1 to 0.29."""
    return 1 - np.asarray(distance, dtype=np.float64) / BITS_OF_SIMILARITY


@dataclass(frozen=True)
class AlignmentSettings:
    """What counts as agreement.

    similarity_threshold and min_matches decide what is told at all, and move nothing else: a pair
    with fewer than min_matches dense frames as similar as that gives no segments. (Similar: see
    similarity(). 0.8 allows 72 of 256 bits, where re-encoding, captions, logos and small turns stay
    and strangers' nearest frames, 96 bits and more by measurement, do not come; 0.999 asks for
    equality to the bit, which no re-encoded frame keeps.)
    core_distance (bits): a piece needs three frames as near as that. run_distance (bits): farther
    frames speak against a run.
    slack_seconds: how far from the line a pair may lie. gap_seconds: a run ends once that much time
    has spoken against it. flat_quality: frames with less detail neither speak for nor against.
    """

    similarity_threshold: float = 0.8
    min_matches: int = 3
    core_distance: float = 72.0
    run_distance: float = 108.0
    slack_seconds: float = 0.3
    search_seconds: float = 1.5
    gap_seconds: float = 1.5
    flat_quality: int = 8
    switch_seconds: float = 0.5
    dense_lines: int = 3
    slowest: float = 0.45
    fastest: float = 2.2

    @property
    def max_distance(self) -> float:
        """The bits that may differ in a matched frame."""
        return (1 - self.similarity_threshold) * BITS_OF_SIMILARITY
