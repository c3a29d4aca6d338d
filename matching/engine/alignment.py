"""Which seconds of a query are which seconds of a reference, along the lines that were voted.

Around each line the dense hashes of both videos give a narrow band of distances. The line is
fitted to the band's best pairs; dynamic programming gives each query sample to the line that
explains it best; and the runs of samples that agree become segments. So a pair of videos can share
several pieces, in any order, and what lies between the pieces is never claimed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.engine.agreement import AlignmentSettings
from matching.engine.background import is_background
from matching.engine.fitting import lines_to_try
from matching.engine.hashing import HASH_BITS, hamming
from matching.engine.motion import Motion
from matching.engine.runs import scoring_runs
from matching.engine.tracks import NOT_THERE, Track, band, expected
from matching.engine.voting import Line

Floats = NDArray[np.float64]

# More frames than this are not compared with each other to count the different ones.
_MOST_COMPARED: Final = 600
_CORE_FRAMES: Final = 3
# Speeds other than 1 must earn their keep: in a nearly still scene every speed fits.
_OTHER_SPEED_SHARE: Final = 0.93
_PART: Final = 0.5


@dataclass(frozen=True)
class AlignedSegment:
    """Seconds [q_start, q_end) of the query are seconds [r_start, r_end) of the reference.

    frames counts the dense query frames that are not flat, mean_distance (bits) is over those;
    matched_frames are those of them within the threshold. evidence counts frames that differ from
    one another, weighted by agreement and detail. contrast (bits) is how much better frames agree
    on the line than beside it. pairs_*: seconds in query and reference and bits, for each matched
    frame. changes: what the caller did to the query before it agreed ("inverted", "turned").
    matrix (2, 3) takes pixels of the query's pictures to the reference's, and motion says how alike
    both move there, where that is known. overlap is the share of the pictures (0 to 1, the
    geometric mean over both) that was compared.
    """

    q_start: float
    q_end: float
    r_start: float
    r_end: float
    speed: float
    mirrored: bool
    frames: int
    matched_frames: int
    mean_distance: float
    evidence: float
    contrast: float
    pairs_query: Floats
    pairs_reference: Floats
    pairs_distance: Floats
    changes: tuple[str, ...] = ()
    matrix: Floats | None = None
    motion: Motion | None = None
    overlap: float = 1.0

    @property
    def offset(self) -> float:
        """Seconds of the reference at second 0 of the query."""
        return self.r_start - self.speed * self.q_start


def _edges(track: Track, first: float, last: float) -> tuple[float, float]:
    """The time that samples from first to last stand for: half a step either side, or to the end.

    A copy's true start lies anywhere between its first sample and the one before.
    """
    half = track.step / 2
    start = 0.0 if first <= track.times[0] + 1e-6 else first - half
    end = track.duration if last >= track.times[-1] - 1e-6 else last + half
    return start, end


def _novelty(hashes: NDArray[np.uint8], radius: float) -> Floats:
    """1 / number of frames like it, for each of (n, 32): they sum to the number of different."""
    if len(hashes) == 0:
        return np.zeros(0)
    alike = (hamming(hashes, hashes) <= radius).sum(axis=1)
    return np.asarray(1.0 / alike)


def _spread(count: int, most: int) -> NDArray[np.int64]:
    """At most that many places of count, spread evenly."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def _contrast(
    query: Track, reference: Track, line: Line, rows: NDArray[np.int64], on: Floats
) -> Floats:
    """Bits by which rows agree better on the line than one to four seconds beside it: (n,)."""
    some = query.take(rows)
    near = band(some, reference, line, 4.0)
    away = np.abs(near.time - expected(line, some.times)[:, None])
    beside = np.where((away >= 1.0) & (near.distance < NOT_THERE), near.distance, np.nan)
    known = ~np.isnan(beside).all(axis=1)
    value = np.zeros(len(rows))
    if known.any():
        value[known] = np.nanmedian(beside[known], axis=1) - on[known]
    return value


def _segment(
    query: Track,
    reference: Track,
    line: Line,
    rows: NDArray[np.int64],
    settings: AlignmentSettings,
) -> AlignedSegment:
    near = band(query.take(rows), reference, line, settings.slack_seconds)
    distance, place = near.best()
    there = distance < NOT_THERE
    rows, distance, place = rows[there], distance[there], place[there]
    detail = np.minimum(query.quality[rows], reference.quality[place]).astype(np.float64)
    speaking = detail >= settings.flat_quality
    matched = speaking & (distance <= settings.max_distance)
    used = rows[speaking]
    on = distance[speaking]
    evidence = contrast = 0.0
    if len(used):
        close = np.clip(1 - on / settings.run_distance, 0, 1)
        weight = close * np.clip(detail[speaking] / 50, 0, 1)
        # Everybody's colour bars are no evidence.
        weight[is_background(reference.hashes[place[speaking]])] = 0
        some = _spread(len(used), _MOST_COMPARED)
        alike = settings.core_distance / 2
        novelty = np.minimum(
            _novelty(query.hashes[used[some]], alike),
            _novelty(reference.hashes[place[speaking][some]], alike),
        )
        evidence = float((weight[some] * novelty).sum())
        if weight.sum() > 0:
            beside = _contrast(query, reference, line, used, on)
            contrast = float(np.average(beside, weights=weight))
    q_start, q_end = _edges(query, float(query.times[rows[0]]), float(query.times[rows[-1]]))
    low = max(0.0, line.offset + line.speed * q_start)
    # A still is found at a moment; it stands for one sample of the reference.
    end = q_end if query.step > 0 else q_start + reference.step
    high = min(reference.duration, line.offset + line.speed * end)
    return AlignedSegment(
        q_start=q_start,
        q_end=q_end,
        r_start=low,
        r_end=max(low, high),
        speed=line.speed,
        mirrored=line.mirrored,
        frames=len(on),
        matched_frames=int(matched.sum()),
        mean_distance=float(on.mean()) if len(on) else float(HASH_BITS // 2),
        evidence=evidence,
        contrast=contrast,
        pairs_query=query.times[rows][matched],
        pairs_reference=reference.times[place[matched]],
        pairs_distance=distance[matched],
    )


def _worth(
    query: Track, reference: Track, line: Line, settings: AlignmentSettings
) -> tuple[Floats, NDArray[np.bool_]]:
    """What each query sample (n,) says for a line, -1 to 1; and where both are flat.

    Flat on flat says nothing; off the reference's ends speaks strongly against.
    """
    best, place = band(query, reference, line, settings.slack_seconds).best()
    worth = np.clip(1 - best / settings.run_distance, -1, 1)
    ours, theirs = query.quality, reference.quality[place]
    worth[np.minimum(ours, theirs) < settings.flat_quality] = -0.1
    worth[best >= NOT_THERE] = -1
    flat = np.maximum(ours, theirs) < settings.flat_quality
    return worth, flat & (best < NOT_THERE)


def _choose(worth: Floats, penalty: float) -> NDArray[np.int64]:
    """The line each sample belongs to, -1 for none: (n,), from what it is worth (lines, n).

    Dynamic programming (Viterbi): the best total, less a penalty for each start of another line.
    """
    lines, samples = worth.shape
    gain = np.vstack((np.zeros((1, samples)), worth))
    score = gain[:, 0] - np.where(np.arange(lines + 1) == 0, 0.0, penalty)
    came = np.zeros((lines + 1, samples), dtype=np.int64)
    state = np.arange(lines + 1)
    for sample in range(1, samples):
        top = int(score.argmax())
        jump = score[top] - np.where(state == 0, 0.0, penalty)
        stay = score >= jump
        came[:, sample] = np.where(stay, state, top)
        score = np.where(stay, score, jump) + gain[:, sample]
    chosen = np.empty(samples, dtype=np.int64)
    chosen[-1] = int(score.argmax())
    for sample in range(samples - 1, 0, -1):
        chosen[sample - 1] = came[chosen[sample], sample]
    return chosen - 1


def _stretched(first: int, last: int, free: NDArray[np.bool_]) -> tuple[int, int]:
    """A run made longer over samples that are free to join it."""
    while first > 0 and free[first - 1]:
        first -= 1
    while last < len(free) and free[last]:
        last += 1
    return first, last


def _strength(segment: AlignedSegment) -> float:
    share = 1.0 if segment.speed == 1 else _OTHER_SPEED_SHARE
    told = segment.motion
    if told is not None:
        # Looks alone cannot tell one moment of a still scene from another; what moves can.
        share *= 1 + float(np.clip(min(told.query, told.reference), 0, 1)) * told.correlation
    # Less of a picture agrees more easily: a zoom has a frame for every still cut from it.
    share *= 1 - _PART * (1 - segment.overlap)
    return share * segment.frames * (HASH_BITS / 2 - segment.mean_distance)


def _without(segment: AlignedSegment, taken: AlignedSegment) -> AlignedSegment | None:
    """What of a segment lies outside the query seconds of a stronger one; None for too little."""
    if segment.q_start == segment.q_end == taken.q_start:
        # A still has but one moment.
        return None
    if segment.q_end <= taken.q_start or segment.q_start >= taken.q_end:
        return segment
    before = max(0.0, taken.q_start - segment.q_start)
    after = max(0.0, segment.q_end - taken.q_end)
    start, end = (
        (segment.q_start, taken.q_start) if before >= after else (taken.q_end, segment.q_end)
    )
    kept = (segment.pairs_query >= start) & (segment.pairs_query < end)
    share = (end - start) / (segment.q_end - segment.q_start)
    if end - start < 1.0 or share < 0.25:
        return None
    return replace(
        segment,
        q_start=start,
        q_end=end,
        r_start=segment.r_start + segment.speed * (start - segment.q_start),
        r_end=segment.r_end - segment.speed * (segment.q_end - end),
        frames=round(segment.frames * share),
        matched_frames=int(kept.sum()),
        evidence=segment.evidence * share,
        pairs_query=segment.pairs_query[kept],
        pairs_reference=segment.pairs_reference[kept],
        pairs_distance=segment.pairs_distance[kept],
    )


def _has_core(piece: Track, reference: Track, line: Line, settings: AlignmentSettings) -> bool:
    """Whether enough frames of a piece agree closely (one, when it is a still) and are not flat."""
    near, place = band(piece, reference, line, settings.slack_seconds).best()
    detail = np.minimum(piece.quality, reference.quality[place])
    core = (near <= settings.core_distance) & (detail >= settings.flat_quality)
    return int(core.sum()) >= (_CORE_FRAMES if piece.step > 0 else 1)


def merge(segments: Iterable[AlignedSegment]) -> list[AlignedSegment]:
    """Segments of one pair of videos, each moment of the query in one of them only, by time.

    The strongest keeps its seconds, weaker ones what is left. Use it over regions and turns, too.
    """
    kept: list[AlignedSegment] = []
    for segment in sorted(segments, key=_strength, reverse=True):
        left: AlignedSegment | None = segment
        for taken in kept:
            left = None if left is None else _without(left, taken)
        if left is not None:
            kept.append(left)
    return sorted(kept, key=lambda segment: segment.q_start)


def align(
    query: Track,
    query_mirrored: Track,
    reference: Track,
    lines: Sequence[Line],
    settings: AlignmentSettings | None = None,
) -> list[AlignedSegment]:
    """The segments that query and reference share along the voted lines, in order of the query.

    Several per pair, in any order of the reference, each at its own speed. Empty if nothing agrees.
    """
    settings = settings or AlignmentSettings()
    if not lines or len(query.times) == 0 or len(reference.times) == 0:
        return []
    tried = lines_to_try(query, query_mirrored, reference, lines, settings)
    worths, flats = [], []
    for line in tried:
        track = query_mirrored if line.mirrored else query
        worth, flat = _worth(track, reference, line, settings)
        worths.append(worth * (1.0 if line.speed == 1 else _OTHER_SPEED_SHARE))
        flats.append(flat)
    rate = 1 / query.step if query.step > 0 else 1.0
    # A still has no second sample to make up for the price of a line.
    price = settings.switch_seconds * rate if query.step > 0 else 0.0
    chosen = _choose(np.array(worths), price)
    found: list[AlignedSegment] = []
    for number, line in enumerate(tried):
        track = query_mirrored if line.mirrored else query
        worth = np.where(chosen == number, worths[number], -1.0)
        for first, last in scoring_runs(worth, settings.gap_seconds * rate):
            free = flats[number] & ((chosen == number) | (chosen == -1))
            rows = np.arange(*_stretched(first, last, free))
            if _has_core(track.take(rows), reference, line, settings):
                found.append(_segment(track, reference, line, rows, settings))
    kept = merge(found)
    matched = sum(segment.matched_frames for segment in kept)
    return kept if matched >= (settings.min_matches if query.step > 0 else 1) else []
