"""Pairs of videos that reached verification, with their features and whether they are copies."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FORMAT: Final = 1
# Of a ground truth: pairs that share something, but not what a copy is about.
_UNSURE: Final = ("bumper_pairs", "ignore_pairs")


class PairsError(Exception):
    """The pairs cannot be read, or nothing can be learned from them."""


@dataclass(frozen=True)
class LabelledPair:
    """A query and a reference. label: the query copies the reference.

    family_query: the families of all that the query copies, none if it copies nothing;
    family_ref: where the reference comes from. Videos of one family show the same things.
    """

    query: str
    ref: str
    family_query: tuple[str, ...]
    family_ref: str
    label: bool
    features: dict[str, float]

    @property
    def families(self) -> frozenset[str]:
        """The families on either side; a query that copies nothing is one of its own."""
        return frozenset({self.family_ref, *(self.family_query or (f"query {self.query}",))})


@dataclass(frozen=True)
class Pairs:
    """All that a calibration is made from.

    signs: for every feature 1 where it may only raise the confidence, -1 where it may only lower
    it, 0 where the data decide. left_out: how many pairs share an added leader or the like and
    are neither copies nor strangers.
    """

    signs: dict[str, int]
    engine_version: str
    pairs: tuple[LabelledPair, ...]
    left_out: int = 0

    def __post_init__(self) -> None:
        if not self.signs or not set(self.signs.values()) <= {-1, 0, 1}:
            raise PairsError("Every feature needs a sign: 1, -1 or 0.")
        for pair in self.pairs:
            if pair.features.keys() != self.signs.keys():
                unlike = ", ".join(sorted(pair.features.keys() ^ self.signs.keys()))
                raise PairsError(f"{pair.query} and {pair.ref} differ in features: {unlike}.")
        if not np.isfinite(self.features).all():
            raise PairsError("A feature is not finite.")

    @property
    def names(self) -> tuple[str, ...]:
        """The features in the order of the columns of `features`."""
        return tuple(self.signs)

    @cached_property
    def features(self) -> NDArray[np.float64]:
        """(n, k), pairs by features."""
        values = [[pair.features[name] for name in self.names] for pair in self.pairs]
        return np.array(values, dtype=np.float64).reshape(len(self.pairs), len(self.names))

    @cached_property
    def labels(self) -> NDArray[np.bool_]:
        """(n,) whether each pair is a copy."""
        return np.array([pair.label for pair in self.pairs], dtype=np.bool_)

    @property
    def families(self) -> frozenset[str]:
        """All the references' families."""
        return frozenset(pair.family_ref for pair in self.pairs)


def label(
    truth: Mapping[str, Any],
    found: Iterable[tuple[str, str, Mapping[str, float]]],
    signs: Mapping[str, int],
    engine_version: str,
) -> Pairs:
    """Pairs (query, reference, features) with their labels and families from a ground truth.

    truth: `gt.json` of a labelled folder. Pairs of its "bumper_pairs" and "ignore_pairs" are left
    out, and so are videos it does not name. A reference without a family is one of its own; a query
    that copies nothing may name the family it comes from.
    """
    family = {ref["id"]: ref.get("family", ref["id"]) for ref in truth["refs"]}
    copied = {
        query["query"]: {copy["ref_id"] for copy in query["copies"]} for query in truth["queries"]
    }
    own = {query["query"]: {query["family"]} for query in truth["queries"] if "family" in query}
    unsure = {tuple(pair) for name in _UNSURE for pair in truth.get(name, [])}
    kept, left_out = [], 0
    for query, ref, features in found:
        if query not in copied or ref not in family:
            continue
        true = ref in copied[query]
        # A copy that has the leader, too, is a copy.
        if not true and (query, ref) in unsure:
            left_out += 1
            continue
        of_query = tuple(sorted({family[each] for each in copied[query]} | own.get(query, set())))
        kept.append(LabelledPair(query, ref, of_query, family[ref], true, dict(features)))
    return Pairs(dict(signs), engine_version, tuple(kept), left_out)


def write(pairs: Pairs, path: Path) -> None:
    """As JSON; OSError where the file cannot be written."""
    path.write_text(json.dumps({"format": FORMAT, **asdict(pairs)}, indent=1) + "\n")


def read(path: Path) -> Pairs:
    """What `write` wrote. Raises PairsError for a file that is not there or not of that form."""
    try:
        written = json.loads(path.read_text())
        if written["format"] != FORMAT:
            raise PairsError(f"{path} has format {written['format']!r}; this reads {FORMAT}.")
        return Pairs(
            signs={str(name): int(sign) for name, sign in written["signs"].items()},
            engine_version=str(written["engine_version"]),
            pairs=tuple(_pair(each) for each in written["pairs"]),
            left_out=int(written.get("left_out", 0)),
        )
    except OSError as error:
        raise PairsError(f"{path} cannot be read: {error.strerror}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PairsError(f"{path} is not JSON of the expected form: {error!r}") from None


def _pair(written: Mapping[str, Any]) -> LabelledPair:
    return LabelledPair(
        query=str(written["query"]),
        ref=str(written["ref"]),
        family_query=tuple(str(name) for name in written["family_query"] or ()),
        family_ref=str(written["family_ref"]),
        label=bool(written["label"]),
        features={str(name): float(value) for name, value in written["features"].items()},
    )


def joined(first: Pairs, second: Pairs) -> Pairs:
    """The pairs of both, made by the same engine from the same features."""
    if (first.signs, first.engine_version) != (second.signs, second.engine_version):
        raise PairsError("The pairs were not made by the same engine.")
    return replace(
        first, pairs=first.pairs + second.pairs, left_out=first.left_out + second.left_out
    )
