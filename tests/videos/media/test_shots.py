from itertools import pairwise

import pytest

from videos.media.shots import Cut, CutFinder


def cuts_of(scores: list[float], *, step: float = 0.04, threshold: float = 0.3) -> list[Cut]:
    finder = CutFinder(threshold)
    found = [finder.push(number * step, score) for number, score in enumerate(scores)]
    return [cut for cut in [*found, finder.finish()] if cut]


def test_a_single_peak_is_a_cut_at_its_own_frame() -> None:
    assert cuts_of([0.0] * 10 + [0.7] + [0.0] * 10) == [Cut(10 * 0.04, 0.7)]


def test_a_score_at_the_threshold_counts_and_one_below_does_not() -> None:
    assert len(cuts_of([0.0, 0.3, 0.0], threshold=0.3)) == 1
    assert cuts_of([0.0, 0.29, 0.0], threshold=0.3) == []


def test_of_two_peaks_close_together_the_stronger_is_kept() -> None:
    assert [cut.score for cut in cuts_of([0.0, 0.4, 0.0, 0.9, 0.0])] == [0.9]


def test_a_fast_strobe_gives_cuts_no_nearer_than_the_gap() -> None:
    cuts = cuts_of([0.8] * 100)
    gaps = [later.timestamp - sooner.timestamp for sooner, later in pairwise(cuts)]
    assert min(gaps) >= 0.2 - 1e-9


def test_two_cuts_a_second_apart_are_both_found() -> None:
    scores = [0.0] * 60
    scores[10] = scores[35] = 0.5
    assert [cut.timestamp for cut in cuts_of(scores)] == pytest.approx([0.4, 1.4])


def test_a_cut_is_told_as_soon_as_the_gap_has_passed() -> None:
    finder = CutFinder(0.3)
    assert finder.push(1.0, 0.6) is None
    assert finder.push(1.1, 0.0) is None
    assert finder.push(1.24, 0.0) == Cut(1.0, 0.6)
    assert finder.finish() is None


def test_a_score_is_never_told_as_more_than_one() -> None:
    assert cuts_of([0.0, 1.17, 0.0])[0].score == 1.0
