"""Made-up pairs of videos whose true chance of being a copy is known."""

from collections.abc import Callable

import numpy as np
import pytest

from tvidz.training.pairs import LabelledPair, Pairs

MakePairs = Callable[..., Pairs]

# Log odds for each unit of a feature, and at 0.
SLOPES = {"motion": 2.0, "inliers": 1.0, "background": -1.5}
INTERCEPT = 0.5


@pytest.fixture
def make_pairs() -> MakePairs:
    """Pairs of `families` sources, labels drawn by the logistic law of SLOPES and INTERCEPT.

    A third of the queries copies nothing and has no family; signs may be given otherwise.
    """

    def make(count: int = 400, families: int = 12, seed: int = 1, **signs: int) -> Pairs:
        rng = np.random.default_rng(seed)
        values = rng.normal(0, 1, (count, len(SLOPES)))
        chance = 1 / (1 + np.exp(-(values @ list(SLOPES.values()) + INTERCEPT)))
        made = []
        for place in range(count):
            label = bool(rng.random() < chance[place])
            ref, other = (f"family {number}" for number in rng.integers(0, families, 2))
            of_query = (ref,) if label else (other,) if place % 3 else ()
            features = dict(zip(SLOPES, values[place].tolist(), strict=True))
            made.append(LabelledPair(f"q{place}", f"r{place}", of_query, ref, label, features))
        known = {"motion": 1, "inliers": 1, "background": -1}
        return Pairs({**known, **signs}, "2", tuple(made))

    return make
