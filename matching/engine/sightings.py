"""Frames of a query seen in frames of a reference, gathered into one way to lay one on the other.

A crop, an inset, a rotation stays where it is, so sightings of a copy agree in their transform;
chance ones do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.engine.agreement import AlignmentSettings
from matching.engine.alignment import AlignedSegment, align
from matching.engine.geometry import Agreement, Matrix, flip, joined, moved, pooled
from matching.engine.hashing import dct_hash, hamming_pairs, inverted
from matching.engine.motion import Moving, motion, moving, shared_mask
from matching.engine.overlay import Overlap, laid, overlap, track
from matching.engine.small import SmallFrames
from matching.engine.tracks import Track
from matching.engine.voting import Candidates, Line, VotingSettings, vote

# Corners may land that far apart (share of the picture's diagonal) in one way of laying.
_CORNERS: Final = 0.12
_LEADERS: Final = 4
_WAYS: Final = 3
_FRAMES_JUDGED: Final = 16
# Seconds around a frame that a still was seen in, where the moment it shows is looked for.
_AROUND: Final = 1.25
# How far from upright and whole a map may be and still be tried as exactly that.
_NEARLY_WHOLE: Final = 0.2
_OVERLAP_BITS: Final = 6.0
# So many places that agree leave no doubt of a sighting.
_CERTAIN_PLACES: Final = 25.0


@dataclass(frozen=True)
class Sighting:
    """A frame of the query agrees with a frame of the reference, at seconds of either.

    Points and matrix of the agreement are in pixels of the pictures; the query's are those of its
    mirrored picture if `mirrored`, and of its negative if `negative`.
    """

    query_time: float
    reference_time: float
    mirrored: bool
    negative: bool
    agreement: Agreement

    @property
    def weight(self) -> int:
        """Different places that agree."""
        return self.agreement.distinct


@dataclass(frozen=True)
class Laying:
    """One way to lay the query over the reference: matrix (2, 3) takes pixels of the query's
    pictures, not mirrored, to the reference's; `sightings` speak for it."""

    matrix: Matrix
    mirrored: bool
    negative: bool
    where: Overlap
    sightings: tuple[Sighting, ...]


def layings(
    sightings: Sequence[Sighting], query: SmallFrames, reference: SmallFrames
) -> list[Laying]:
    """The ways of laying that sightings of one reference speak for, the strongest first."""
    left = sorted(sightings, key=lambda one: -one.weight)
    found: list[Laying] = []
    while left and len(found) < _WAYS:
        group = max(
            (_alike(leader, left, query) for leader in left[:_LEADERS]),
            key=lambda some: sum(one.weight for one in some),
        )
        made = _laying(group, query, reference)
        if made is not None:
            found.append(made)
        taken = {id(one) for one in group}
        left = [one for one in left if id(one) not in taken]
    return found


def laying_lines(laying: Laying) -> list[Line]:
    """The lines in time that the sightings of a laying vote for."""
    weight = np.array([one.weight for one in laying.sightings], np.float64)
    voting = VotingSettings()
    candidates = Candidates(
        np.array([one.query_time for one in laying.sightings]),
        np.array([one.reference_time for one in laying.sightings]),
        voting.max_distance * (1 - np.clip(weight / _CERTAIN_PLACES, 0.05, 1)),
        np.ones(len(weight)),
        np.zeros(len(weight), np.bool_),
    )
    return vote(candidates, voting)


def align_laid(
    laying: Laying,
    lines: Sequence[Line],
    query: SmallFrames,
    reference: SmallFrames,
    settings: AlignmentSettings,
) -> list[AlignedSegment]:
    """The segments that two videos share when one is laid over the other: see alignment.align.

    Each tells how alike both move in it.
    """
    where = laying.where
    first, moving_query = _laid_out(query, where.to_query, where.mask, laying.negative)
    second, moving_reference = _laid_out(reference, where.to_reference, where.mask, False)
    upright = [replace(line, mirrored=False) for line in lines]
    found = align(first, first, second, upright, settings)
    mask = shared_mask(where)
    changes = ("inverted",) if laying.negative else ()
    return [
        replace(
            one,
            mirrored=laying.mirrored,
            changes=changes,
            matrix=laying.matrix,
            overlap=(where.query_share * where.reference_share) ** 0.5,
            motion=motion(
                moving_query,
                moving_reference,
                mask,
                (one.q_start, one.q_end),
                one.offset,
                one.speed,
            ),
        )
        for one in found
    ]


def _laid_out(
    video: SmallFrames, to_frame: Matrix, mask: NDArray[np.bool_], negative: bool
) -> tuple[Track, Moving]:
    """The dense hashes of all frames laid on the grid, and what `motion` compares of them."""
    tracks, smoothed = [], []
    for part in video.parts():
        grid = laid(part.frames, to_frame, mask)
        if negative:
            grid = 255 - grid
        tracks.append(track(grid, part))
        smoothed.append(moving(grid, part))
    hashes = np.concatenate([one.hashes for one in tracks])
    quality = np.concatenate([one.quality for one in tracks])
    return Track(video.times, hashes, quality, video.duration), Moving.joined(smoothed)


def _corners(video: SmallFrames) -> NDArray[np.float64]:
    wide, high = video.width, video.height
    return np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float64)


def _alike(leader: Sighting, others: Sequence[Sighting], query: SmallFrames) -> list[Sighting]:
    """Those that put the query's corners where the leader does."""
    corners = _corners(query)
    landed = moved(leader.agreement.matrix, corners)
    room = _CORNERS * float(np.linalg.norm(landed[2] - landed[0]))
    return [
        one
        for one in others
        if (one.mirrored, one.negative) == (leader.mirrored, leader.negative)
        and np.abs(moved(one.agreement.matrix, corners) - landed).max() < room
    ]


def _laying(group: Sequence[Sighting], query: SmallFrames, reference: SmallFrames) -> Laying | None:
    """The finest of the maps that a group allows: the one under which whole frames agree best."""
    leader = group[0]
    maps = [leader.agreement.matrix]
    maps += pooled(
        leader.agreement.matrix,
        np.concatenate([one.agreement.query for one in group]),
        np.concatenate([one.agreement.reference for one in group]),
    )
    maps += _whole(leader.agreement.matrix, query, reference)
    rows = _frames(group[:_FRAMES_JUDGED], query, reference)
    best: tuple[float, Matrix, Overlap] | None = None
    for matrix in maps:
        if leader.mirrored:
            matrix = joined(matrix, flip(query.width))
        where = overlap(matrix, query, reference)
        if where is None:
            continue
        worth = _distance(where, rows, query, reference, leader.negative)
        # Of equals the one that shows more.
        worth -= _OVERLAP_BITS * min(1.0, where.reference_share) ** 0.5
        if best is None or worth < best[0]:
            best = (worth, matrix, where)
    if best is None:
        return None
    return Laying(best[1], leader.mirrored, leader.negative, best[2], tuple(group))


def _whole(matrix: Matrix, query: SmallFrames, reference: SmallFrames) -> list[Matrix]:
    """The whole picture on the whole picture, where a map is nearly that: the usual case."""
    across, down = reference.width / query.width, reference.height / query.height
    whole = np.array([[across, 0.0, 0.0], [0.0, down, 0.0]])
    apart = np.abs(moved(whole, _corners(query)) - moved(matrix, _corners(query))).max()
    near = _NEARLY_WHOLE * float(np.hypot(reference.width, reference.height))
    return [whole] if apart < near else []


def _frames(
    group: Sequence[Sighting], query: SmallFrames, reference: SmallFrames
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of the sightings' frames among the small frames of both.

    A still may lie between the index frames it is seen in: all frames around those.
    """
    if len(query.times) == 1:
        seen = np.array([one.reference_time for one in group])
        around = np.abs(reference.times[:, None] - seen[None, :]).min(axis=1) <= _AROUND
        places = np.flatnonzero(around)
        return np.zeros(len(places), np.int64), places
    ours = [int(np.abs(query.times - one.query_time).argmin()) for one in group]
    theirs = [int(np.abs(reference.times - one.reference_time).argmin()) for one in group]
    return np.array(ours, np.int64), np.array(theirs, np.int64)


def _distance(
    where: Overlap,
    rows: tuple[NDArray[np.int64], NDArray[np.int64]],
    query: SmallFrames,
    reference: SmallFrames,
    negative: bool,
) -> float:
    """Bits by which the frames differ once laid over each other, the median.

    Of a still against several moments the least: one of them is the right one.
    """
    ours = dct_hash(laid(query.frames[rows[0]], where.to_query, where.mask)).hashes
    theirs = dct_hash(laid(reference.frames[rows[1]], where.to_reference, where.mask)).hashes
    bits = hamming_pairs(inverted(ours) if negative else ours, theirs)
    return float(bits.min() if len(query.times) == 1 else np.median(bits))
