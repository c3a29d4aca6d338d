"""The law that made the pairs is found again, and never with the help of the family it is for."""

from dataclasses import replace

import numpy as np
import pytest

from matching.engine.reliability import reliability
from tests.tvidz.training.conftest import INTERCEPT, SLOPES, MakePairs
from tvidz.training.confidence import fit, left_out, left_out_confidence, train
from tvidz.training.pairs import PairsError


def test_the_law_behind_made_up_pairs_is_found_again(make_pairs: MakePairs) -> None:
    made = train(make_pairs(count=4000))

    slopes = np.array(made.coefficients) / np.array(made.scales)
    at_zero = made.log_odds(np.zeros((1, 3)))[0]
    assert made.names == tuple(SLOPES)
    assert slopes == pytest.approx(list(SLOPES.values()), abs=0.25)
    assert at_zero == pytest.approx(INTERCEPT, abs=0.25)
    assert made.engine_version == "2"


def test_evidence_never_lowers_the_confidence_whatever_the_pairs_say(make_pairs: MakePairs) -> None:
    # In these pairs background lowers and motion raises; both are held to the other way.
    free = train(make_pairs(background=0))
    held = train(make_pairs(background=1, motion=-1))

    assert dict(zip(free.names, free.coefficients, strict=True))["background"] < -0.5
    constrained = dict(zip(held.names, held.coefficients, strict=True))
    assert constrained["background"] == 0
    assert constrained["motion"] == 0
    assert constrained["inliers"] > 0.2


def test_without_a_penalty_the_slope_of_the_loss_is_zero_at_the_answer() -> None:
    features = np.array([[0.0], [1.0], [2.0], [3.0]])
    labels = np.array([False, True, False, True])

    coefficients, intercept = fit(features, labels, np.array([0.0]), penalty=0.0)

    told = 1 / (1 + np.exp(-(features @ coefficients + intercept)))
    assert (told - labels).sum() == pytest.approx(0, abs=1e-3)
    assert ((told - labels) * features[:, 0]).sum() == pytest.approx(0, abs=1e-3)


def test_a_larger_penalty_trusts_the_features_less_even_where_they_separate_everything() -> None:
    features = np.array([[-1.0], [-2.0], [1.0], [2.0]])
    labels = np.array([False, False, True, True])

    slopes = [fit(features, labels, np.array([1.0]), penalty)[0][0] for penalty in (0.01, 1, 100)]

    assert slopes[0] > slopes[1] > slopes[2] > 0


def test_nothing_trained_on_touches_a_held_out_family_and_each_pair_is_held_out_once(
    make_pairs: MakePairs,
) -> None:
    pairs = make_pairs(count=200).pairs
    seen: list[int] = []

    for held, rest in left_out(pairs):
        away = set().union(*(pairs[place].families for place in held))
        assert not any(pairs[place].families & away for place in rest)
        assert {pairs[place].family_ref for place in held} <= away
        seen += held.tolist()

    assert sorted(seen) == list(range(200))


def test_a_family_with_wrong_labels_does_not_move_its_own_confidence(
    make_pairs: MakePairs,
) -> None:
    right = make_pairs(count=200, families=6)
    liar = "family 3"
    turned = tuple(
        replace(pair, label=not pair.label) if liar in pair.families else pair
        for pair in right.pairs
    )

    before, _ = left_out_confidence(right)
    after, _ = left_out_confidence(replace(right, pairs=turned))

    inside = np.array([liar in pair.families for pair in right.pairs])
    assert after[inside] == pytest.approx(before[inside], abs=1e-12)
    assert np.abs(after[~inside] - before[~inside]).max() > 0.01


def test_left_out_families_are_told_with_the_right_confidence(make_pairs: MakePairs) -> None:
    pairs = make_pairs(count=1200)
    heard: list[int] = []

    plain, corrected = left_out_confidence(pairs, told=heard.append)

    assert reliability(plain, pairs.labels).expected_error < 0.05
    assert reliability(corrected, pairs.labels).expected_error < 0.05
    assert sum(heard) == len(plain) == 1200


def test_the_monotone_correction_mends_what_no_logistic_curve_can(make_pairs: MakePairs) -> None:
    # However much motion there is, one pair in five is a stranger.
    pairs = make_pairs(count=1200)
    rng = np.random.default_rng(4)
    capped = tuple(
        replace(pair, label=bool(pair.features["motion"] > 0 and rng.random() < 0.8))
        for pair in pairs.pairs
    )
    pairs = replace(pairs, pairs=capped)

    plain, bent = (reliability(told, pairs.labels) for told in left_out_confidence(pairs))

    assert plain.expected_error > 0.06
    assert bent.expected_error < 0.03
    assert bent.log_loss < plain.log_loss
    assert len(train(pairs).knots) > 1


def test_copies_alone_teach_nothing(make_pairs: MakePairs) -> None:
    pairs = make_pairs(count=60)
    copies = replace(pairs, pairs=tuple(replace(pair, label=True) for pair in pairs.pairs))

    with pytest.raises(PairsError, match="here 60 of 60 are copies"):
        train(copies)


def test_a_feature_that_never_differs_has_no_say(make_pairs: MakePairs) -> None:
    pairs = make_pairs(count=100)
    still = tuple(replace(p, features={**p.features, "motion": 7.0}) for p in pairs.pairs)

    made = train(replace(pairs, pairs=still))

    assert made.coefficients[0] == pytest.approx(0, abs=1e-6)
