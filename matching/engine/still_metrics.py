"""The score of a search by stills, beside that of videos in metrics.py.

A query whose `media_type` is "image" is a still. Which of the copies it has is a video, and at
which second, its ground truth tells; `same` are the passages in which the video shows nearly the
same picture, so that a scene in which nothing moves has no single right second.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan, nan
from typing import Any, Final

import numpy as np

STILL: Final = "image"
NEAR_SECONDS: Final = 1.0


@dataclass(frozen=True)
class StillRow:
    """The scores of one attack's stills; nan where there is nothing to score.

    queries: stills that are in the library. Shares of them: found, a right answer is flagged;
    first, a right answer stands above all others, flagged or not; r0fp, found and above the best
    wrong answer to any still. Of those found in a video: near, share within a second of the right
    one; error, mean distance from it in seconds; same_near and same_error likewise from the nearest
    moment that shows the same picture. false: wrong answers that are flagged.
    """

    queries: int
    found: float
    first: float
    r0fp: float
    near: float
    error: float
    same_near: float
    same_error: float
    false: int


@dataclass(frozen=True)
class StillReport:
    """Rows by attack in alphabetical order, and all of it together.

    strangers: stills of nothing in the library; alarms: those of them with a flagged answer; told:
    those with any answer; threshold: the best score of a wrong answer, flagged or not.
    """

    attacks: dict[str, StillRow]
    total: StillRow
    strangers: int
    alarms: int
    told: int
    threshold: float


@dataclass(frozen=True)
class _Answer:
    """A library video or image offered for a still, with the second it was found at."""

    ref: str
    score: float
    second: float
    flagged: bool


@dataclass(frozen=True)
class _Judged:
    """One still: its true copies by id, and the answers, one for each library video or image."""

    attack: str
    copies: dict[str, Mapping[str, Any]]
    answers: tuple[_Answer, ...]

    @property
    def wrong(self) -> list[_Answer]:
        return [answer for answer in self.answers if answer.ref not in self.copies]

    @property
    def best(self) -> _Answer | None:
        """The surest flagged right answer."""
        right = [a for a in self.answers if a.ref in self.copies and a.flagged]
        return max(right, key=lambda answer: answer.score, default=None)

    @property
    def first(self) -> bool:
        """Whether a right answer is surer than every wrong one; a tie is not."""
        right = [answer.score for answer in self.answers if answer.ref in self.copies]
        return bool(right) and max(right) > max((a.score for a in self.wrong), default=-inf)


def evaluate_stills(gt: Mapping[str, Any], predictions: Iterable[Mapping[str, Any]]) -> StillReport:
    """Score the answers to the stills among a ground truth's queries; other queries are passed by.

    gt: "queries" [{query, attack, media_type, copies: [{ref_id, r_start, same}]}], r_start in
    seconds, same [[first, last]] of passages; a copy without `same` is an image and has no second.
    "ignore_pairs" [[query, ref]] are answers that are neither right nor wrong.
    predictions: {query, ref, r_start, score, flagged}, surest first for equal scores; the second
    that counts is where an answer begins. Without `flagged` an answer counts as flagged.
    """
    answers: dict[str, dict[str, _Answer]] = defaultdict(dict)
    ignored = {(query, ref) for query, ref in gt.get("ignore_pairs", [])}
    for told in predictions:
        if (told["query"], told["ref"]) in ignored:
            continue
        score = float(told.get("score", 1.0))
        known = answers[told["query"]].get(told["ref"])
        if known is None or score > known.score:
            answers[told["query"]][told["ref"]] = _Answer(
                told["ref"], score, float(told["r_start"]), bool(told.get("flagged", True))
            )
    judged = [
        _Judged(
            query["attack"],
            {copy["ref_id"]: copy for copy in query["copies"]},
            tuple(answers[query["query"]].values()),
        )
        for query in gt["queries"]
        if query.get("media_type") == STILL
    ]
    limit = max((answer.score for still in judged for answer in still.wrong), default=-inf)
    by_attack: dict[str, list[_Judged]] = defaultdict(list)
    for still in judged:
        by_attack[still.attack].append(still)
    strangers = [still for still in judged if not still.copies]
    return StillReport(
        attacks={name: _row(by_attack[name], limit) for name in sorted(by_attack)},
        total=_row(judged, limit),
        strangers=len(strangers),
        alarms=sum(any(a.flagged for a in still.answers) for still in strangers),
        told=sum(bool(still.answers) for still in strangers),
        threshold=limit,
    )


def _row(stills: Sequence[_Judged], limit: float) -> StillRow:
    known = [still for still in stills if still.copies]
    found = [(still, still.best) for still in known]
    errors, same_errors = [], []
    for still, best in found:
        if best is not None and "same" in still.copies[best.ref]:
            copy = still.copies[best.ref]
            errors.append(abs(best.second - float(copy["r_start"])))
            same_errors.append(_distance(best.second, copy["same"]))
    return StillRow(
        queries=len(known),
        found=_mean([best is not None for _, best in found]),
        first=_mean([still.first for still in known]),
        r0fp=_mean([best is not None and best.score > limit for _, best in found]),
        near=_mean([error <= NEAR_SECONDS for error in errors]),
        error=_mean(errors),
        same_near=_mean([error <= NEAR_SECONDS for error in same_errors]),
        same_error=_mean(same_errors),
        false=sum(answer.flagged for still in stills for answer in still.wrong),
    )


def _distance(second: float, passages: Iterable[Sequence[float]]) -> float:
    """Seconds to the nearest passage, 0 inside one."""
    return min(max(first - second, second - last, 0.0) for first, last in passages)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else nan


def _line(name: str, row: StillRow) -> str:
    numbers = (
        row.found,
        row.first,
        row.r0fp,
        row.near,
        row.error,
        row.same_near,
        row.same_error,
    )
    shown = " ".join("    -" if isnan(number) else f"{number:5.2f}" for number in numbers)
    return f"{name[:20]:20} {row.queries:6} {shown} {row.false:5}"


def still_table(report: StillReport) -> str:
    """The report as lines of text, one for each attack, then all, then the alarms."""
    lines = [
        f"{'attack':20} stills found first  r0FP   1 s err s  same err s false",
        *(_line(attack, row) for attack, row in report.attacks.items()),
        _line("ALL", report.total),
        f"alarms on stills of nothing in the library: {report.alarms} of {report.strangers} "
        f"({report.told} with any answer); best false score {report.threshold:.4g}",
    ]
    return "\n".join(lines)
