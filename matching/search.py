"""Step: a fingerprint becomes matches. Nothing here knows who may see the result."""

import uuid

from django.conf import settings

from matching.fingerprint import VideoFingerprint
from matching.index import library_videos
from matching.proposals import propose
from matching.verification import Match, verify


def search(fingerprint: VideoFingerprint, exclude: uuid.UUID | None = None) -> list[Match]:
    """Matches of `fingerprint` in the library, surest first; `exclude` leaves one video out."""
    options = settings.TVIDZ
    proposals = propose(fingerprint, exclude)
    chosen = proposals.best(options.max_candidates)
    found = [
        verify(fingerprint, library, proposals.lines[library.video_id], proposals.common)
        for library in library_videos(chosen, fingerprint.version)
    ]
    kept = [
        match
        for match in found
        if match is not None and match.score.score >= options.report_confidence
    ]
    return sorted(kept, key=lambda match: -match.score.score)
