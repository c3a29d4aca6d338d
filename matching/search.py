"""Step: a fingerprint becomes matches. Nothing here knows who may see the result."""

import uuid

from django.conf import settings

from matching.fingerprint import VideoFingerprint
from matching.index import library_videos
from matching.judging import Match, judge
from matching.proposals import propose
from matching.seeing import see
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
    lines = propose(fingerprint, exclude)
    seen = see(fingerprint, exclude)
    # Half the places go to the surest of either tier, so that neither crowds out the other.
    most = settings.TVIDZ.max_candidates
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
