"""Intros and outros: what stands before or after the content of two otherwise different videos.

A leader, a logo, a title that lies at the very start of both and gives way to something else at the
same moment in both is an intro, even if no third video has it. A copy's own first seconds do not
end in a cut of the reference.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.engine.alignment import AlignedSegment
from matching.engine.hashing import hamming
from matching.engine.tracks import Track

_LONGEST: Final = 15.0
_MOST_OF_EITHER: Final = 0.5
_AT_THE_EDGE: Final = 0.75
# Frames beyond the seam must differ from those before it by more than re-encoding does.
_ANOTHER_SCENE: Final = 90.0
_BESIDE: Final = 1.25


def is_intro(segments: Sequence[AlignedSegment], query: Track, reference: Track) -> bool:
    """Whether all that agrees is the beginning (or the end) of both, cut off in both alike."""
    if not segments or query.step <= 0 or reference.step <= 0:
        return False
    q = min(s.q_start for s in segments), max(s.q_end for s in segments)
    r = min(s.r_start for s in segments), max(s.r_end for s in segments)
    if _leads(q, r, query, reference):
        return True
    q, r = _reversed_span(q, query), _reversed_span(r, reference)
    return _leads(q, r, _reversed(query), _reversed(reference))


def _reversed_span(span: tuple[float, float], track: Track) -> tuple[float, float]:
    return track.duration - span[1], track.duration - span[0]


def _reversed(track: Track) -> Track:
    times = np.maximum(0.0, track.duration - track.times[::-1])
    return Track(times, track.hashes[::-1], track.quality[::-1], track.duration)


def _leads(q: tuple[float, float], r: tuple[float, float], query: Track, reference: Track) -> bool:
    for span, track in ((q, query), (r, reference)):
        short = span[1] <= min(_LONGEST, _MOST_OF_EITHER * track.duration)
        if span[0] > _AT_THE_EDGE or not short or not _seam(track, span[1]):
            return False
    return True


def _seam(track: Track, time: float) -> bool:
    """Whether another scene begins at about that time."""
    before = _rows(track, time - _BESIDE - track.step, time - track.step)
    after = _rows(track, time + track.step, time + _BESIDE + track.step)
    if not len(before) or not len(after):
        return False
    return float(np.median(hamming(track.hashes[before], track.hashes[after]))) > _ANOTHER_SCENE


def _rows(track: Track, first: float, last: float) -> NDArray[np.int64]:
    return np.flatnonzero((track.times >= first) & (track.times <= last))
