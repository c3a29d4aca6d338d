"""The score of stills, where it can be counted by hand."""

import math
from typing import Any

import pytest

from matching.engine.still_metrics import evaluate_stills, still_table


def still(name: str, attack: str, *copies: dict[str, Any]) -> dict[str, Any]:
    return {"query": name, "attack": attack, "media_type": "image", "copies": list(copies)}


def at(ref: str, second: float, *same: tuple[float, float]) -> dict[str, Any]:
    return {"ref_id": ref, "r_start": second, "r_end": second, "same": [list(s) for s in same]}


def told(query: str, ref: str, second: float, score: float, flagged: bool = True) -> dict[str, Any]:
    return {
        **{"query": query, "ref": ref, "q_start": 0.0, "q_end": 0.0, "flagged": flagged},
        **{"r_start": second, "r_end": second + 0.25, "score": score},
    }


TRUTH = {
    "refs": [{"id": "a"}, {"id": "b"}, {"id": "p"}],
    "queries": [
        still("s1", "crop", at("a", 4.5, (4.5, 4.5))),
        still("s2", "crop", at("b", 20.0, (3.0, 5.0), (18.0, 21.0))),
        still("s3", "library image", {"ref_id": "p", "r_start": 0.0, "r_end": 0.0}),
        still("s4", "neg"),
        {"query": "v1", "attack": "crop", "copies": [{"ref_id": "a"}]},
    ],
}


def test_the_truth_itself_scores_full_marks() -> None:
    perfect = [
        told(query["query"], copy["ref_id"], copy["r_start"], 0.9)
        for query in TRUTH["queries"][:4]
        for copy in query["copies"]
    ]

    report = evaluate_stills(TRUTH, perfect)

    total = report.total
    assert (total.queries, total.found, total.first, total.r0fp) == (3, 1, 1, 1)
    assert (total.near, total.error, total.same_near, total.same_error) == (1, 0, 1, 0)
    assert (total.false, report.alarms, report.told, report.strangers) == (0, 0, 0, 1)


def test_nothing_told_scores_nothing() -> None:
    report = evaluate_stills(TRUTH, [])

    assert (report.total.found, report.total.first, report.total.r0fp) == (0, 0, 0)
    assert math.isnan(report.total.near)
    assert math.isnan(report.total.error)
    assert report.threshold == -math.inf


def test_a_moment_that_shows_the_same_picture_is_as_good_as_the_true_one() -> None:
    row = evaluate_stills(TRUTH, [told("s1", "a", 6.0, 0.9), told("s2", "b", 5.5, 0.9)]).attacks[
        "crop"
    ]

    # Off by 1.5 s; off by 14.5 s, but half a second from a passage that shows the same.
    assert row.near == 0
    assert row.error == pytest.approx((1.5 + 14.5) / 2)
    assert row.same_near == 0.5
    assert row.same_error == pytest.approx((1.5 + 0.5) / 2)


def test_a_surer_wrong_answer_takes_the_first_place_and_a_tie_does_too() -> None:
    both = [told("s1", "a", 4.5, 0.8), told("s2", "b", 20, 0.8), told("s1", "b", 0, 0.8)]

    row = evaluate_stills(TRUTH, both).attacks["crop"]

    assert row.found == 1
    assert row.first == 0.5
    assert row.r0fp == 0, "the wrong answer to s1 is as sure as every right one"
    assert row.false == 1


def test_what_is_told_but_not_flagged_is_not_found_and_no_alarm() -> None:
    doubtful = [told("s1", "a", 4.5, 0.4, flagged=False), told("s4", "a", 1, 0.3, flagged=False)]

    report = evaluate_stills(TRUTH, doubtful)

    assert report.attacks["crop"].found == 0
    assert report.attacks["crop"].first == 0.5
    assert report.total.false == 0
    assert (report.alarms, report.told, report.threshold) == (0, 1, 0.3)


def test_a_library_image_counts_once_and_has_no_second() -> None:
    report = evaluate_stills(TRUTH, [told("s3", "p", 0, 0.9)])

    row = report.attacks["library image"]
    assert (row.queries, row.found, row.first) == (1, 1, 1)
    assert math.isnan(row.near)
    assert math.isnan(row.same_error)


def test_a_flagged_answer_to_a_stranger_is_an_alarm() -> None:
    report = evaluate_stills(
        TRUTH, [told("s4", "a", 1, 0.7), told("s4", "b", 1, 0.6), told("s1", "a", 4.5, 0.9)]
    )

    assert (report.alarms, report.strangers) == (1, 1)
    assert report.attacks["neg"].false == 2
    assert report.attacks["neg"].queries == 0
    assert report.total.r0fp == pytest.approx(1 / 3)


def test_a_pair_to_be_ignored_is_neither_right_nor_wrong() -> None:
    truth = {**TRUTH, "ignore_pairs": [["s3", "a"]]}

    report = evaluate_stills(truth, [told("s3", "p", 0, 0.6), told("s3", "a", 0, 0.9)])

    assert report.attacks["library image"].first == 1
    assert (report.total.false, report.threshold) == (0, -math.inf)


def test_of_several_places_in_a_video_the_surest_counts() -> None:
    row = evaluate_stills(
        TRUTH, [told("s1", "a", 30, 0.5), told("s1", "a", 4, 0.9), told("s1", "a", 50, 0.9)]
    ).attacks["crop"]

    assert row.error == pytest.approx(0.5)
    assert row.near == 1


def test_the_table_has_a_line_for_each_attack_one_for_all_and_the_alarms() -> None:
    lines = still_table(evaluate_stills(TRUTH, [told("s1", "a", 4.0, 0.9)])).splitlines()

    assert [line.split()[0] for line in lines] == [
        *("attack", "crop", "library", "neg", "ALL", "alarms"),
    ]
    assert lines[1].split() == ["crop", "2", "0.50", "0.50", "0.50", *("1.00", "0.50") * 2, "0"]
    assert "0 of 1" in lines[-1]
