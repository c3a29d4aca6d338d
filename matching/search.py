"""Step: a fingerprint becomes matches. Nothing here knows who may see the result."""

import uuid
from collections.abc import Mapping

from django.conf import settings

from matching.fingerprint import VideoFingerprint
from matching.index import library_videos
from matching.judging import Match, judge
from matching.proposals import Proposed, propose
from matching.seeing import Seen, see
from matching.verification import Verified, verify


def search(fingerprint: VideoFingerprint, exclude: uuid.UUID | None = None) -> list[Match]:
    """Matches of `fingerprint` in the library, surest first; `exclude` leaves one video out."""
    least = settings.TVIDZ.report_confidence
    return [
        match
        for match in judge(fingerprint, compare(fingerprint, exclude))
        if match.score.score >= least
    ]


def compare(fingerprint: VideoFingerprint, exclude: uuid.UUID | None = None) -> list[Verified]:
    """All library videos that anything speaks for, compared closely."""
    lines, seen = propose(fingerprint, exclude), see(fingerprint, exclude)
    return compare_candidates(fingerprint, lines, seen, settings.TVIDZ.max_candidates)


def compare_candidates(
    fingerprint: VideoFingerprint, lines: Mapping[uuid.UUID, Proposed], seen: Seen, most: int
) -> list[Verified]:
    """At most so many of the library videos that lines or sightings speak for, compared closely."""
    # Half the places go to the surest of either tier, so that neither crowds out the other.
    by_words = sorted(seen, key=lambda video: -sum(one.weight for one in seen[video]))
    by_hashes = list(lines)
    chosen: dict[uuid.UUID, None] = {}
    for place in range(max(len(by_words), len(by_hashes))):
        for ranked in (by_hashes, by_words):
            if place < len(ranked) and len(chosen) < most:
                chosen[ranked[place]] = None
    pictures = fingerprint.pictures
    small = None if pictures is None else pictures.small()
    found = []
    for library in library_videos(list(chosen), fingerprint.version):
        lines_there, seen_there = lines.get(library.video_id, {}), seen.get(library.video_id, [])
        found.append(verify(fingerprint, small, library, lines_there, seen_there))
    return found
