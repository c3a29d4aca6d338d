"""The frame pairs of a segment that people are shown, with the points at which they agree."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.engine.alignment import AlignedSegment
from matching.engine.geometry import flip, moved
from matching.engine.sightings import Sighting
from matching.engine.transform import Size, in_shares, point_shares

Floats = NDArray[np.float64]

PAIRS_KEPT: Final = 4
POINTS_KEPT: Final = 30
# Index frames lie a second apart, so the frame that was seen may be half a second off the line.
_OFF_THE_LINE: Final = 0.75
# Points that miss the segment's own way of laying by more of a side agree about something else.
_OFF_THE_MAP: Final = 0.1


@dataclass(frozen=True)
class PointPair:
    """A frame of the query and one of the reference, at seconds of either, and what agrees.

    points (m, 4) float64: x and y in the query's picture, not mirrored, then in the reference's, in
    shares from 0 to 1. The first k of them are spread over the picture as widely as k of them go.
    """

    query_time: float
    reference_time: float
    points: Floats

    def swapped(self) -> "PointPair":
        """The same with query and reference exchanged."""
        return PointPair(self.reference_time, self.query_time, self.points[:, [2, 3, 0, 1]])


def matched_points(
    segment: AlignedSegment, sightings: Iterable[Sighting], query: Size, reference: Size
) -> list[PointPair]:
    """Up to four frame pairs on the segment's line with up to 30 points each, the best first.

    query and reference are widths and heights of the pictures on which the sightings' points lie.
    No frame of the query comes twice.
    """
    held: dict[float, PointPair] = {}
    for sighting in sorted(sightings, key=lambda one: -one.weight):
        if len(held) == PAIRS_KEPT:
            break
        if sighting.query_time in held or not _on_the_line(segment, sighting):
            continue
        pair = _pair(sighting, query, reference)
        if _fits(segment, pair, query, reference):
            held[sighting.query_time] = pair
    return list(held.values())


def _on_the_line(segment: AlignedSegment, sighting: Sighting) -> bool:
    expected = segment.offset + segment.speed * sighting.query_time
    return (
        segment.q_start <= sighting.query_time <= segment.q_end
        and abs(sighting.reference_time - expected) <= _OFF_THE_LINE
        and segment.r_start - _OFF_THE_LINE
        <= sighting.reference_time
        <= segment.r_end + _OFF_THE_LINE
    )


def _pair(sighting: Sighting, query: Size, reference: Size) -> PointPair:
    ours, theirs = sighting.agreement.query, sighting.agreement.reference
    if sighting.mirrored:
        ours = moved(flip(query[0]), ours)
    points = np.hstack((point_shares(ours, query), point_shares(theirs, reference)))
    return PointPair(
        sighting.query_time, sighting.reference_time, points[_spread(points, POINTS_KEPT)]
    )


def _fits(segment: AlignedSegment, pair: PointPair, query: Size, reference: Size) -> bool:
    """Whether the points lie where the segment lays them, as far as it says."""
    if segment.matrix is None:
        return True
    landed = moved(in_shares(segment.matrix, query, reference), pair.points[:, :2])
    missed = np.abs(landed - pair.points[:, 2:]).max(axis=1)
    return bool(np.median(missed) <= _OFF_THE_MAP)


def _spread(points: Floats, most: int) -> NDArray[np.int64]:
    """Places of at most `most` of (m, 4), each the farthest from all before it in both pictures."""
    chosen = [0]
    apart = np.full(len(points), np.inf)
    while len(chosen) < min(most, len(points)):
        away = points - points[chosen[-1]]
        # As near as in the picture in which they are nearer: one spot is one witness.
        now = np.minimum(np.hypot(*away[:, :2].T), np.hypot(*away[:, 2:].T))
        apart = np.minimum(apart, now)
        farthest = int(apart.argmax())
        if apart[farthest] == 0:
            break
        chosen.append(farthest)
    return np.array(chosen, np.int64)
