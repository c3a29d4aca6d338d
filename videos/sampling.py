"""How densely a video is looked at: pure arithmetic on its duration and the settings."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Timestamps are floats; two that differ by less than this are the same moment.
EPSILON = 1e-3


@dataclass(frozen=True)
class Sampling:
    """Seconds between dense frames and between index frames, and warnings about thinning."""

    dense_interval: float
    index_interval: float
    warnings: tuple[dict[str, str], ...] = ()


def plan_sampling(
    duration: float,
    *,
    dense_interval: float,
    index_interval: float,
    max_dense_frames: int,
    max_index_frames: int,
    name: str,
) -> Sampling:
    """Intervals for a video of `duration` seconds that keep within both limits over all of it."""
    warnings = []
    index = _bounded(duration, index_interval, max_index_frames)
    if index > index_interval:
        warnings.append(
            {
                "code": "INDEX_THINNED",
                "message": f"{name}: at one index frame every {index_interval:g} s it would "
                f"exceed MAX_INDEX_FRAMES={max_index_frames}; one every {index:.2f} s was taken.",
            }
        )
    dense = _bounded(duration, dense_interval, max_dense_frames)
    if dense > dense_interval:
        warnings.append(
            {
                "code": "DENSE_THINNED",
                "message": f"{name}: at one frame every {dense_interval:g} s it would exceed "
                f"MAX_DENSE_FRAMES={max_dense_frames}; one every {dense:.2f} s was taken.",
            }
        )
    return Sampling(min(dense, index), index, tuple(warnings))


def _bounded(duration: float, interval: float, most: int) -> float:
    if duration / interval <= most:
        return interval
    # Frames lie at 0, i, 2i, …: `most` of them span most - 1 intervals and a part of one more.
    return math.ceil(duration / most * 1000) / 1000


class IndexFrames:
    """Chooses the index frames from a stream of dense ones, the same however it is batched."""

    def __init__(self, interval: float, most: int) -> None:
        self._interval = interval
        self._left = most
        self._next = 0.0

    def choose(self, timestamps: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Mask (n,): the first frame at or after each multiple of the interval."""
        chosen = np.zeros(len(timestamps), dtype=bool)
        for position, timestamp in enumerate(timestamps):
            if self._left and timestamp >= self._next - EPSILON:
                chosen[position] = True
                self._left -= 1
                steps = math.floor((timestamp + EPSILON) / self._interval) + 1
                self._next = steps * self._interval
        return chosen
