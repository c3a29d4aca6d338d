"""The score of a set of predicted links against a ground truth, for `manage.py evaluate`.

Pairs are judged by rank (micro-average precision as in the Video Similarity Challenge 2022; recall
above the best-scored false pair), segments by the overlap measure of VCSL (CVPR 2022). In the
measures ending in x, pairs that share nothing but an added bumper are left out of the ranking.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan, nan
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from matching.engine.confidence import covered

Pair = tuple[str, str]
Floats = NDArray[np.float64]

_TINY: Final = 1e-9
_BUMPER_MARGIN: Final = 1.0


@dataclass(frozen=True)
class Row:
    """The scores of one attack's queries or one family's videos; nan where there are none.

    queries and pairs are counts; recall of pairs at all; r0fp above the best false pair; ap average
    precision; both again without bumper pairs (x); segment precision, recall, F1; boundary error in
    seconds; false pairs, and those of them that lie in the reference's bumper alone.
    """

    queries: int
    pairs: int
    recall: float
    r0fp: float
    ap: float
    r0fpx: float
    apx: float
    segment_precision: float
    segment_recall: float
    segment_f1: float
    boundary: float
    false_pairs: int
    bumper_false_pairs: int


@dataclass(frozen=True)
class Report:
    """Rows by attack and by source family in alphabetical order, and all of it together.

    A pair belongs to its reference's family; a family's queries are those that copy it. alarms:
    queries without a copy for which something was predicted, alarm_pairs the predictions;
    threshold: the best score of a false pair; unknown: predictions of videos nobody knows.
    """

    attacks: dict[str, Row]
    families: dict[str, Row]
    total: Row
    no_copy_queries: int
    alarms: int
    alarm_pairs: int
    threshold: float
    unknown: int


@dataclass(frozen=True)
class _Judged:
    """Ground truth and predictions by pair of ids; boxes are (n, 4): q and r start, q and r end."""

    truth: dict[Pair, Floats]
    boxes: dict[Pair, Floats]
    score: dict[Pair, float]
    ignored: frozenset[Pair]
    bumper_pairs: frozenset[Pair]
    bumper_seconds: dict[str, float]
    unknown: int

    def false_pairs(self) -> list[Pair]:
        return [p for p in self.score if p not in self.truth and p not in self.ignored]


def average_precision(scores: Sequence[float], true: Sequence[bool], positives: int) -> float:
    """Area under precision over recall; equal scores are taken together. nan without positives."""
    if positives == 0:
        return nan
    if len(scores) == 0:
        return 0.0
    values, place = np.unique(-np.asarray(scores, dtype=np.float64), return_inverse=True)
    hits = np.bincount(place, np.asarray(true, dtype=np.float64), minlength=len(values))
    seen = np.bincount(place, minlength=len(values))
    precision = np.cumsum(hits) / np.cumsum(seen)
    return float((hits / positives * precision).sum())


def segment_overlap(predicted: Floats, truth: Floats) -> tuple[float, float]:
    """Precision and recall of boxes (n, 4) against (m, 4): q start, r start, q end, r end.

    A box counts by what of it true boxes cover that meet it on both axes; the shares on the two
    axes are multiplied.
    """
    if len(predicted) == 0:
        return 1.0, (0.0 if len(truth) else 1.0)
    if len(truth) == 0:
        return 0.0, 1.0
    low = np.maximum(predicted[:, None, :2], truth[None, :, :2])
    high = np.minimum(predicted[:, None, 2:], truth[None, :, 2:])
    meet = np.asarray((high > low).all(axis=2), dtype=np.bool_)
    precision = recall = 1.0
    for axis in (0, 1):
        first, last = low[:, :, axis], high[:, :, axis]
        found = _met_seconds(first, last, meet)
        known = _met_seconds(first.T, last.T, meet.T)
        precision *= found / (float((predicted[:, axis + 2] - predicted[:, axis]).sum()) + _TINY)
        recall *= known / (float((truth[:, axis + 2] - truth[:, axis]).sum()) + _TINY)
    return precision, recall


def _met_seconds(first: Floats, last: Floats, meet: NDArray[np.bool_]) -> float:
    """Seconds of each row's box that boxes (columns) meeting it cover, summed over rows."""
    total = 0.0
    for row, met in enumerate(meet):
        spans = zip(first[row][met].tolist(), last[row][met].tolist(), strict=True)
        total += covered(list(spans))
    return total


def _boundary_errors(predicted: Floats, truth: Floats) -> list[float]:
    errors: list[float] = []
    for box in predicted:
        both = np.minimum(box[2], truth[:, 2]) - np.maximum(box[0], truth[:, 0])
        either = np.maximum(box[2], truth[:, 2]) - np.minimum(box[0], truth[:, 0])
        share = np.clip(both, 0, None) / (either + _TINY)
        nearest = int(share.argmax())
        if share[nearest] > 0:
            errors += np.abs(box - truth[nearest]).tolist()
    return errors


def _box(segment: Mapping[str, Any]) -> list[float]:
    return [float(segment[name]) for name in ("q_start", "r_start", "q_end", "r_end")]


def _judge(truth: Mapping[str, Any], predictions: Iterable[Mapping[str, Any]]) -> _Judged:
    queries = {query["query"]: query for query in truth["queries"]}
    references = {reference["id"]: reference for reference in truth["refs"]}
    copies: dict[Pair, list[list[float]]] = defaultdict(list)
    for name, query in queries.items():
        for copy in query["copies"]:
            copies[name, copy["ref_id"]].append(_box(copy))
    boxes: dict[Pair, list[list[float]]] = defaultdict(list)
    score: dict[Pair, float] = {}
    unknown = 0
    for prediction in predictions:
        pair = (prediction["query"], prediction["ref"])
        if pair[0] not in queries or pair[1] not in references:
            unknown += 1
            continue
        score[pair] = max(float(prediction.get("score", 1.0)), score.get(pair, -inf))
        if prediction.get("q_end") is not None:
            boxes[pair].append(_box(prediction))
    return _Judged(
        truth={pair: np.array(found) for pair, found in copies.items()},
        boxes={pair: np.array(found) for pair, found in boxes.items()},
        score=score,
        ignored=frozenset((a, b) for a, b in truth.get("ignore_pairs", [])),
        bumper_pairs=frozenset((a, b) for a, b in truth.get("bumper_pairs", [])),
        bumper_seconds={name: r.get("bumper_len", 0) for name, r in references.items()},
        unknown=unknown,
    )


def _in_bumper(pair: Pair, judged: _Judged) -> bool:
    limit = judged.bumper_seconds[pair[1]]
    if limit <= 0 or pair not in judged.boxes:
        return False
    starts, ends = judged.boxes[pair][:, 1], judged.boxes[pair][:, 3]
    return bool((starts < limit + _BUMPER_MARGIN).all() and (ends <= limit + _BUMPER_MARGIN).all())


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else nan


def _ranked(judged: _Judged, pairs: list[Pair], wrong: list[Pair]) -> tuple[float, float]:
    """Recall above the best of the wrong pairs, and average precision among all of them."""
    limit = max((judged.score[pair] for pair in wrong), default=-inf)
    above = _mean([judged.score.get(pair, -inf) > limit for pair in pairs])
    right = [pair for pair in pairs if pair in judged.score]
    scores = [judged.score[pair] for pair in right + wrong]
    true = [True] * len(right) + [False] * len(wrong)
    return above, average_precision(scores, true, len(pairs))


def _row(judged: _Judged, queries: int, belongs: Callable[[Pair], bool]) -> Row:
    pairs = [pair for pair in judged.truth if belongs(pair)]
    wrong = judged.false_pairs()
    wrong_here = [pair for pair in wrong if belongs(pair)]
    r0fp, ap = _ranked(judged, pairs, wrong)
    r0fpx, apx = _ranked(judged, pairs, [p for p in wrong if p not in judged.bumper_pairs])
    precisions, recalls, errors = [0.0] * len(wrong_here), [], []
    none = np.empty((0, 4))
    for pair in pairs:
        boxes = judged.boxes.get(pair, none)
        precision, recall = segment_overlap(boxes, judged.truth[pair])
        recalls.append(recall)
        if len(boxes):
            precisions.append(precision)
            errors += _boundary_errors(boxes, judged.truth[pair])
    told = len(judged.boxes) > 0
    p, r = (_mean(precisions), _mean(recalls)) if told else (nan, nan)
    f1 = nan if not recalls else 0.0
    if not isnan(p) and not isnan(r) and p + r > 0:
        f1 = 2 * p * r / (p + r)
    return Row(
        queries=queries,
        pairs=len(pairs),
        recall=_mean([pair in judged.score for pair in pairs]),
        r0fp=r0fp,
        ap=ap,
        r0fpx=r0fpx,
        apx=apx,
        segment_precision=p,
        segment_recall=r,
        segment_f1=f1,
        boundary=_mean(errors),
        false_pairs=len(wrong_here),
        bumper_false_pairs=sum(_in_bumper(pair, judged) for pair in wrong_here),
    )


def _row_of_queries(judged: _Judged, names: set[str]) -> Row:
    return _row(judged, len(names), lambda pair: pair[0] in names)


def _row_of_family(judged: _Judged, members: set[str]) -> Row:
    queries = {query for query, reference in judged.truth if reference in members}
    return _row(judged, len(queries), lambda pair: pair[1] in members)


def evaluate(gt: Mapping[str, Any], predictions: Iterable[Mapping[str, Any]]) -> Report:
    """Score predictions against a ground truth.

    gt: "refs" [{id, bumper_len, family}], "queries" [{query, attack, copies: [{ref_id, q_start,
    q_end, r_start, r_end}]}], "bumper_pairs" and "ignore_pairs" [[query, ref]]. predictions:
    {query, ref, q_start, q_end, r_start, r_end, score}, one for each segment; without q_end a
    prediction names the pair only, without score it counts 1.
    """
    judged = _judge(gt, predictions)
    names: dict[str, set[str]] = defaultdict(set)
    for query in gt["queries"]:
        names[query["attack"]].add(query["query"])
    members: dict[str, set[str]] = defaultdict(set)
    for reference in gt["refs"]:
        members[reference.get("family", reference["id"])].add(reference["id"])
    everything = {query["query"] for query in gt["queries"]}
    empty = {query["query"] for query in gt["queries"] if not query["copies"]}
    wrong = judged.false_pairs()
    alarms = [pair for pair in wrong if pair[0] in empty]
    return Report(
        attacks={attack: _row_of_queries(judged, names[attack]) for attack in sorted(names)},
        families={name: _row_of_family(judged, members[name]) for name in sorted(members)},
        total=_row_of_queries(judged, everything),
        no_copy_queries=len(empty),
        alarms=len({pair[0] for pair in alarms}),
        alarm_pairs=len(alarms),
        threshold=max((judged.score[pair] for pair in wrong), default=-inf),
        unknown=judged.unknown,
    )


def _line(name: str, row: Row) -> str:
    numbers = (
        row.recall,
        row.r0fpx,
        row.apx,
        row.segment_precision,
        row.segment_recall,
        row.segment_f1,
        row.boundary,
    )
    shown = " ".join("    -" if isnan(number) else f"{number:5.2f}" for number in numbers)
    return f"{name[:20]:20} {row.queries:7} {row.pairs:5} {shown} {row.false_pairs:5}"


def _head(name: str) -> str:
    return f"{name:20} queries pairs   rec r0FPx   APx  segP  segR  segF bnd s false"


def table(report: Report) -> str:
    """The report as lines of text, one for each attack, then all, then the alarms."""
    lines = [
        _head("attack"),
        *(_line(attack, row) for attack, row in report.attacks.items()),
        _line("ALL", report.total),
        f"alarms on queries without a copy: {report.alarms} of {report.no_copy_queries} "
        f"({report.alarm_pairs} pairs); best false score {report.threshold:.4g}; "
        f"unknown ids {report.unknown}",
    ]
    return "\n".join(lines)


def families_table(report: Report) -> str:
    """One line for each source family, then how far the families with copies lie apart.

    Every family weighs the same there: what holds for families says more about other videos than
    what holds for a corpus in which some families have many copies.
    """
    lines = [_head("family"), *(_line(name, row) for name, row in report.families.items())]
    copied = [row for row in report.families.values() if row.pairs]
    for words, values in (
        ("recall", [row.recall for row in copied]),
        ("recall above the best false pair", [row.r0fpx for row in copied]),
        ("segment F1", [row.segment_f1 for row in copied]),
    ):
        known = [value for value in values if not isnan(value)]
        if known:
            lines.append(
                f"{words} over {len(known)} families: mean {np.mean(known):.2f}, "
                f"standard deviation {np.std(known):.2f}, worst {min(known):.2f}"
            )
    touched = sum(1 for row in report.families.values() if row.false_pairs)
    lines.append(f"families with false pairs: {touched} of {len(report.families)}")
    return "\n".join(lines)
