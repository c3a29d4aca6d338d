"""Fits a calibration to labelled pairs, and says what it would give for families it never saw.

The penalty is chosen inside each training set by leaving fifths of its families out, so that a
held-out family has no part in anything that is fitted, the choice of the penalty included.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression
from threadpoolctl import threadpool_limits

from matching.engine.calibration import Calibration, log_odds, probability
from tvidz.training.pairs import LabelledPair, Pairs, PairsError

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]
Places = NDArray[np.int64]

PENALTIES: Final = (0.03, 0.3, 3.0, 30.0)
_PARTS: Final = 5


def train(pairs: Pairs) -> Calibration:
    """The calibration of all the pairs, with a monotone correction by isotonic regression.

    `Calibration.uncorrected()` is the same without. Raises PairsError where there are no copies, or
    nothing but copies.
    """
    # The matrices are so small that threads only wait for one another: 2 ms a fit, or up to 100.
    with threadpool_limits(1):
        return _train(pairs, np.arange(len(pairs.pairs)))


def left_out_confidence(
    pairs: Pairs, told: Callable[[int], None] = lambda count: None
) -> tuple[Floats, Floats]:
    """What each pair's confidence is by the pairs that share no family with it.

    (n,) without the monotone correction and (n,) with it. `told` hears how many pairs were done.
    Raises PairsError as `train`.
    """
    plain = np.full(len(pairs.pairs), np.nan)
    corrected = plain.copy()
    with threadpool_limits(1):
        for held, rest in left_out(pairs.pairs):
            made = _train(pairs, rest)
            corrected[held] = made.confidence(pairs.features[held])
            plain[held] = made.uncorrected().confidence(pairs.features[held])
            told(len(held))
    return plain, corrected


def left_out(pairs: Sequence[LabelledPair]) -> Iterator[tuple[Places, Places]]:
    """Places of pairs to hold out together, and of those to train on for them.

    Each pair is held out once, with all others between the same families. Nothing trained on has
    one of these families on either side, or a held-out query.
    """
    together: dict[frozenset[str], list[int]] = {}
    for place, pair in enumerate(pairs):
        together.setdefault(frozenset({pair.family_ref, *pair.family_query}), []).append(place)
    for held in together.values():
        away = frozenset().union(*(pairs[place].families for place in held))
        rest = [place for place, pair in enumerate(pairs) if not pair.families & away]
        yield np.array(held, np.int64), np.array(rest, np.int64)


def fit(features: Floats, labels: Truths, signs: Floats, penalty: float) -> tuple[Floats, float]:
    """Coefficients (k,) and intercept of a logistic model of features (n, k), labels (n,) bool.

    Least sum of log loss (nats) and penalty / 2 times the squared coefficients; a coefficient is
    never below 0 where its sign (k,) is 1, never above where it is -1. The problem is convex, so
    the bounded quasi-Newton method L-BFGS-B (Byrd et al., 1995) finds the one answer.
    """
    k = features.shape[1]
    bounds = [(0.0 if s > 0 else None, 0.0 if s < 0 else None) for s in signs]

    def loss(x: Floats) -> tuple[float, Floats]:
        odds = features @ x[:k] + x[k]
        value = np.logaddexp(0, np.where(labels, -odds, odds)).sum()
        wrong = probability(odds) - labels
        slope = np.append(features.T @ wrong + penalty * x[:k], wrong.sum())
        return float(value + penalty / 2 * (x[:k] @ x[:k])), slope

    answer = minimize(
        loss, np.zeros(k + 1), jac=True, method="L-BFGS-B", bounds=[*bounds, (None,) * 2]
    )
    return answer.x[:k], float(answer.x[k])


def _train(pairs: Pairs, places: Places) -> Calibration:
    features, labels = pairs.features[places], pairs.labels[places]
    if len(set(labels.tolist())) < 2:
        raise PairsError(
            "Copies and strangers are both needed, and whichever families are left out "
            f"some of both must remain; here {int(labels.sum())} of {len(labels)} are copies."
        )
    signs = np.array([pairs.signs[name] for name in pairs.names], dtype=np.float64)
    means, scales = features.mean(axis=0), features.std(axis=0)
    # A feature that never differs says nothing, whatever it is divided by.
    scales[scales < 1e-12] = 1.0
    standard = (features - means) / scales
    parts = list(_parts([pairs.pairs[place] for place in places]))
    penalty, odds = _choose(standard, labels, signs, parts)
    coefficients, intercept = fit(standard, labels, signs, penalty)
    return Calibration(
        names=pairs.names,
        means=tuple(means.tolist()),
        scales=tuple(scales.tolist()),
        coefficients=tuple(coefficients.tolist()),
        intercept=intercept,
        engine_version=pairs.engine_version,
        knots=_knots(odds, labels),
    )


def _parts(pairs: Sequence[LabelledPair]) -> Iterator[tuple[Places, Places]]:
    """As `left_out`, a fifth of the references' families at a time."""
    names = sorted({pair.family_ref for pair in pairs})
    for part in range(_PARTS):
        away = set(names[part::_PARTS])
        held = [place for place, pair in enumerate(pairs) if pair.family_ref in away]
        rest = [place for place, pair in enumerate(pairs) if not pair.families & away]
        yield np.array(held, np.int64), np.array(rest, np.int64)


def _choose(
    features: Floats, labels: Truths, signs: Floats, parts: Sequence[tuple[Places, Places]]
) -> tuple[float, Floats]:
    """The penalty that foretells left-out families best, and its log odds (n,) for them.

    The log odds are nan where too few other families remain to learn from.
    """
    best = (float("inf"), PENALTIES[0], np.full(len(labels), np.nan))
    for penalty in PENALTIES:
        odds = np.full(len(labels), np.nan)
        for held, rest in parts:
            if len(set(labels[rest].tolist())) == 2:
                coefficients, intercept = fit(features[rest], labels[rest], signs, penalty)
                odds[held] = features[held] @ coefficients + intercept
        told = np.isfinite(odds)
        loss = float(np.logaddexp(0, np.where(labels, -odds, odds)[told]).sum())
        if loss < best[0]:
            best = (loss, penalty, odds)
    return best[1], best[2]


def _knots(odds: Floats, labels: Truths) -> tuple[tuple[float, float], ...]:
    """The steps of an isotonic regression of labels on log odds (n,), each at its middle.

    A step of copies or of strangers alone is taken to hold half a pair of the other kind.
    """
    told = np.isfinite(odds)
    odds, labels = odds[told], labels[told]
    if len(odds) == 0:
        return ()
    edge = 0.5 / (len(odds) + 1)
    regression = IsotonicRegression(y_min=edge, y_max=1 - edge)
    # Rounded, or one step may fall into two that differ by the last bit.
    steps = np.round(regression.fit_transform(odds, labels.astype(np.float64)), 9)
    levels = np.unique(steps)
    middles = [float(odds[steps == level].mean()) for level in levels]
    return tuple(zip(middles, log_odds(levels).tolist(), strict=True))
