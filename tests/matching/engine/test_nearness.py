"""From distances to probabilities."""

import numpy as np
import pytest

from matching.engine.nearness import (
    Nearness,
    NotTelling,
    fit_nearness,
    held_out_error,
    separation,
)


def test_the_curve_that_made_the_distances_is_found_again() -> None:
    rng = np.random.default_rng(4)
    distance = rng.uniform(0, 1, 40_000)
    same = rng.random(40_000) < Nearness(5.0, -10.0).probability(distance)

    found = fit_nearness(distance[same], distance[~same])

    assert found.intercept == pytest.approx(5.0, abs=0.2)
    assert found.slope == pytest.approx(-10.0, abs=0.4)


def test_many_strangers_make_a_copy_no_less_likely() -> None:
    copies, strangers = np.array([0.1, 0.2, 0.3, 0.6]), np.array([0.25, 0.5, 0.7, 0.9])

    even = fit_nearness(np.tile(copies, 100), np.tile(strangers, 100))
    odd = fit_nearness(np.tile(copies, 100), np.tile(strangers, 5000))

    asked = np.array([0.1, 0.4, 0.8])
    assert even.probability(asked) == pytest.approx(odd.probability(asked), abs=0.01)


def test_nothing_is_certain_however_well_they_part() -> None:
    found = fit_nearness(np.full(20, 0.01), np.full(20, 0.9))

    nearest, farthest = found.probability(np.array([0.01, 0.9]))
    assert nearest == pytest.approx(21 / 22, abs=0.001)
    assert farthest == pytest.approx(1 / 22, abs=0.001)


def test_a_probability_only_falls_with_the_distance() -> None:
    found = fit_nearness(np.array([0.1, 0.3, 0.5]), np.array([0.4, 0.6, 0.9]))

    told = found.probability(np.linspace(0, 50, 200))

    assert (np.diff(told) <= 0).all()
    assert told.min() >= 0
    assert told.max() <= 1


@pytest.mark.parametrize(
    ("same", "other"),
    [([0.5, 0.6, 0.7], [0.1, 0.2, 0.3]), ([0.4, 0.6], [0.4, 0.6]), ([0.5], [0.5])],
)
def test_copies_that_are_no_nearer_than_strangers_give_no_curve(
    same: list[float], other: list[float]
) -> None:
    with pytest.raises(NotTelling):
        fit_nearness(np.array(same), np.array(other))


def test_a_side_without_distances_gives_no_curve() -> None:
    with pytest.raises(ValueError, match="needed"):
        fit_nearness(np.array([0.1]), np.zeros(0))


def test_the_separation_counts_pairs_in_the_right_order() -> None:
    assert separation(np.array([0.1, 0.2]), np.array([0.3, 0.4])) == 1.0
    assert separation(np.array([0.1, 0.3]), np.array([0.2, 0.4])) == 0.75
    assert separation(np.array([0.2]), np.array([0.2])) == 0.5


def test_a_family_that_is_unlike_the_others_shows_in_the_error() -> None:
    rng = np.random.default_rng(6)
    family = np.repeat(np.arange(5), 100)
    alike_same, alike_other = rng.normal(0.2, 0.05, 500), rng.normal(0.8, 0.05, 500)
    odd_same = np.where(family == 0, 0.8, alike_same)

    assert held_out_error(alike_same, alike_other, family) < 0.02
    assert held_out_error(odd_same, alike_other, family) > 0.05
