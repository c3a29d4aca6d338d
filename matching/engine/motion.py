"""Do two videos laid over each other move alike? A shared still background never does.

What changes from frame to frame is compared, not the frames: two films of one table share the table
but not the toys' movements. Steps with a sudden change (a cut, a flash) are held down, or one of
them would decide by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from matching.engine.overlay import Overlap, laid
from matching.engine.small import SmallFrames

Floats = NDArray[np.float32]
Times = NDArray[np.float64]

_SIDE: Final = 32
_BLUR: Final = 2.0
# A step counts no more than this many times the median one.
_MOST: Final = 3.0
_SHIFTS: Final = np.arange(-4, 5) / 8
LEAST_STEPS: Final = 3
# A quarter of an hour at four frames a second.
_MOST_FRAMES: Final = 3600


@dataclass(frozen=True)
class Motion:
    """correlation (-1 to 1) of what changes in both; the median change of either from one frame to
    the next in grey levels: below about half a level there is nothing but noise to compare."""

    correlation: float
    query: float
    reference: float


@dataclass(frozen=True)
class Moving:
    """Frames of one video laid on the grid and smoothed: (n, 32, 32) float32 at times (n,) s."""

    grid: Floats
    times: Times

    @classmethod
    def joined(cls, parts: Sequence["Moving"]) -> "Moving":
        """Parts of one video, one after the other."""
        return cls(
            np.concatenate([part.grid for part in parts]),
            np.concatenate([part.times for part in parts]),
        )

    @property
    def step(self) -> float:
        """Seconds from one frame to the next (the median); 0 for a still."""
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else 0.0

    def at(self, wanted: Times) -> Floats:
        """The frames at other times (m,), blended from the two neighbours: (m, 32, 32)."""
        after = np.clip(np.searchsorted(self.times, wanted), 1, len(self.times) - 1)
        before = after - 1
        span = np.maximum(self.times[after] - self.times[before], 1e-6)
        share = np.clip((wanted - self.times[before]) / span, 0, 1).astype(np.float32)
        share = share[:, None, None]
        return np.asarray(self.grid[before] * (1 - share) + self.grid[after] * share)


def moving(grid: Floats, video: SmallFrames) -> Moving:
    """What `motion` compares of frames laid on the grid (n, 64, 64)."""
    small = np.empty((len(grid), _SIDE, _SIDE), np.float32)
    for place, frame in enumerate(grid):
        blurred = cv2.GaussianBlur(frame, (0, 0), _BLUR)
        small[place] = cv2.resize(blurred, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return Moving(small, video.times)


def shared_mask(where: Overlap) -> NDArray[np.bool_]:
    """The overlap's mask at the size that is compared: (32, 32) bool."""
    small = cv2.resize(where.mask.astype(np.uint8), (_SIDE, _SIDE), interpolation=cv2.INTER_NEAREST)
    return np.asarray(small > 0)


def lay_moving(video: SmallFrames, where: Overlap, *, query: bool) -> Moving:
    """One side of an overlap as `motion` takes it."""
    to_frame = where.to_query if query else where.to_reference
    return Moving.joined(
        [moving(laid(part.frames, to_frame, where.mask), part) for part in video.parts()]
    )


def motion(
    query: Moving,
    reference: Moving,
    mask: NDArray[np.bool_],
    span: tuple[float, float],
    offset: float,
    speed: float,
    *,
    negative: bool = False,
) -> Motion | None:
    """How alike both move over span (query seconds) along reference = offset + speed * query.

    The best of shifts up to half a second either way; None when there are too few frames. With
    `negative` the query's changes are taken the other way round. Of a long span the middle is
    enough.
    """
    rows = np.flatnonzero((query.times >= span[0] - 1e-6) & (query.times <= span[1] + 1e-6))
    spare = max(0, len(rows) - _MOST_FRAMES)
    rows = rows[spare // 2 : len(rows) - (spare - spare // 2)]
    times = query.times[rows]
    if len(times) <= LEAST_STEPS or len(reference.times) < 2:
        return None
    ours = changes(query.grid[rows], mask) * (-1 if negative else 1)
    found: list[tuple[float, float]] = []
    for shift in _SHIFTS:
        theirs = changes(reference.at(offset + speed * times + shift), mask)
        found.append((_correlation(ours, theirs), _energy(theirs)))
    correlation, energy = max(found, key=lambda one: one[0])
    return Motion(correlation, _energy(ours), energy)


def changes(grid: Floats, mask: NDArray[np.bool_]) -> Floats:
    """From each frame to the next, less what the whole picture did: (n - 1, pixels)."""
    step = (grid[1:] - grid[:-1])[:, mask]
    return np.asarray(step - step.mean(axis=1, keepdims=True), np.float32)


def strength(changed: Floats) -> Floats:
    """How much changed in each step (n,) of changes (n, pixels), in grey levels."""
    return np.asarray(np.sqrt((changed**2).mean(axis=1)), np.float32)


def _energy(changed: Floats) -> float:
    return float(np.median(strength(changed)))


def _correlation(ours: Floats, theirs: Floats) -> float:
    weight = np.minimum(held(strength(ours)), held(strength(theirs)))[:, None]
    x, y = ours * weight, theirs * weight
    norm = float(np.sqrt(float((x * x).sum()) * float((y * y).sum())))
    return float((x * y).sum()) / norm if norm > 0 else 0.0


def held(steps: Floats) -> Floats:
    """Factors (n,), at most 1, that hold sudden steps of strength (n,) down."""
    most = _MOST * max(float(np.median(steps)), 1e-6)
    return np.minimum(1.0, most / np.maximum(steps, 1e-6))
