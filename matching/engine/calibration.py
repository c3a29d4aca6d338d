"""From what speaks for a pair of videos to how often such a pair is a copy.

A logistic model over a few named features, with the signs of its coefficients fixed where it is
known which way a feature speaks (Platt, "Probabilistic outputs for support vector machines", 1999),
and where it pays a monotone correction of its log odds on top (Zadrozny and Elkan, "Transforming
classifier scores into accurate multiclass probability estimates", KDD 2002). This is the half that
runs with every search; `tvidz/training` makes the numbers.

The confidence is the share of copies among pairs that reached verification *in the videos trained
on*. Nothing here knows how many of a library's own pairs are copies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FORMAT: Final = 1


class CalibrationError(ValueError):
    """The numbers of a calibration contradict one another, or what they are given."""


def log_odds(probability: Floats) -> Floats:
    """log(p / (1 - p)) of probabilities strictly between 0 and 1, any shape."""
    return np.log(probability) - np.log1p(-probability)


def probability(odds: Floats) -> Floats:
    """The inverse of log_odds, any shape; exact to 0 and 1 far out, and never a warning."""
    small = np.exp(-np.abs(odds))
    return np.where(odds >= 0, 1 / (1 + small), small / (1 + small))


@dataclass(frozen=True)
class Calibration:
    """The numbers of one calibration; every tuple before `intercept` has k entries.

    names: the features, in the order of a matrix's columns. means, scales: what is taken off a
    feature and what it is divided by. coefficients: log odds for each unit of that. knots: pairs
    (log odds in, log odds out), both rising strictly; between them the line is straight, beyond
    them it goes on at slope 1, so that the order of pairs never changes. engine_version: what the
    features were computed by.

    Raises CalibrationError for lengths that differ, scales that are not positive, numbers that are
    not finite and knots that do not rise.
    """

    names: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float
    engine_version: str
    knots: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        columns = (self.means, self.scales, self.coefficients)
        if not self.names or len(set(self.names)) < len(self.names):
            raise CalibrationError("A calibration needs features, each by a name of its own.")
        if any(len(column) != len(self.names) for column in columns):
            raise CalibrationError("Every feature needs a mean, a scale and a coefficient.")
        numbers = [*self.means, *self.scales, *self.coefficients, self.intercept]
        numbers += [number for knot in self.knots for number in knot]
        if not np.isfinite(numbers).all() or any(scale <= 0 for scale in self.scales):
            raise CalibrationError("The numbers must be finite, and the scales positive.")
        if any(b[0] <= a[0] or b[1] <= a[1] for a, b in pairwise(self.knots)):
            raise CalibrationError("The knots must rise.")

    def confidence(self, features: Floats) -> Floats:
        """How surely each row of features (n, k), in the order of `names`, is a copy: (n,), 0 to 1.

        Raises CalibrationError for another number of columns and for features that are not finite.
        """
        return probability(self.corrected(self.log_odds(features)))

    def log_odds(self, features: Floats) -> Floats:
        """The log odds (n,) of features (n, k) before the knots; errors as `confidence`."""
        features = np.asarray(features, dtype=np.float64)
        if features.ndim != 2 or features.shape[1] != len(self.names):
            raise CalibrationError(
                f"Features of shape {features.shape} where (n, {len(self.names)}) is wanted."
            )
        if not np.isfinite(features).all():
            raise CalibrationError("A feature is not finite.")
        standard = (features - np.asarray(self.means)) / np.asarray(self.scales)
        return standard @ np.asarray(self.coefficients) + self.intercept

    def corrected(self, odds: Floats) -> Floats:
        """Log odds (n,) after the knots."""
        if not self.knots:
            return odds
        x, y = np.array(self.knots, dtype=np.float64).T
        beyond = np.maximum(odds - x[-1], 0) + np.minimum(odds - x[0], 0)
        return np.interp(odds, x, y) + beyond

    def uncorrected(self) -> "Calibration":
        """The same without knots."""
        return replace(self, knots=())

    def matrix(self, rows: Sequence[Mapping[str, float]]) -> Floats:
        """Named features of n pairs as (n, k); raises CalibrationError for any other names."""
        for row in rows:
            if row.keys() != set(self.names):
                unlike = ", ".join(sorted(row.keys() ^ set(self.names)))
                raise CalibrationError(f"The calibration was made for other features: {unlike}.")
        values = [[row[name] for name in self.names] for row in rows]
        return np.array(values, dtype=np.float64).reshape(len(rows), len(self.names))


def dump(calibration: Calibration) -> dict[str, Any]:
    """The calibration as what JSON can hold; floats are kept to the last bit."""
    columns = (calibration.means, calibration.scales, calibration.coefficients)
    return {
        "format": FORMAT,
        "engine_version": calibration.engine_version,
        "features": [
            {"name": name, "mean": mean, "scale": scale, "coefficient": coefficient}
            for name, mean, scale, coefficient in zip(calibration.names, *columns, strict=True)
        ],
        "intercept": calibration.intercept,
        "knots": [list(knot) for knot in calibration.knots],
    }


def load(written: Mapping[str, Any]) -> Calibration:
    """What `dump` made. Raises CalibrationError for another format and for what it lacks."""
    if written.get("format") != FORMAT:
        raise CalibrationError(
            f"A calibration of format {written.get('format')!r}; this reads format {FORMAT}."
        )
    try:
        features = written["features"]
        return Calibration(
            names=tuple(str(feature["name"]) for feature in features),
            means=tuple(float(feature["mean"]) for feature in features),
            scales=tuple(float(feature["scale"]) for feature in features),
            coefficients=tuple(float(feature["coefficient"]) for feature in features),
            intercept=float(written["intercept"]),
            engine_version=str(written["engine_version"]),
            knots=tuple((float(x), float(y)) for x, y in written["knots"]),
        )
    except CalibrationError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise CalibrationError(f"A calibration that cannot be read: {error!r}.") from None
