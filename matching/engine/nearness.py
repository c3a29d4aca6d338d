"""How sure a distance between two descriptors makes one that both show the same scene.

One logistic curve a descriptor, fitted to measured distances: p = 1 / (1 + exp(-(a + b d))), b < 0.
Source: Platt, "Probabilistic Outputs for Support Vector Machines" (1999), with his targets
(n + 1) / (n + 2) instead of 1, so that no finite sample makes anything certain, and the damped
Newton steps of Lin, Lin and Weng, "A Note on Platt's Probabilistic Outputs" (2007).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.engine.calibration import probability
from matching.engine.reliability import equal_mass_bins, expected_error

Floats = NDArray[np.float64]

_STEPS: Final = 100
_ENOUGH: Final = 1e-9
# Keeps the curve finite where all distances are alike.
_RIDGE: Final = 1e-9
_GROUPS: Final = 5


class NotTelling(ValueError):
    """Copies are no nearer than strangers: the descriptor tells nothing here."""


@dataclass(frozen=True)
class Nearness:
    """The curve: probability of the same scene from a distance, in whatever unit it has."""

    intercept: float
    slope: float

    def probability(self, distance: NDArray[np.floating]) -> Floats:
        """Probabilities, 0 to 1, of distances of any shape."""
        return probability(self.intercept + self.slope * np.asarray(distance, np.float64))


def fit_nearness(same: NDArray[np.floating], other: NDArray[np.floating]) -> Nearness:
    """The curve for distances (n,) between copies and (m,) between strangers, both as likely.

    Each side counts half, whatever n and m. Raises ValueError where a side is empty, NotTelling
    where copies are not nearer than strangers.
    """
    if not len(same) or not len(other):
        raise ValueError("distances of copies and of strangers are needed")
    distance = np.concatenate([same, other]).astype(np.float64)
    sizes = [len(same), len(other)]
    target = np.repeat([(len(same) + 1) / (len(same) + 2), 1 / (len(other) + 2)], sizes)
    weight = np.repeat([0.5 / len(same), 0.5 / len(other)], sizes)
    middle, scale = float(distance.mean()), float(distance.std()) or 1.0
    terms = np.stack([np.ones_like(distance), (distance - middle) / scale], axis=1)
    level, steepness = _newton(terms, target, weight)
    if steepness >= -1e-6:
        raise NotTelling("copies are no nearer than strangers")
    return Nearness(level - steepness * middle / scale, steepness / scale)


def separation(same: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Share of pairs of a copy (n,) and a stranger (m,) in which the copy is nearer: 0 to 1.

    The area under the ROC curve; equal distances count half.
    """
    ordered = np.sort(other)
    farther = len(ordered) - np.searchsorted(ordered, same, side="right")
    equal = np.searchsorted(ordered, same, side="right") - np.searchsorted(ordered, same)
    return float((farther + equal / 2).mean() / len(ordered))


def held_out_error(
    same: NDArray[np.floating], other: NDArray[np.floating], family: NDArray[np.integer]
) -> float:
    """Expected calibration error, 0 to 1, of curves fitted without the family they judge.

    same and other (n,) are distances of the same n pictures, family (n,) numbers their videos;
    families are left out in five groups.
    """
    names, number = np.unique(family, return_inverse=True)
    if len(names) < 2:
        raise ValueError("two families at least are needed to leave one out")
    group = number % min(_GROUPS, len(names))
    said, truth = [], []
    for left_out in range(int(group.max()) + 1):
        out = group == left_out
        fitted = fit_nearness(same[~out], other[~out])
        said += [fitted.probability(same[out]), fitted.probability(other[out])]
        truth += [np.ones(out.sum(), np.bool_), np.zeros(out.sum(), np.bool_)]
    return expected_error(equal_mass_bins(np.concatenate(said), np.concatenate(truth)))


def _newton(terms: Floats, target: Floats, weight: Floats) -> Floats:
    """Coefficients (k,) of the weighted logistic fit of terms (n, k) to targets (n,)."""
    found = np.zeros(terms.shape[1])
    loss = _loss(terms @ found, target, weight)
    for _ in range(_STEPS):
        chance = probability(terms @ found)
        gradient = terms.T @ (weight * (chance - target))
        if np.abs(gradient).max() < _ENOUGH:
            break
        curvature = terms.T @ (terms * (weight * chance * (1 - chance))[:, None])
        step = np.linalg.solve(curvature + _RIDGE * np.eye(len(found)), gradient)
        length = 1.0
        while length > _ENOUGH:
            nearer = _loss(terms @ (found - length * step), target, weight)
            if nearer < loss:
                break
            length /= 2
        else:
            break
        found, loss = found - length * step, nearer
    return found


def _loss(score: Floats, target: Floats, weight: Floats) -> float:
    return float(weight @ (np.logaddexp(0, score) - target * score))
