"""Step: a fingerprint becomes matches, and matches become links.

Candidates come from the index, votes on offset and speed pick lines, dense hashes along each line
give segments, and the segments a confidence. Nothing here knows who may see the result.
"""

import uuid
from dataclasses import dataclass, replace

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from matching import index
from matching.engine.agreement import AlignmentSettings
from matching.engine.alignment import AlignedSegment, align, merge
from matching.engine.confidence import LinkScore, score_link
from matching.engine.cuts import align_cuts
from matching.engine.hashing import HASH_BITS, inverted
from matching.engine.tracks import Track
from matching.engine.voting import Candidates, Line, rarity, videos_by_second, vote
from matching.families import families
from matching.fingerprint import VideoFingerprint
from matching.index import LibraryVideo
from videos.models import MediaType

# Cuts of a copy lie within a frame or two of the original's.
CUT_TOLERANCE = 0.12
LINES_A_PAIR = 8


@dataclass(frozen=True)
class Match:
    """A library video the query copies, where, and how surely. `negative`: inverted colours."""

    video_id: uuid.UUID
    score: LinkScore
    segments: tuple[AlignedSegment, ...]
    aligned_cuts: int
    negative: bool = False


@dataclass(frozen=True)
class _Asked:
    """All hash variants of the query in one array, and what each row is."""

    hashes: NDArray[np.uint8]
    region: NDArray[np.int64]
    frame: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    negative: NDArray[np.bool_]


def search(fingerprint: VideoFingerprint, exclude: uuid.UUID | None = None) -> list[Match]:
    """Matches of `fingerprint` in the library, surest first; `exclude` leaves one video out."""
    asked = _asked(fingerprint)
    drawn = index.draw(asked.hashes, fingerprint.version, exclude)
    family = families(drawn.videos, fingerprint.version)
    lines = _lines(fingerprint, asked, drawn, family)
    _add_cut_lines(fingerprint, exclude, lines)
    best = sorted(lines, key=lambda video: -max(line.votes for _, line in lines[video]))
    chosen = best[: settings.TVIDZ.max_candidates]
    near = drawn.distance <= AlignmentSettings().max_distance
    common = videos_by_second(
        _times(fingerprint)[asked.frame[drawn.query[near]]],
        family[drawn.video[near]],
        fingerprint.duration,
    )
    matches = []
    for library in index.library_videos(chosen, fingerprint.version):
        match = _verify(fingerprint, library, lines[library.video_id], common)
        if match is not None and match.score.score >= settings.TVIDZ.report_confidence:
            matches.append(match)
    return sorted(matches, key=lambda match: -match.score.score)


@dataclass(frozen=True)
class _Pairing:
    """Which region of the query is compared with which of the library video's."""

    query_region: int
    reference_region: int
    negative: bool


_Lines = dict[uuid.UUID, list[tuple[_Pairing, Line]]]


def _asked(fingerprint: VideoFingerprint) -> _Asked:
    """Every dense frame of the query that says something: upright, mirrored and as negative."""
    parts: list[tuple[NDArray[np.uint8], int, NDArray[np.int64], bool, bool]] = []
    for number, region in enumerate(fingerprint.regions):
        frames = np.flatnonzero(region.track.quality >= index.LEAST_QUALITY)
        frames = _without_repeats(region.track.hashes, frames)
        for mirrored, hashes in ((False, region.track.hashes), (True, region.mirrored)):
            parts.append((hashes[frames], number, frames, mirrored, False))
            parts.append((inverted(hashes[frames]), number, frames, mirrored, True))
    sizes = [len(part[2]) for part in parts]
    return _Asked(
        np.concatenate([part[0] for part in parts]),
        np.repeat([part[1] for part in parts], sizes),
        np.concatenate([part[2] for part in parts]),
        np.repeat([part[3] for part in parts], sizes),
        np.repeat([part[4] for part in parts], sizes),
    )


def _times(fingerprint: VideoFingerprint) -> NDArray[np.float64]:
    return fingerprint.regions[0].track.times


def _without_repeats(hashes: NDArray[np.uint8], frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """Frames whose hash differs from the one before: a still scene asks once, not hourly."""
    if len(frames) < 2:
        return frames
    same = (hashes[frames[1:]] == hashes[frames[:-1]]).all(axis=1)
    return frames[np.concatenate([[True], ~same])]


def _lines(
    fingerprint: VideoFingerprint, asked: _Asked, drawn: index.Drawn, family: NDArray[np.int64]
) -> _Lines:
    """Lines of agreement in time for each library video that was drawn.

    `family` gives known copies of one another one number: a film that lies in the library five
    times is not common footage.
    """
    lines: _Lines = {}
    if not len(drawn.query):
        return lines
    query_time = _times(fingerprint)[asked.frame[drawn.query]]
    weight = rarity(query_time, family[drawn.video])
    keys = np.stack(
        [
            drawn.video,
            asked.region[drawn.query],
            drawn.region,
            asked.negative[drawn.query].astype(np.int64),
        ]
    )
    for video, query_region, region, negative in np.unique(keys, axis=1).T:
        own = (keys == np.array([[video], [query_region], [region], [negative]])).all(axis=0)
        found = vote(
            Candidates(
                query_time[own],
                drawn.time[own],
                drawn.distance[own],
                weight[own],
                asked.mirrored[drawn.query[own]],
            )
        )
        pairing = _Pairing(int(query_region), int(region), bool(negative))
        lines.setdefault(drawn.videos[video], []).extend(
            (pairing, line) for line in found[:LINES_A_PAIR]
        )
    return {video: held for video, held in lines.items() if held}


def _add_cut_lines(fingerprint: VideoFingerprint, exclude: uuid.UUID | None, lines: _Lines) -> None:
    """Lines that aligned scene cuts propose, upright and mirrored, for the pictures to confirm."""
    proposals = index.draw_cuts(fingerprint, exclude)
    for video_id in index.same_cuts(fingerprint.cuts.tolist(), exclude):
        proposals.setdefault(video_id, set()).add((0.0, 1.0))
    for video_id, places in proposals.items():
        for offset, speed in sorted(places)[:LINES_A_PAIR]:
            for mirrored in (False, True):
                line = Line(offset, speed, mirrored, 0.0)
                lines.setdefault(video_id, []).append((_Pairing(0, 0, False), line))


def _verify(
    fingerprint: VideoFingerprint,
    library: LibraryVideo,
    lines: list[tuple[_Pairing, Line]],
    common: NDArray[np.int64],
) -> Match | None:
    """What the dense hashes along the lines, and the scene cuts, say of one library video."""
    reference = library.tracks[0]
    still = MediaType.IMAGE in (fingerprint.media_type, library.media_type)
    cuts, cut_line = _aligned_cuts(fingerprint, library, lines)
    proposed = cuts >= settings.TVIDZ.cuts_to_propose
    wanted = AlignmentSettings(
        similarity_threshold=settings.TVIDZ.similarity_threshold,
        min_matches=1 if still or proposed else settings.TVIDZ.min_matches,
    )
    segments: list[AlignedSegment] = []
    negative = False
    for pairing in dict.fromkeys(pairing for pairing, _ in lines):
        own = [line for held, line in lines if held == pairing]
        query, mirrored = _query_tracks(fingerprint, pairing)
        found = align(query, mirrored, library.tracks[pairing.reference_region], own, wanted)
        negative = negative or bool(found and pairing.negative)
        segments.extend(found)
    kept = merge(segments)
    if not kept and cut_line is not None and cuts >= settings.TVIDZ.cuts_to_flag:
        kept = [_segment_of_cuts(fingerprint, reference, cut_line)]
    score = score_link(
        kept, fingerprint.duration, reference.duration, common, min_matches=wanted.min_matches
    )
    if not kept or not (score.reported or cuts >= settings.TVIDZ.cuts_to_flag):
        return None
    if proposed:
        doubt = (1 - score.score) * 0.5 ** (cuts / settings.TVIDZ.cuts_to_propose)
        score = replace(score, score=1 - doubt, kinds=(*score.kinds, "cuts"))
    return Match(library.video_id, score, tuple(kept), cuts, negative)


def _aligned_cuts(
    fingerprint: VideoFingerprint,
    library: LibraryVideo,
    lines: list[tuple[_Pairing, Line]],
) -> tuple[int, Line | None]:
    """The most scene cuts that agree along one of the lines, and that line."""
    most, best = 0, None
    for line in {(line.offset, line.speed): line for _, line in lines}.values():
        agreeing = align_cuts(
            fingerprint.cuts, library.cuts, line.offset, line.speed, CUT_TOLERANCE
        )
        if agreeing > most:
            most, best = agreeing, line
    return most, best


def _segment_of_cuts(fingerprint: VideoFingerprint, reference: Track, line: Line) -> AlignedSegment:
    """From the first to the last cut: all that cuts alone can vouch for."""
    inside = fingerprint.cuts * line.speed + line.offset
    cuts = fingerprint.cuts[(inside >= 0) & (inside <= reference.duration)]
    first, last = float(cuts.min()), float(cuts.max())
    none = np.zeros(0)
    return AlignedSegment(
        q_start=first,
        q_end=last,
        r_start=line.offset + line.speed * first,
        r_end=line.offset + line.speed * last,
        speed=line.speed,
        mirrored=False,
        frames=0,
        matched_frames=0,
        mean_distance=HASH_BITS / 2,
        evidence=0.0,
        contrast=0.0,
        pairs_query=none,
        pairs_reference=none,
        pairs_distance=none,
    )


def _query_tracks(fingerprint: VideoFingerprint, pairing: _Pairing) -> tuple[Track, Track]:
    region = fingerprint.regions[pairing.query_region]
    plain, mirrored = region.track.hashes, region.mirrored
    if pairing.negative:
        plain, mirrored = inverted(plain), inverted(mirrored)
    times, quality, duration = region.track.times, region.track.quality, region.track.duration
    return Track(times, plain, quality, duration), Track(times, mirrored, quality, duration)
