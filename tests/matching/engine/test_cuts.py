"""Cut tokens survive frames' differences, lost cuts and speed; rhythm alone proves nothing."""

import numpy as np

from matching.engine.cuts import ABSOLUTE, RATIO, align_cuts, cut_tokens

CUTS = np.array([3.2, 7.9, 9.3, 14.8, 16.9, 21.7, 29.4, 31.0, 36.6])


def _shared(query: np.ndarray, reference: np.ndarray, kind: int) -> list[tuple[float, float]]:
    """(query time, reference time) of equal tokens, asked with neighbours as a query is."""
    ours = cut_tokens(query, 1000.0, neighbours=True)
    theirs = cut_tokens(reference, 1000.0)
    return [
        (float(ours.time[i]), float(theirs.time[j]))
        for i in np.flatnonzero(ours.kind == kind)
        for j in np.flatnonzero(theirs.kind == kind)
        if ours.token[i] == theirs.token[j]
    ]


def _offsets(shared: list[tuple[float, float]]) -> list[int]:
    return [round(reference - query) for query, reference in shared]


def test_a_trimmed_copy_shares_tokens_that_tell_its_offset() -> None:
    copy = CUTS[2:] - 8.0
    assert _offsets(_shared(copy, CUTS, ABSOLUTE)).count(8) >= 4


def test_a_copy_at_another_frame_rate_still_shares_tokens() -> None:
    at_12_fps = np.round(CUTS * 12) / 12
    assert _offsets(_shared(at_12_fps, CUTS, ABSOLUTE)).count(0) >= 4


def test_a_copy_with_one_cut_missed_still_shares_tokens() -> None:
    for place in range(1, len(CUTS) - 1):
        shared = _shared(np.delete(CUTS, place), CUTS, ABSOLUTE)
        assert _offsets(shared).count(0) >= 3, f"without the cut at {CUTS[place]}: {shared}"


def test_a_faster_copy_shares_ratio_tokens_that_tell_its_speed() -> None:
    copy = CUTS / 1.25
    ours, theirs = cut_tokens(copy, 100.0, neighbours=True), cut_tokens(CUTS, 100.0)
    speeds = [
        theirs.span[j] / ours.span[i]
        for i in np.flatnonzero(ours.kind == RATIO)
        for j in np.flatnonzero((theirs.kind == RATIO) & (theirs.token == ours.token[i]))
    ]
    assert sum(abs(speed - 1.25) < 0.02 for speed in speeds) >= 3, speeds


def test_absolute_and_ratio_tokens_never_collide() -> None:
    tokens = cut_tokens(CUTS, 40.0, neighbours=True)
    kinds = [set(tokens.token[tokens.kind == kind].tolist()) for kind in (ABSOLUTE, RATIO)]
    assert not kinds[0] & kinds[1]
    assert all(kinds)


def test_regular_cutting_makes_no_tokens() -> None:
    assert len(cut_tokens(np.arange(5.0, 100, 5), 100.0).token) == 0


def test_videos_with_too_few_cuts_have_no_tokens() -> None:
    for count in range(4):
        assert len(cut_tokens(CUTS[:count], 40.0).token) == 0


def test_tokens_of_strangers_never_propose_one_offset_three_times() -> None:
    rng = np.random.default_rng(3)
    videos = [np.cumsum(rng.uniform(0.6, 9, 40)) for _ in range(12)]
    for i in range(12):
        for j in range(i):
            shared = {
                (round(q, 2), round(r, 2)) for q, r in _shared(videos[i], videos[j], ABSOLUTE)
            }
            offsets = [round((r - q) * 2) for q, r in shared]
            most = max((offsets.count(offset) for offset in offsets), default=0)
            assert most < 3, f"videos {i} and {j}: {sorted(shared)}"


def test_all_cuts_of_a_copy_agree_at_its_offset_and_speed() -> None:
    assert align_cuts(CUTS, CUTS) == len(CUTS)
    assert align_cuts((CUTS - 5) / 1.25, CUTS, offset=5.0, speed=1.25) >= 8
    assert align_cuts(CUTS[:3], CUTS) == 3


def test_two_round_timestamps_are_not_enough() -> None:
    assert align_cuts(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 2
    assert align_cuts(np.array([10.0, 20.0, 33.0]), np.array([10.0, 20.0, 41.0])) <= 2


def test_two_slide_shows_agree_in_no_more_than_two_cuts() -> None:
    slides = np.arange(5.0, 100, 5)
    assert align_cuts(slides, slides) <= 2


def test_cuts_in_every_second_agree_with_anything_and_so_count_nothing() -> None:
    rng = np.random.default_rng(4)
    flicker = np.cumsum(rng.uniform(0.2, 0.4, 200))
    assert align_cuts(CUTS, flicker) < 3
    assert align_cuts(flicker, CUTS) < 3


def test_strangers_agree_in_fewer_than_eight_cuts_at_any_offset() -> None:
    rng = np.random.default_rng(5)
    one, other = (np.cumsum(rng.uniform(0.6, 6, 30)) for _ in range(2))
    best = max(align_cuts(one, other, offset) for offset in np.arange(-60, 60, 0.1))
    assert best < 8


def test_no_cuts_agree_with_nothing() -> None:
    none = np.zeros(0)
    assert align_cuts(none, CUTS) == 0
    assert align_cuts(CUTS, none) == 0
    assert len(cut_tokens(none, 10.0).token) == 0
