"""Which copies may be told from a handful of keyframes, before a video was looked at properly.

Keyframes lie seconds apart: where they agree with a library video there is hardly any motion to
compare, and a leader that two videos share may hold most of them. The confidence was calibrated on
four frames a second and knows neither. So what is told early must be surer than what is flagged,
and must be seen over most of the query.
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.engine.hashing import luminance
from matching.engine.local import detect
from matching.fingerprint import FingerprintBuilder, VideoFingerprint
from matching.judging import Match, judge
from matching.pictures import FEATURES, AskingFrame
from matching.proposals import Proposed, propose
from matching.search import compare_candidates
from matching.seeing import Seen, see

CONFIDENCE: Final = 0.95
# From the first frame that agrees to the last, as a share of what was looked at: leaders and
# inserted pieces stay below it and are left to the whole analysis.
SPAN: Final = 0.5
# Local features cost fifty times what a hash does: one frame in so many seconds is looked for by
# them, two at least, and only when hashes found nothing.
ASK_EVERY: Final = 10.0
ASK_MOST: Final = 6
LEAST_SEEN: Final = 2
CANDIDATES: Final = 6


def early_matches(
    pictures: NDArray[np.uint8],
    timestamps: NDArray[np.float64],
    media_type: str,
    looked: float,
    duration: float,
    exclude: uuid.UUID | None,
) -> tuple[VideoFingerprint, list[Match]]:
    """What may be told from `pictures` (n, h, w, 3) uint8 RGB at `timestamps` (n,) s, surest first.

    The pictures are spread over the first `looked` seconds of a video of `duration`, and few: they
    are held in memory. The fingerprint that was searched with comes first; it ends where looking
    did. By hashes; by local features of some frames when that told nothing.
    """
    builder = FingerprintBuilder(media_type, hashes_only=True)
    every = np.ones(len(timestamps), np.bool_)
    builder.add(pictures, timestamps, np.arange(len(timestamps)), every, ())
    fingerprint = builder.fingerprint(looked)
    lines = propose(fingerprint, exclude)
    told = _telling(fingerprint, lines, {})
    asking = [] if told else _asking(pictures, timestamps, looked)
    if asking and fingerprint.pictures is not None:
        held = replace(fingerprint.pictures, asking=tuple(asking))
        fingerprint = replace(fingerprint, pictures=held)
        seen = _often(see(fingerprint, exclude, negatives=False), len(asking))
        told = _telling(fingerprint, {video: lines.get(video, {}) for video in seen}, seen)
    return fingerprint, [_of_whole(match, looked / duration) for match in told]


def _of_whole(match: Match, share: float) -> Match:
    """The match with what it covers told of the whole query, of which a share was looked at."""
    covered = match.score.covered_query * share
    return replace(match, score=replace(match.score, covered_query=covered))


def _often(seen: Seen, asked: int) -> Seen:
    """The videos seen in so many of the frames that a copy over most of the query can be."""
    least = max(LEAST_SEEN, int(asked * SPAN))
    return {
        video: sightings
        for video, sightings in seen.items()
        if len({sighting.query_time for sighting in sightings}) >= least
    }


def _telling(
    fingerprint: VideoFingerprint, lines: Mapping[uuid.UUID, Proposed], seen: Seen
) -> list[Match]:
    return [
        match
        for match in judge(fingerprint, compare_candidates(fingerprint, lines, seen, CANDIDATES))
        if match.score.score >= CONFIDENCE
        and "shared" not in match.score.kinds
        and _span(match) >= SPAN * fingerprint.duration
    ]


def _span(match: Match) -> float:
    """Seconds of the query from the first frame that agrees to the last."""
    times = np.concatenate([segment.pairs_query for segment in match.segments])
    return float(np.ptp(times)) if len(times) else 0.0


def _asking(
    pictures: NDArray[np.uint8], timestamps: NDArray[np.float64], duration: float
) -> list[AskingFrame]:
    """Frames to look for by their local features, spread evenly."""
    wanted = max(LEAST_SEEN, min(ASK_MOST, int(duration / ASK_EVERY)))
    count = min(wanted, len(timestamps))
    # In the middle of equal parts: the first and last frames of videos are often black.
    places = ((np.arange(count) + 0.5) * len(timestamps) / count).astype(np.int64)
    gray = np.clip(np.rint(luminance(pictures[places])), 0, 255).astype(np.uint8)
    return [
        AskingFrame(float(timestamps[place]), detect(picture, FEATURES))
        for place, picture in zip(places, gray, strict=True)
    ]
