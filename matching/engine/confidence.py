"""How sure a link is, from the segments that speak for it.

A segment's evidence counts the frames that differ from one another, each by how closely and with
how much detail it agrees: a hundred copies of one still frame are one frame, black is none. Each
such frame is taken to leave the same share of the doubt, so the score is 1 - exp(-evidence / 0.7):
one still picture, equal to the bit, ends near 0.7, three different ones near 0.98. Evidence that
fits the time no better than a second away (contrast) counts up to a third less.

No threshold enters here. The constant is set, not fitted: among 8,600 pairs of strangers in the
development videos none agrees at all within 90 bits, so there is nothing to fit it against.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.engine.alignment import AlignedSegment

_DOUBT: Final = 0.7
_TIMELESS: Final = 0.7
_FULL_CONTRAST: Final = 40.0
_SHUFFLED: Final = 0.9
_EXCERPT: Final = 0.95
# A link is an intro that several library videos share if most of what agrees is found in others,
# too, and the better part of the reference is something else.
_COMMON_SHARE: Final = 0.6
_COMMON_COVER: Final = 0.5
_WHOLE: Final = 0.9
_SPEED: Final = 0.02


@dataclass(frozen=True)
class LinkScore:
    """score is the confidence, 0 to 1, that the query copies the reference.

    covered_*: share of each video's seconds. order_kept: the pieces follow each other as in the
    reference. kinds: what was done to it, of "mirrored", "speed", "excerpt" (part of the
    reference), "inserted" (part of the query), "reordered", "shared" (an intro that others have,
    too: to be told, not flagged). reported: enough frames matched to be told of at all; that never
    moves the score.
    """

    score: float
    matched_frames: int
    covered_query: float
    covered_reference: float
    order_kept: bool
    kinds: tuple[str, ...]
    reported: bool


def covered(intervals: Sequence[tuple[float, float]]) -> float:
    """Seconds covered by half-open intervals, overlaps counted once."""
    total, end = 0.0, float("-inf")
    for first, last in sorted(intervals):
        total += max(0.0, last - max(first, end))
        end = max(end, last)
    return total


def _share(seconds: float, duration: float) -> float:
    # A still has no duration; what is found of it is all of it.
    return min(1.0, seconds / duration) if duration > 0 else 1.0


def _order_kept(segments: Sequence[AlignedSegment]) -> bool:
    in_query_order = sorted(segments, key=lambda segment: segment.q_start)
    middles = [(segment.r_start + segment.r_end) / 2 for segment in in_query_order]
    return all(before <= after for before, after in pairwise(middles))


def _common_share(
    segments: Sequence[AlignedSegment], videos_by_second: NDArray[np.int64] | None
) -> float:
    if videos_by_second is None or len(videos_by_second) == 0:
        return 0.0
    times = np.concatenate([segment.pairs_query for segment in segments])
    if len(times) == 0:
        return 0.0
    second = np.clip(times.astype(np.int64), 0, len(videos_by_second) - 1)
    return float((videos_by_second[second] >= 2).mean())


def _doubt_left(segments: Sequence[AlignedSegment]) -> float:
    evidence = 0.0
    for segment in segments:
        timely = float(np.clip(segment.contrast / _FULL_CONTRAST, 0, 1))
        evidence += segment.evidence * (_TIMELESS + (1 - _TIMELESS) * timely)
    # The same seconds of the reference twice over are no second witness.
    spans = [(segment.r_start, segment.r_end) for segment in segments]
    total = sum(last - first for first, last in spans)
    evidence *= covered(spans) / total if total > 0 else 1.0
    return float(np.exp(-evidence / _DOUBT))


def score_link(
    segments: Sequence[AlignedSegment],
    query_duration: float,
    reference_duration: float,
    videos_by_second: NDArray[np.int64] | None = None,
    min_matches: int = 3,
    intro: bool = False,
) -> LinkScore:
    """The confidence in a link, and what kind of copy it is.

    Durations in seconds. videos_by_second (voting.videos_by_second): in how many references each
    second of the query is found; without it nothing is called shared but what is an `intro` (see
    intros.is_intro).
    """
    if not segments:
        return LinkScore(0.0, 0, 0.0, 0.0, True, (), False)
    matched = sum(segment.matched_frames for segment in segments)
    query = _share(covered([(s.q_start, s.q_end) for s in segments]), query_duration)
    reference = _share(covered([(s.r_start, s.r_end) for s in segments]), reference_duration)
    in_order = _order_kept(segments)
    common = _common_share(segments, videos_by_second)
    shared = intro or (common >= _COMMON_SHARE and reference < _COMMON_COVER)
    kinds = (
        ("mirrored", any(segment.mirrored for segment in segments)),
        ("speed", any(abs(segment.speed - 1) > _SPEED for segment in segments)),
        ("excerpt", reference < _WHOLE),
        ("inserted", query < _WHOLE),
        ("reordered", not in_order),
        ("shared", shared),
    )
    score = 1 - _doubt_left(segments)
    score *= _EXCERPT + (1 - _EXCERPT) * max(query, reference)
    score *= 1.0 if in_order else _SHUFFLED
    score *= 0.5 if shared else 1.0
    return LinkScore(
        score=score,
        matched_frames=matched,
        covered_query=query,
        covered_reference=reference,
        order_kept=in_order,
        kinds=tuple(name for name, holds in kinds if holds),
        reported=matched >= min_matches,
    )
