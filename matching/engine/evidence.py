"""What speaks for and against a pair of videos, as the few numbers its confidence is made of."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.engine.alignment import AlignedSegment
from matching.engine.confidence import LinkScore
from matching.engine.hashing import HASH_BITS
from matching.engine.motion import Motion
from matching.engine.sightings import Sighting

Floats = NDArray[np.float64]

# 1: may only raise the confidence; -1: may only lower it.
SIGNS: Final[Mapping[str, int]] = {
    "evidence": 1,
    "closeness": 1,
    "alike": 1,
    "unlike": -1,
    "places": 1,
    "covered": 1,
    "order": 1,
    "sped": -1,
}

# Grey levels that change from frame to frame, the median: below the first nothing but noise is left
# to compare, from the second on motion counts whole.
LEAST_MOTION: Final = 0.1
SURE_MOTION: Final = 0.35
# Films of one place at two times stay below, all but a few copies above; measured.
_ALIKE: Final = 0.4
_SPEED: Final = 0.02
_DRIFT: Final = 0.3
_ON_LINE: Final = 1.0
# Black, flat and colour bars agree with one another, and it means nothing.
_NO_EVIDENCE: Final = 0.1


def features(
    segments: Sequence[AlignedSegment],
    sightings: Sequence[Sighting],
    score: LinkScore,
) -> dict[str, float]:
    """The features of `SIGNS` for the segments two videos share; all 0 when those say nothing.

    evidence: log of 1 + frames that differ and agree; closeness (0 to 1): 1 is equality, 0 chance;
    alike and unlike (0 to 1): that both move the same way, and that they move otherwise, 0 both
    where nothing moves; places: log of 1 + local features that agree; covered (0 to 1): the larger
    share; order (0 or 1): kept; sped (0 to 1): the share of seconds at another speed.
    """
    segments = telling(segments)
    if not segments:
        return dict.fromkeys(SIGNS, 0.0)
    seconds = np.array([max(s.q_end - s.q_start, 0.04) for s in segments])
    share = seconds / seconds.sum()
    motions = [_motion(segment.motion) for segment in segments]
    distance = np.array([s.mean_distance for s in segments])
    return {
        "evidence": float(np.log1p(sum(segment.evidence for segment in segments))),
        "closeness": float(share @ np.clip(1 - distance / (HASH_BITS / 2), 0, 1)),
        "alike": float(share @ np.array([alike for alike, _ in motions])),
        "unlike": float(share @ np.array([unlike for _, unlike in motions])),
        "places": float(np.log1p(places(segments, sightings))),
        "covered": max(score.covered_query, score.covered_reference),
        "order": float(score.order_kept),
        "sped": float(share @ np.array([_sped(s) for s in segments], np.float64)),
    }


def telling(segments: Sequence[AlignedSegment]) -> list[AlignedSegment]:
    """The segments that are evidence: not those of black, flat pictures and colour bars."""
    return [segment for segment in segments if segment.evidence > _NO_EVIDENCE]


def _sped(segment: AlignedSegment) -> bool:
    # Over a second or two a sample's difference looks like another speed and is none.
    drift = abs(segment.speed - 1) * (segment.q_end - segment.q_start)
    return abs(segment.speed - 1) > _SPEED and drift > _DRIFT


def _motion(told: Motion | None) -> tuple[float, float]:
    """How much motion speaks for a segment, and against."""
    if told is None:
        return 0.0, 0.0
    moved = min(told.query, told.reference)
    weight = float(np.clip((moved - LEAST_MOTION) / (SURE_MOTION - LEAST_MOTION), 0, 1))
    value = max(0.0, told.correlation)
    alike, unlike = max(0.0, value - _ALIKE) / (1 - _ALIKE), max(0.0, _ALIKE - value) / _ALIKE
    return weight * alike, weight * unlike


def places(segments: Sequence[AlignedSegment], sightings: Sequence[Sighting]) -> float:
    """Local features that agree in the best frame pair on each segment's line, summed."""
    total = 0.0
    for segment in segments:
        best = 0
        for one in sightings:
            inside = segment.q_start - _ON_LINE <= one.query_time <= segment.q_end + _ON_LINE
            expected = segment.offset + segment.speed * one.query_time
            if inside and abs(one.reference_time - expected) <= _ON_LINE:
                best = max(best, one.weight)
        total += best
    return total
