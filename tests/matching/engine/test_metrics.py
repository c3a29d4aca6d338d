"""Our score is the corpus' score, and right where it can be counted by hand."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matching.engine.metrics import (
    average_precision,
    evaluate,
    families_table,
    segment_overlap,
    table,
)

TRUTH: dict[str, Any] = {
    "refs": [{"id": "a"}, {"id": "b", "bumper_len": 4}, {"id": "c"}],
    "bumper_pairs": [["q3", "b"]],
    "queries": [
        {
            "query": "q1",
            "attack": "crop",
            "copies": [{"ref_id": "a", "q_start": 0, "q_end": 10, "r_start": 5, "r_end": 15}],
        },
        {
            "query": "q2",
            "attack": "speed",
            "copies": [
                {"ref_id": "a", "q_start": 2, "q_end": 6, "r_start": 0, "r_end": 4},
                {"ref_id": "b", "q_start": 8, "q_end": 12, "r_start": 3, "r_end": 7},
            ],
        },
        {"query": "q3", "attack": "neg", "copies": []},
    ],
}


def _told(query: str, ref: str, q: tuple[float, float], r: tuple[float, float], score: float):  # type: ignore[no-untyped-def]
    return {
        "query": query,
        "ref": ref,
        "q_start": q[0],
        "q_end": q[1],
        "r_start": r[0],
        "r_end": r[1],
        "score": score,
    }


def test_the_truth_itself_scores_full_marks() -> None:
    perfect = [
        {"query": query["query"], "ref": copy["ref_id"], "score": 1.0} | copy
        for query in TRUTH["queries"]
        for copy in query["copies"]
    ]
    total = evaluate(TRUTH, perfect).total
    assert total.recall == total.r0fp == total.apx == 1
    assert total.segment_f1 == pytest.approx(1)
    assert total.boundary == 0


def test_a_false_pair_above_a_true_one_takes_it_away() -> None:
    report = evaluate(
        TRUTH,
        [
            _told("q3", "c", (0, 5), (0, 5), 0.9),
            _told("q1", "a", (0, 10), (5, 15), 0.8),
        ],
    )
    assert report.total.recall == pytest.approx(1 / 3)
    assert report.total.r0fp == 0
    assert report.total.ap == pytest.approx(1 / 3 / 2)
    assert report.total.segment_precision == pytest.approx(0.5)
    assert (report.alarms, report.alarm_pairs, report.no_copy_queries) == (1, 1, 1)
    assert report.threshold == 0.9


def test_a_pair_that_shares_only_a_bumper_is_left_out_of_the_x_measures() -> None:
    report = evaluate(
        TRUTH,
        [
            _told("q3", "b", (0, 4), (0, 4), 0.9),
            _told("q1", "a", (0, 10), (5, 15), 0.8),
        ],
    )
    assert report.total.r0fp == 0
    assert report.total.r0fpx == pytest.approx(1 / 3)
    assert report.total.bumper_false_pairs == 1


def test_half_a_copy_and_a_shifted_one_score_as_counted_by_hand() -> None:
    truth = np.array([[0.0, 5.0, 10.0, 15.0]])
    assert segment_overlap(np.array([[0.0, 5.0, 5.0, 10.0]]), truth) == pytest.approx((1, 0.25))
    shifted = np.array([[5.0, 10.0, 15.0, 20.0]])
    assert segment_overlap(shifted, truth) == pytest.approx((0.25, 0.25))
    halves = np.array([[0.0, 5.0, 5.0, 10.0], [5.0, 10.0, 10.0, 15.0]])
    assert segment_overlap(halves, truth) == pytest.approx((1, 1))


def test_equal_scores_get_no_credit_for_lucky_order() -> None:
    assert average_precision([0.5, 0.5], [True, False], 1) == pytest.approx(0.5)
    assert average_precision([0.5, 0.5], [False, True], 1) == pytest.approx(0.5)
    assert average_precision([], [], 2) == 0
    assert math.isnan(average_precision([0.1], [False], 0))


def test_predictions_without_seconds_or_of_unknown_videos_do_no_harm() -> None:
    report = evaluate(
        TRUTH,
        [{"query": "q1", "ref": "a"}, {"query": "q9", "ref": "a"}, {"query": "q1", "ref": "z"}],
    )
    assert report.unknown == 2
    assert report.total.recall == pytest.approx(1 / 3)
    assert math.isnan(report.total.segment_precision)


def test_the_table_has_a_line_for_each_attack_and_one_for_all() -> None:
    lines = table(evaluate(TRUTH, [])).splitlines()
    assert [line.split()[0] for line in lines] == [
        "attack",
        "crop",
        "neg",
        "speed",
        "ALL",
        "alarms",
    ]


FAMILIES: dict[str, Any] = {
    **TRUTH,
    "refs": [
        {"id": "a", "family": "toys"},
        {"id": "b", "family": "street"},
        {"id": "c", "family": "toys"},
    ],
}


def test_a_pair_counts_for_the_family_of_its_reference() -> None:
    report = evaluate(
        FAMILIES,
        [
            _told("q1", "a", (0, 10), (5, 15), 0.9),
            _told("q1", "c", (0, 10), (5, 15), 0.5),
            _told("q2", "a", (2, 6), (0, 4), 0.4),
        ],
    )
    toys, street = report.families["toys"], report.families["street"]

    assert (toys.queries, toys.pairs, toys.false_pairs) == (2, 2, 1)
    assert (toys.recall, toys.r0fpx) == (1, 0.5)
    assert (street.queries, street.pairs, street.recall, street.false_pairs) == (1, 1, 0, 0)


def test_a_reference_without_a_family_is_one_of_its_own() -> None:
    assert set(evaluate(TRUTH, []).families) == {"a", "b", "c"}


def test_the_families_table_tells_the_spread_with_every_family_weighing_the_same() -> None:
    lines = families_table(
        evaluate(
            FAMILIES,
            [_told("q1", "a", (0, 10), (5, 15), 0.9), _told("q2", "a", (2, 6), (0, 4), 0.9)],
        )
    ).splitlines()

    assert [line.split()[0] for line in lines[:3]] == ["family", "street", "toys"]
    assert lines[3] == "recall over 2 families: mean 0.50, standard deviation 0.50, worst 0.00"
    assert lines[-1] == "families with false pairs: 0 of 2"


NAMES = {
    "queries": "nq",
    "pairs": "pairs",
    "recall": "rec",
    "r0fp": "rec0",
    "ap": "muAP",
    "r0fpx": "rec0x",
    "apx": "muAPx",
    "segment_precision": "segP",
    "segment_recall": "segR",
    "segment_f1": "segF",
    "boundary": "bnd",
    "false_pairs": "falsepairs",
    "bumper_false_pairs": "fp_bumper",
}


def _random_predictions(truth: dict[str, Any], seed: int) -> list[dict[str, Any]]:
    """True copies moved a little, some left out, some of them wrong, many scores equal."""
    rng = np.random.default_rng(seed)
    references = [reference["id"] for reference in truth["refs"]]
    found = []
    for query in truth["queries"]:
        for copy in query["copies"]:
            if rng.random() < 0.3:
                continue
            q, r = rng.normal(0, 1, 2) + copy["q_start"], rng.normal(0, 1, 2) + copy["r_start"]
            length = copy["q_end"] - copy["q_start"]
            score = round(float(rng.random()), 1)
            name = (query["query"], copy["ref_id"])
            found.append(_told(*name, (q[0], q[0] + length), (r[0], r[0] + length), score))
        if rng.random() < 0.2:
            other = references[int(rng.integers(len(references)))]
            score = round(float(rng.random()), 1)
            found.append(_told(query["query"], other, (0, 4), (0, 4), score))
    for reference in truth["refs"]:
        reference.setdefault("bumper_len", 0)
    for name, other in truth["bumper_pairs"][::3]:
        found.append(_told(name, other, (0, 3), (0, 3), 0.7))
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_our_score_is_the_corpus_own_to_nine_places(tmp_path: Path, seed: int) -> None:
    folder = os.environ.get("TVIDZ_CORPUS")
    if not folder:
        pytest.skip("TVIDZ_CORPUS names no corpus folder")
    truth = json.loads((Path(folder) / "dev" / "gt.json").read_text())
    predictions = _random_predictions(truth, seed)
    (tmp_path / "predictions.json").write_text(json.dumps(predictions))
    command = [sys.executable, str(Path(folder) / "score.py"), str(Path(folder) / "dev/gt.json")]
    command += [str(tmp_path / "predictions.json"), "--json", str(tmp_path / "scores.json")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    theirs = json.loads((tmp_path / "scores.json").read_text())
    report = evaluate(truth, predictions)
    rows = report.attacks | {"ALL": report.total}
    assert set(rows) == set(theirs["attacks"]) | {"ALL"}
    for attack, row in rows.items():
        expected = theirs["ALL"] if attack == "ALL" else theirs["attacks"][attack]
        for ours, name in NAMES.items():
            value = float(getattr(row, ours))
            assert value == pytest.approx(float(expected[name]), abs=1e-9, nan_ok=True), (
                f"{attack}, {ours}: {value}, the corpus says {expected[name]}"
            )
    assert report.alarms == theirs["fp_neg_queries"]
    assert report.alarm_pairs == theirs["fp_neg_pairs"]
    assert report.threshold == theirs["threshold_0fp"]
