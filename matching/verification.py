"""Dense hashes along the proposed lines, and scene cuts, decide what is a match."""

import uuid
from dataclasses import dataclass, replace

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from matching.engine.agreement import AlignmentSettings
from matching.engine.alignment import AlignedSegment, align, merge
from matching.engine.confidence import LinkScore, score_link
from matching.engine.cuts import align_cuts
from matching.engine.hashing import HASH_BITS
from matching.engine.tracks import Track
from matching.engine.voting import Line
from matching.fingerprint import VideoFingerprint
from matching.index import LibraryVideo
from matching.proposals import Proposed, query_tracks
from videos.models import MediaType

# Cuts of a copy lie within a frame or two of the original's.
CUT_TOLERANCE = 0.12


@dataclass(frozen=True)
class Match:
    """A library video the query copies, where, and how surely.

    `score.kinds` says what was done: the engine's words, and "inverted", "turned", "cuts".
    """

    video_id: uuid.UUID
    score: LinkScore
    segments: tuple[AlignedSegment, ...]
    aligned_cuts: int


def verify(
    fingerprint: VideoFingerprint,
    library: LibraryVideo,
    proposed: Proposed,
    common: NDArray[np.int64],
) -> Match | None:
    """The match between a query and a library video, or None when too little agrees."""
    options = settings.TVIDZ
    reference = library.tracks[0]
    still = MediaType.IMAGE in (fingerprint.media_type, library.media_type)
    cuts, cut_line = _aligned_cuts(fingerprint, library, proposed)
    witness = cuts >= options.cuts_to_propose
    # Beside aligned cuts any agreement of the picture counts.
    least = 1 if still or witness else options.min_matches
    segments = _segments(fingerprint, library, proposed, least)
    alone = not segments and cut_line is not None and cuts >= options.cuts_to_flag
    if alone and cut_line is not None:
        segments = [_segment_of_cuts(fingerprint, reference, cut_line)]
    score = score_link(
        segments, fingerprint.duration, reference.duration, common, min_matches=least
    )
    if not (score.reported or alone):
        return None
    changes = sorted({change for segment in segments for change in segment.changes})
    doubt = 1 - score.score
    if witness:
        doubt *= 0.5 ** (cuts / options.cuts_to_propose)
        changes.append("cuts")
    score = replace(score, score=1 - doubt, kinds=(*score.kinds, *changes))
    return Match(library.video_id, score, tuple(segments), cuts)


def _segments(
    fingerprint: VideoFingerprint, library: LibraryVideo, proposed: Proposed, least: int
) -> list[AlignedSegment]:
    """Segments over all looks, each moment of the query in one of them only."""
    wanted = AlignmentSettings(
        similarity_threshold=settings.TVIDZ.similarity_threshold, min_matches=least
    )
    found: list[AlignedSegment] = []
    for look, lines in proposed.items():
        first, second = query_tracks(fingerprint, look)
        reference = library.tracks[look.reference_region]
        for segment in align(first, second, reference, lines, wanted):
            # Inside a look of quarter turns "mirrored" says: turned the other way.
            mirrored = segment.mirrored and not look.quarter
            found.append(replace(segment, mirrored=mirrored, changes=look.changes))
    return merge(found)


def _aligned_cuts(
    fingerprint: VideoFingerprint, library: LibraryVideo, proposed: Proposed
) -> tuple[int, Line | None]:
    """The most scene cuts that agree along one of the lines, and that line."""
    lines = {(line.offset, line.speed): line for held in proposed.values() for line in held}
    most, best = 0, None
    for line in lines.values():
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
