"""Scene cuts as a fingerprint of their own: it survives mirror, colour, crop and bars.

Tokens are made of three consecutive intervals between cuts, in seconds, or of the ratios of four,
whatever the speed; variants leave one cut out. Equal tokens propose where two videos may align;
aligning the cuts themselves then counts. Regular cutting (a slide show, a metronome) makes no
tokens and hardly counts: any two regular videos agree.
"""

from dataclasses import dataclass
from itertools import pairwise, product
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ABSOLUTE: Final = 0
RATIO: Final = 1
# A frame of slow film (1/12 s) either way, at both ends of an interval.
_SECONDS_STEP: Final = 0.25
_SECONDS_BLUR: Final = 0.09
_OCTAVE_STEP: Final = 0.25
_OCTAVE_BLUR: Final = 0.09
_PLACE_BITS: Final = 15
# Cuts nearer than this are one flash, or flicker; longer intervals are no cutting rhythm.
_NEAREST: Final = 0.2
_LONGEST: Final = 600.0
_REGULAR: Final = 0.1


@dataclass(frozen=True)
class CutTokens:
    """Tokens of one video: token (n,) int64, the second of its first cut and the seconds it spans
    (n,) float64, and its kind (n,) uint8, ABSOLUTE or RATIO.

    Equal ABSOLUTE tokens give offset = reference time - query time at speed 1; equal RATIO tokens
    give speed = reference span / query span, too.
    """

    token: NDArray[np.int64]
    time: Floats
    span: Floats
    kind: NDArray[np.uint8]


def cleaned(cuts: Floats, duration: float) -> Floats:
    """Cuts inside (0, duration), rising, flicker thinned to its first cut."""
    kept: list[float] = []
    for cut in np.sort(np.asarray(cuts, dtype=np.float64)).tolist():
        if 0 < cut < duration and (not kept or cut - kept[-1] >= _NEAREST):
            kept.append(cut)
    return np.array(kept, dtype=np.float64)


def _places(values: Floats, step: float, blur: float, neighbours: bool) -> list[tuple[int, ...]]:
    """The quantised values; with neighbours also those that lie within blur of the next cell."""
    choices = []
    for value in values.tolist():
        cells = {int(np.floor(value / step))}
        if neighbours:
            cells |= {int(np.floor((value - blur) / step)), int(np.floor((value + blur) / step))}
        choices.append(sorted(cells))
    return list(product(*choices))


def _packed(kind: int, places: tuple[int, ...]) -> int:
    token = kind
    for place in places:
        token = (token << _PLACE_BITS) | ((place + (1 << (_PLACE_BITS - 1))) % (1 << _PLACE_BITS))
    return token


def _telling(window: Floats) -> bool:
    """Whether cuts are neither regular nor too far apart to be a rhythm of anybody's."""
    intervals = np.diff(window)
    regular = float(np.ptp(intervals)) <= _REGULAR * float(intervals.mean())
    return not regular and float(intervals.max()) <= _LONGEST


def _windows(cuts: Floats, intervals: int) -> list[Floats]:
    """Runs of that many intervals, as they are and with one of the cuts between left out."""
    size = intervals + 1
    plain = [cuts[start : start + size] for start in range(len(cuts) - size + 1)]
    longer = [cuts[start : start + size + 1] for start in range(len(cuts) - size)]
    found = [window for window in plain if _telling(window)]
    for window in longer:
        if _telling(window):
            found += [np.delete(window, place) for place in range(1, size)]
    return found


def cut_tokens(cuts: Floats, duration: float, neighbours: bool = False) -> CutTokens:
    """The tokens of a video's scene cuts (m,) in seconds.

    Ask for neighbours on the query's side only: an interval near the edge of its cell then also
    looks into the next, so that a frame's difference is forgiven once and not twice.
    """
    kept = cleaned(cuts, duration)
    found: set[tuple[int, float, float, int]] = set()
    for window in _windows(kept, 3):
        for places in _places(np.diff(window), _SECONDS_STEP, _SECONDS_BLUR, neighbours):
            token = _packed(ABSOLUTE, places)
            found.add((token, float(window[0]), float(window[-1] - window[0]), ABSOLUTE))
    for window in _windows(kept, 4):
        ratios = np.diff(np.log2(np.diff(window)))
        for places in _places(ratios, _OCTAVE_STEP, _OCTAVE_BLUR, neighbours):
            token = _packed(RATIO, places)
            found.add((token, float(window[0]), float(window[-1] - window[0]), RATIO))
    rows = sorted(found, key=lambda row: (row[1], row[3], row[0], row[2]))
    return CutTokens(
        token=np.array([row[0] for row in rows], dtype=np.int64),
        time=np.array([row[1] for row in rows], dtype=np.float64),
        span=np.array([row[2] for row in rows], dtype=np.float64),
        kind=np.array([row[3] for row in rows], dtype=np.uint8),
    )


def _matched(query: Floats, reference: Floats, tolerance: float) -> tuple[Floats, int]:
    """Query cuts, moved to the reference's time, with a reference cut of their own that near."""
    agreeing: list[float] = []
    place = 0
    for cut in query.tolist():
        while place < len(reference) and reference[place] < cut - tolerance:
            place += 1
        if place < len(reference) and abs(reference[place] - cut) <= tolerance:
            agreeing.append(cut)
            place += 1
    return np.array(agreeing, dtype=np.float64), len(agreeing)


def align_cuts(
    query_cuts: Floats,
    reference_cuts: Floats,
    offset: float = 0.0,
    speed: float = 1.0,
    tolerance: float = 0.1,
) -> int:
    """How many cuts agree when reference seconds = offset + speed * query seconds.

    The whole cuts that chance gives at the reference's density of cuts are taken off, and a
    repeated rhythm counts once: two slide shows of five seconds a slide agree in two cuts, however
    long they are. 0 when fewer than half of either video's cuts between the outer agreeing ones
    do agree.
    """
    query = cleaned(query_cuts, np.inf) * speed + offset
    reference = cleaned(reference_cuts, np.inf)
    agreeing, count = _matched(query, reference, tolerance)
    if count < 2:
        return count
    first, last = agreeing[0] - tolerance, agreeing[-1] + tolerance
    ours = int(((query >= first) & (query <= last)).sum())
    theirs = int(((reference >= first) & (reference <= last)).sum())
    if count * 2 < max(ours, theirs):
        return 0
    intervals = np.diff(agreeing)
    rhythms = {
        (round(a / (2 * tolerance)), round(b / (2 * tolerance)))
        for a, b in pairwise(intervals.tolist())
        if abs(a - b) > 2 * tolerance
    }
    chance = int(ours * min(1.0, 2 * tolerance * theirs / (last - first)))
    return max(0, min(2 + len(rhythms), count - chance))
