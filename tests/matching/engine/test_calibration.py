"""Evidence becomes a confidence, and nothing else may pass for the evidence it was made for."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.engine.calibration import (
    Calibration,
    CalibrationError,
    dump,
    load,
    log_odds,
    probability,
)

MADE = Calibration(
    names=("inliers", "background"),
    means=(10.0, 0.5),
    scales=(5.0, 0.25),
    coefficients=(2.0, -1.0),
    intercept=0.5,
    engine_version="2",
)
CORRECTED = replace(MADE, knots=((-1.0, -3.0), (0.0, 0.0), (2.0, 1.0)))


def test_the_confidence_is_what_one_counts_by_hand() -> None:
    # Standardised (1, -2): 2 + 2 + .5 = 4.5. At the means: the intercept.
    told = MADE.confidence(np.array([[15.0, 0.0], [10.0, 0.5]]))

    assert told == pytest.approx([1 / (1 + np.exp(-4.5)), 1 / (1 + np.exp(-0.5))])


def test_log_odds_and_probability_undo_each_other_and_far_out_nothing_overflows() -> None:
    assert probability(log_odds(np.array([0.001, 0.5, 0.999]))) == pytest.approx(
        [0.001, 0.5, 0.999]
    )
    with np.errstate(all="raise"):
        assert probability(np.array([-700.0, 700.0])) == pytest.approx([0, 1])


def test_knots_bend_the_log_odds_and_go_on_straight_beyond_the_last() -> None:
    told = CORRECTED.corrected(np.array([-2.0, -1.0, -0.5, 1.0, 2.0, 5.0]))

    assert told == pytest.approx([-4.0, -3.0, -1.5, 0.5, 1.0, 4.0])
    assert CORRECTED.uncorrected() == MADE


@given(st.floats(-40, 40), st.floats(1e-3, 40))
def test_knots_never_change_the_order(odds: float, more: float) -> None:
    lower, higher = CORRECTED.corrected(np.array([odds, odds + more]))

    assert lower < higher


@pytest.mark.parametrize("made", [MADE, CORRECTED])
def test_through_json_and_back_it_is_the_same_to_the_bit(made: Calibration) -> None:
    assert load(json.loads(json.dumps(dump(made)))) == made


def test_features_by_name_go_into_the_columns_of_the_calibration() -> None:
    rows = [{"background": 0.1, "inliers": 3.0}, {"inliers": 4.0, "background": 0.2}]

    assert MADE.matrix(rows).tolist() == [[3.0, 0.1], [4.0, 0.2]]
    assert MADE.matrix([]).shape == (0, 2)
    assert MADE.confidence(MADE.matrix([])).shape == (0,)


@pytest.mark.parametrize(
    ("row", "unlike"),
    [
        ({"inliers": 3.0}, "background"),
        ({"inliers": 3.0, "background": 0.1, "motion": 1.0}, "motion"),
        ({"inliers": 3.0, "ground": 0.1}, "background, ground"),
    ],
)
def test_other_features_are_refused(row: dict[str, float], unlike: str) -> None:
    with pytest.raises(CalibrationError, match=f"made for other features: {unlike}"):
        MADE.matrix([row])


@pytest.mark.parametrize("features", [[[1.0]], [1.0, 2.0], [[1.0, float("nan")]]])
def test_features_of_another_shape_or_without_a_number_are_refused(features: Any) -> None:
    with pytest.raises(CalibrationError):
        MADE.confidence(np.array(features))


@pytest.mark.parametrize(
    "change",
    [
        {"names": ()},
        {"names": ("inliers", "inliers")},
        {"means": (1.0,)},
        {"scales": (1.0, 0.0)},
        {"intercept": float("inf")},
        {"knots": ((0.0, 0.0), (1.0, 0.0))},
        {"knots": ((1.0, 0.0), (0.0, 1.0))},
    ],
)
def test_numbers_that_contradict_one_another_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(CalibrationError):
        replace(MADE, **change)


def test_another_format_or_half_a_calibration_is_refused() -> None:
    written = dump(MADE)
    with pytest.raises(CalibrationError, match="format 7"):
        load({**written, "format": 7})
    del written["intercept"]
    with pytest.raises(CalibrationError, match="intercept"):
        load(written)
