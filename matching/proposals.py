"""Where a query may lie in which library videos: lines in time, for the dense hashes to judge.

The query is looked for upright, mirrored, turned by a quarter and as a negative, whole and inside
its still borders; the library is stored once. Scene cuts propose lines of their own.
"""

import uuid
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching import index
from matching.engine.geometry import Matrix, inverse, joined
from matching.engine.hashing import Turn, inverted
from matching.engine.regions import Box
from matching.engine.tracks import Track
from matching.engine.voting import Candidates, Line, nearest, rarity, vote
from matching.families import families
from matching.fingerprint import VideoFingerprint

LINES_A_PAIR = 8
# Seconds between the frames of a query that are looked for by their hashes: as it is and mirrored,
# and turned or as a negative, which is rare and mostly seen by words.
ASK_EVERY = 0.5
ASK_CHANGED_EVERY = 2.0


class Look(NamedTuple):
    """One way to look at the query beside one region of a library video.

    A line that is `mirrored` belongs to the second track of the look: the mirrored picture, or
    with `quarter` the one turned to the right instead of to the left.
    """

    query_region: int
    reference_region: int
    quarter: bool
    negative: bool

    @property
    def changes(self) -> tuple[str, ...]:
        """What was done to the query to look at it so."""
        named = (("inverted", self.negative), ("turned", self.quarter))
        return tuple(name for name, done in named if done)


class _Variant(NamedTuple):
    region: int
    turn: Turn
    negative: bool

    @property
    def quarter(self) -> bool:
        return self.turn in (Turn.LEFT, Turn.RIGHT)

    @property
    def second(self) -> bool:
        return self.turn in (Turn.MIRRORED, Turn.RIGHT)


Proposed = dict[Look, list[Line]]


def propose(fingerprint: VideoFingerprint, exclude: uuid.UUID | None) -> dict[uuid.UUID, Proposed]:
    """Lines for every library video that shares near frames or scene cuts with the query.

    Videos with most votes for a line come first.
    """
    variants = _variants(fingerprint)
    hashes, variant, frame = _asked(fingerprint, variants)
    drawn = index.draw(hashes, fingerprint.version, exclude)
    family = families(drawn.videos, fingerprint.version)[drawn.video]
    query_time = fingerprint.regions[0].track.times[frame[drawn.query]]
    still = len(fingerprint.regions[0].track.times) == 1
    lines = _lines(variants, variant[drawn.query], query_time, drawn, family, still)
    _add_cut_lines(fingerprint, exclude, lines)

    def votes(video: uuid.UUID) -> float:
        return max(line.votes for held in lines[video].values() for line in held)

    return {video: lines[video] for video in sorted(lines, key=votes, reverse=True)}


def look_matrix(
    fingerprint: VideoFingerprint, library: index.LibraryVideo, look: Look, second: bool
) -> Matrix | None:
    """Where a look lays the query: (2, 3) takes pixels of its pictures to the library video's.

    `second` is for lines of the look's second track. None where the pictures' sizes are not kept.
    """
    pictures, small = fingerprint.pictures, library.small
    if pictures is None or small is None:
        return None
    ours = fingerprint.box if look.query_region else None
    theirs = library.box if look.reference_region else None
    turned = _TURNED[(look.quarter, second)]
    to_shares = inverse(_from_shares(ours, pictures.width, pictures.picture_height))
    to_pixels = _from_shares(theirs, small.width, small.height)
    return joined(to_pixels, joined(turned, to_shares))


# What a turn does to places in shares (0 to 1) of the picture: see hashing.Turn.
_TURNED: Final = {
    (False, False): np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    (False, True): np.array([[-1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]),
    (True, False): np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 1.0]]),
    (True, True): np.array([[0.0, -1.0, 1.0], [1.0, 0.0, 0.0]]),
}


def _from_shares(box: Box | None, width: int, height: int) -> Matrix:
    """Takes shares of a box to the pixels of the picture it lies in."""
    part = box or Box(0.0, 0.0, 1.0, 1.0)
    return np.array(
        [
            [part.width * width, 0.0, part.left * width - 0.5],
            [0.0, part.height * height, part.top * height - 0.5],
        ]
    )


def query_tracks(fingerprint: VideoFingerprint, look: Look) -> tuple[Track, Track]:
    """The two tracks of a look: for lines that are not mirrored, and for those that are."""
    region = fingerprint.regions[look.query_region]
    turns = (Turn.LEFT, Turn.RIGHT) if look.quarter else (Turn.NONE, Turn.MIRRORED)
    track = region.track
    first, second = (
        Track(track.times, _hashes(fingerprint, variant), track.quality, track.duration)
        for variant in (_Variant(look.query_region, turn, look.negative) for turn in turns)
    )
    return first, second


def _variants(fingerprint: VideoFingerprint) -> list[_Variant]:
    return [
        _Variant(number, turn, negative)
        for number, region in enumerate(fingerprint.regions)
        for turn in region.turned
        for negative in (False, True)
    ]


def _hashes(fingerprint: VideoFingerprint, variant: _Variant) -> NDArray[np.uint8]:
    hashes = fingerprint.regions[variant.region].turned[variant.turn]
    return inverted(hashes) if variant.negative else hashes


def _asked(
    fingerprint: VideoFingerprint, variants: list[_Variant]
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Hashes (n, 32) of all frames that say something, with their variant and frame (n,)."""
    hashes, variant, frame = [], [], []
    for number, held in enumerate(variants):
        every = ASK_CHANGED_EVERY if held.quarter or held.negative else ASK_EVERY
        frames = _telling_frames(fingerprint.regions[held.region].track, every)
        hashes.append(_hashes(fingerprint, held)[frames])
        variant.append(np.full(len(frames), number))
        frame.append(frames)
    return np.concatenate(hashes), np.concatenate(variant), np.concatenate(frame)


def _telling_frames(track: Track, every: float) -> NDArray[np.int64]:
    """Frames with detail, one each `every` seconds at most, that differ from the one before.

    A still scene asks once.
    """
    frames = np.flatnonzero(track.quality >= index.LEAST_QUALITY)
    if len(frames) < 2:
        return frames
    slot = np.floor(track.times[frames] / every + 1e-6)
    frames = frames[np.concatenate([[True], slot[1:] != slot[:-1]])]
    same = (track.hashes[frames[1:]] == track.hashes[frames[:-1]]).all(axis=1)
    return frames[np.concatenate([[True], ~same])]


def _lines(
    variants: list[_Variant],
    variant: NDArray[np.int64],
    query_time: NDArray[np.float64],
    drawn: index.Drawn,
    family: NDArray[np.int64],
    still: bool,
) -> dict[uuid.UUID, Proposed]:
    """Lines on which candidates agree, voted for each library video and look apart."""
    lines_of = nearest if still else vote
    weight = rarity(query_time, family)
    second = np.array([held.second for held in variants])[variant]
    groups: dict[tuple[int, Look], list[int]] = {}
    for row, number in enumerate(variant.tolist()):
        held = variants[number]
        look = Look(held.region, int(drawn.region[row]), held.quarter, held.negative)
        groups.setdefault((int(drawn.video[row]), look), []).append(row)
    lines: dict[uuid.UUID, Proposed] = {}
    for (video, look), members in groups.items():
        rows = np.array(members)
        found = lines_of(
            Candidates(
                query_time[rows], drawn.time[rows], drawn.distance[rows], weight[rows], second[rows]
            )
        )
        if found:
            lines.setdefault(drawn.videos[video], {})[look] = found[:LINES_A_PAIR]
    return lines


def _add_cut_lines(
    fingerprint: VideoFingerprint,
    exclude: uuid.UUID | None,
    lines: dict[uuid.UUID, Proposed],
) -> None:
    """Lines that scene cuts propose, upright and mirrored, for the pictures to confirm."""
    proposals = index.draw_cuts(fingerprint, exclude)
    for video_id in index.same_cuts(fingerprint.cuts.tolist(), exclude):
        proposals.setdefault(video_id, set()).add((0.0, 1.0))
    upright = Look(0, 0, quarter=False, negative=False)
    for video_id, places in proposals.items():
        held = lines.setdefault(video_id, {}).setdefault(upright, [])
        held.extend(
            Line(offset, speed, mirrored, 0.0)
            for offset, speed in sorted(places)[:LINES_A_PAIR]
            for mirrored in (False, True)
        )
