"""The dense hashes of a video, and distances along and around a line between two videos."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.engine.hashing import hamming
from matching.engine.voting import Line

Floats = NDArray[np.float64]

NOT_THERE: Final = 999.0
# Above this many pairs of frames (five minutes against five at four a second) no whole matrix.
_WHOLE_MATRIX: Final = 1_500_000
_BLOCK: Final = 256


@dataclass(frozen=True)
class Track:
    """The dense hashes of one video (one region, one turn).

    times (n,) float64 seconds, rising; hashes (n, 32) uint8; quality (n,) uint8; duration seconds.
    """

    times: Floats
    hashes: NDArray[np.uint8]
    quality: NDArray[np.uint8]
    duration: float

    def __post_init__(self) -> None:
        if not len(self.times) == len(self.hashes) == len(self.quality):
            raise ValueError("a track needs one hash and one quality for each time")
        if np.any(np.diff(self.times) < 0):
            raise ValueError("the times of a track must rise")

    @property
    def step(self) -> float:
        """Seconds from one sample to the next (the median); 0 for a still."""
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else 0.0

    def take(self, rows: NDArray[np.int64]) -> "Track":
        """Some of its samples."""
        return Track(self.times[rows], self.hashes[rows], self.quality[rows], self.duration)


@dataclass(frozen=True)
class Band:
    """Distances (n, k) near a line, NOT_THERE off the reference's ends; times and places (n, k)."""

    distance: Floats
    time: Floats
    place: NDArray[np.int64]

    def best(self) -> tuple[Floats, NDArray[np.int64]]:
        """The least distance (n,) of each query sample and the reference sample's place (n,)."""
        column = self.distance.argmin(axis=1)
        row = np.arange(len(column))
        return self.distance[row, column], self.place[row, column]


def expected(line: Line, times: Floats) -> Floats:
    """Seconds of the reference where the line puts seconds of the query."""
    return line.offset + line.speed * times


def band(query: Track, reference: Track, line: Line, slack: float) -> Band:
    """Distances from each query sample to the reference samples within slack seconds of the line.

    A line never falls between two samples: slack grows to the reference's own step if need be.
    """
    slack = max(slack, 0.55 * reference.step)
    middle = expected(line, query.times)
    first = np.searchsorted(reference.times, middle - slack, side="left")
    last = np.searchsorted(reference.times, middle + slack, side="right")
    width = max(1, int((last - first).max(initial=0)))
    place = first[:, None] + np.arange(width)[None, :]
    there = place < last[:, None]
    place = np.minimum(place, len(reference.times) - 1)
    different = query.hashes[:, None, :] ^ reference.hashes[place]
    distance = np.bitwise_count(different).sum(axis=2, dtype=np.int64).astype(np.float64)
    return Band(np.where(there, distance, NOT_THERE), reference.times[place], place)


def dense_lines(
    query: Track, reference: Track, speed: float, mirrored: bool, reach: float, most: int
) -> list[Line]:
    """The offsets at which all frames together agree best at one speed, best first.

    Index frames cannot tell the time within a still scene; all frames together often can.
    reach (bits): distances from there on count nothing. Pairs of videos too long for a whole
    matrix give none. Lines are at least a second apart. A still has no speed: its likest moments.
    """
    if reference.step <= 0:
        return []
    if query.step <= 0:
        return _moments(query, reference, mirrored, reach, most)
    if len(query.times) * len(reference.times) > _WHOLE_MATRIX:
        return []
    agree = np.clip(1 - hamming(query.hashes, reference.hashes) / max(reach, 1e-9), 0, 1)
    agree[query.quality == 0] = 0
    agree = np.hstack((agree, np.zeros((len(agree), 1))))
    first = reference.times[0] - speed * query.times[-1]
    offsets = np.arange(first, reference.times[-1], reference.step / 2)
    votes = np.empty(len(offsets))
    for start in range(0, len(offsets), _BLOCK):
        some = offsets[start : start + _BLOCK, None]
        # Where each query sample falls on the reference; the column of zeros when outside.
        when = (some + speed * query.times[None, :] - reference.times[0]) / reference.step
        column = np.rint(when).astype(np.int64)
        column[(column < 0) | (column >= len(reference.times))] = len(reference.times)
        chosen = agree[np.arange(len(query.times))[None, :], column]
        votes[start : start + _BLOCK] = chosen.sum(axis=1)
    found: list[Line] = []
    while len(found) < most and float(votes.max(initial=0)) > 0:
        best = int(votes.argmax())
        found.append(Line(float(offsets[best]), speed, mirrored, float(votes[best])))
        votes[np.abs(offsets - offsets[best]) < 1.0] = 0
    return found


def _moments(still: Track, reference: Track, mirrored: bool, reach: float, most: int) -> list[Line]:
    """Lines through the moments of the reference that look most like a still, the likest first."""
    agree = np.clip(1 - hamming(still.hashes, reference.hashes)[0] / max(reach, 1e-9), 0, 1)
    found: list[Line] = []
    while len(found) < most and float(agree.max(initial=0)) > 0:
        best = int(agree.argmax())
        offset = float(reference.times[best] - still.times[0])
        found.append(Line(offset, 1.0, mirrored, float(agree[best])))
        agree[np.abs(reference.times - reference.times[best]) < 1.0] = 0
    return found
