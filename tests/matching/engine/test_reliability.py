"""The figures about the confidence are right where they can be counted by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.engine.reliability import (
    equal_mass_bins,
    error_by_chance,
    expected_error,
    reliability,
)


def _pairs(*groups: tuple[float, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of one confidence each: (confidence, how many, how many of them are copies)."""
    said = [confidence for confidence, count, _ in groups for _ in range(count)]
    true = [place < copies for _, count, copies in groups for place in range(count)]
    return np.array(said), np.array(true)


def test_the_error_is_the_mean_distance_of_said_from_came_true_over_pairs() -> None:
    # |.1 - 0| for 20, |.5 - .75| for 40, |.9 - .85| for 20.
    told = reliability(*_pairs((0.1, 20, 0), (0.5, 40, 30), (0.9, 20, 17)))

    assert [each.count for each in told.bins] == [20, 40, 20]
    assert [each.came_true for each in told.bins] == [0, 0.75, 0.85]
    assert told.expected_error == pytest.approx((20 * 0.1 + 40 * 0.25 + 20 * 0.05) / 80)
    assert (told.n, told.copies) == (80, 47)


def test_a_confidence_that_keeps_its_word_has_no_error() -> None:
    told = reliability(*_pairs((0.25, 40, 10), (0.5, 30, 15), (0.75, 40, 30)))

    assert told.expected_error == pytest.approx(0)


def test_brier_score_and_log_loss_are_what_one_counts_by_hand() -> None:
    told = reliability(np.array([0.8, 0.4]), np.array([True, True]))

    assert told.brier == pytest.approx((0.04 + 0.36) / 2)
    assert told.log_loss == pytest.approx(-(math.log(0.8) + math.log(0.4)) / 2)


def test_to_be_sure_and_wrong_costs_much_but_not_everything() -> None:
    assert reliability(np.array([1.0]), np.array([False])).log_loss == pytest.approx(
        6 * math.log(10)
    )


def test_the_bins_hold_equal_numbers_and_the_rest_is_shared_out() -> None:
    said = np.linspace(0, 1, 119)

    bins = equal_mass_bins(said, said > 0.5)
    assert sorted(each.count for each in bins) == [23, 24, 24, 24, 24]


def test_many_pairs_make_fifteen_bins() -> None:
    said = np.linspace(0, 1, 900)

    assert [each.count for each in equal_mass_bins(said, said > 0.5)] == [60] * 15


def test_equal_confidences_stay_together_and_leave_the_other_bins_alike() -> None:
    said, true = _pairs((1.0, 70, 70))
    rest = np.linspace(0, 0.9, 66)
    bins = equal_mass_bins(np.append(rest, said), np.append(rest > 0.4, true))

    assert [each.count for each in bins] == [23, 23, 20, 70]
    assert (bins[-1].low, bins[-1].high) == (1, 1)


def test_what_is_too_little_for_a_bin_goes_into_the_last() -> None:
    said, true = _pairs((0.2, 50, 5), (0.9, 19, 19))

    assert [each.count for each in equal_mass_bins(said, true)] == [69]


def test_few_pairs_make_one_bin_and_none_make_none() -> None:
    assert len(equal_mass_bins(np.array([0.1, 0.9]), np.array([False, True]))) == 1
    nothing = reliability(np.zeros(0), np.zeros(0, dtype=np.bool_))
    assert nothing.bins == ()
    assert math.isnan(nothing.expected_error)
    assert math.isnan(expected_error(()))


def test_chance_alone_makes_an_error_where_pairs_are_few_and_doubtful() -> None:
    # A share of 20 coins lies .088 from one half on average.
    assert error_by_chance(np.full(20, 0.5)) == pytest.approx(0.088, abs=0.01)
    assert error_by_chance(np.full(2000, 0.5)) < 0.01
    assert error_by_chance(np.array([0.0, 1.0] * 30)) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=400))
def test_bins_hold_every_pair_once_and_none_is_small(pairs: list[tuple[int, bool]]) -> None:
    said = np.array([tenth / 9 for tenth, _ in pairs])
    bins = equal_mass_bins(said, np.array([true for _, true in pairs]))

    assert sum(each.count for each in bins) == len(pairs)
    assert len(bins) == 1 or min(each.count for each in bins) >= 20
    assert all(a.high < b.low for a, b in zip(bins, bins[1:], strict=False))
    assert 0 <= expected_error(bins) <= 1
