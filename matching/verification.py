"""Dense hashes along proposed lines, of whole pictures or of what overlaps, decide what agrees."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.conf import settings

from matching.engine.agreement import AlignmentSettings
from matching.engine.alignment import AlignedSegment, align, merge
from matching.engine.cuts import align_cuts
from matching.engine.geometry import Matrix
from matching.engine.hashing import HASH_BITS
from matching.engine.motion import lay_moving, motion, shared_mask
from matching.engine.overlay import overlap
from matching.engine.sightings import Sighting, align_laid, laying_lines, layings
from matching.engine.small import SmallFrames
from matching.engine.tracks import Track
from matching.engine.transform import Size
from matching.engine.voting import Line
from matching.fingerprint import VideoFingerprint
from matching.index import LibraryVideo
from matching.proposals import Proposed, look_matrix, query_tracks
from videos.models import MediaType

# Cuts of a copy lie within a frame or two of the original's.
CUT_TOLERANCE = 0.12


@dataclass(frozen=True)
class Verified:
    """A library video that was compared closely: the segments it shares with the query, if any.

    sightings are the frame pairs whose local features agree; aligned_cuts counts scene cuts in
    common, and cuts_alone says that nothing else speaks for the segments. still: one of the two is
    an image. sizes are those of the query's and the library video's pictures, in whose pixels
    matrices and sightings are.
    """

    video_id: uuid.UUID
    duration: float
    segments: tuple[AlignedSegment, ...]
    sightings: tuple[Sighting, ...]
    aligned_cuts: int
    cuts_alone: bool
    still: bool
    least_matches: int
    tracks: tuple[Track, ...]
    sizes: tuple[Size, Size] | None = None


def verify(
    fingerprint: VideoFingerprint,
    small: SmallFrames | None,
    library: LibraryVideo,
    proposed: Proposed,
    sightings: Sequence[Sighting],
) -> Verified:
    """Compare the query, `small` its frames, with a library video closely."""
    options = settings.TVIDZ
    still = MediaType.IMAGE in (fingerprint.media_type, library.media_type)
    cuts, cut_line = _aligned_cuts(fingerprint, library, proposed)
    # Beside aligned cuts any agreement of the picture counts.
    least = 1 if still or cuts >= options.cuts_to_propose else options.min_matches
    wanted = AlignmentSettings(similarity_threshold=options.similarity_threshold, min_matches=least)
    found = _by_hashes(fingerprint, library, proposed, wanted)
    if small is not None and library.small is not None:
        found = [_with_motion(segment, small, library.small) for segment in found]
        for laying in layings(sightings, small, library.small):
            found += align_laid(laying, laying_lines(laying), small, library.small, wanted)
    segments = merge(found)
    alone = not segments and cut_line is not None and cuts >= options.cuts_to_flag
    if alone and cut_line is not None:
        segments = [_segment_of_cuts(fingerprint, library.tracks[0], cut_line)]
    return Verified(
        library.video_id,
        library.tracks[0].duration,
        tuple(segments),
        tuple(sightings),
        cuts,
        alone,
        still,
        least,
        library.tracks,
        _sizes(small, library.small),
    )


def _sizes(query: SmallFrames | None, reference: SmallFrames | None) -> tuple[Size, Size] | None:
    if query is None or reference is None:
        return None
    return (query.width, query.height), (reference.width, reference.height)


def _by_hashes(
    fingerprint: VideoFingerprint,
    library: LibraryVideo,
    proposed: Proposed,
    wanted: AlignmentSettings,
) -> list[AlignedSegment]:
    """Segments over all looks of the hash tier, overlapping ones not merged yet."""
    found: list[AlignedSegment] = []
    for look, lines in proposed.items():
        first, second = query_tracks(fingerprint, look)
        reference = library.tracks[look.reference_region]
        matrices: dict[bool, Matrix | None] = {}
        for segment in align(first, second, reference, lines, wanted):
            matrix = matrices.setdefault(
                segment.mirrored, look_matrix(fingerprint, library, look, segment.mirrored)
            )
            # Inside a look of quarter turns "mirrored" says: turned the other way.
            mirrored = segment.mirrored and not look.quarter
            found.append(replace(segment, mirrored=mirrored, changes=look.changes, matrix=matrix))
    return found


def _with_motion(
    segment: AlignedSegment, query: SmallFrames, reference: SmallFrames
) -> AlignedSegment:
    """The segment with how alike both videos move in it."""
    where = None if segment.matrix is None else overlap(segment.matrix, query, reference)
    if where is None:
        return segment
    told = motion(
        lay_moving(query, where, query=True),
        lay_moving(reference, where, query=False),
        shared_mask(where),
        (segment.q_start, segment.q_end),
        segment.offset,
        segment.speed,
        negative="inverted" in segment.changes,
    )
    return replace(segment, motion=told)


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
