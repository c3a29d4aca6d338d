"""What is learned from carries its labels, its families and its signs along."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tvidz.training.pairs import LabelledPair, Pairs, PairsError, label, read, write

TRUTH: dict[str, Any] = {
    "refs": [
        {"id": "robot", "family": "toys"},
        {"id": "rabbit", "family": "toys"},
        {"id": "street", "family": "street"},
        {"id": "alone"},
    ],
    "queries": [
        {"query": "q1", "copies": [{"ref_id": "robot"}]},
        {"query": "q2", "copies": [{"ref_id": "street"}, {"ref_id": "rabbit"}]},
        {"query": "q3", "copies": []},
    ],
    "bumper_pairs": [["q3", "street"], ["q2", "street"]],
}
SIGNS = {"motion": 1}


def _labelled(*found: tuple[str, str]) -> Pairs:
    return label(TRUTH, [(query, ref, {"motion": 0.5}) for query, ref in found], SIGNS, "2")


def test_a_pair_is_a_copy_where_the_truth_says_so() -> None:
    made = _labelled(("q1", "robot"), ("q1", "rabbit"), ("q3", "robot"))

    assert [pair.label for pair in made.pairs] == [True, False, False]
    assert made.features.tolist() == [[0.5]] * 3
    assert made.families == {"toys"}


def test_a_pair_has_the_families_of_both_its_sides() -> None:
    first, second, third, fourth = _labelled(
        ("q1", "street"), ("q2", "street"), ("q3", "alone"), ("q1", "rabbit")
    ).pairs

    assert first.families == {"toys", "street"}
    assert second.families == {"toys", "street"}
    assert third.families == {"alone", "query q3"}
    assert fourth.families == {"toys"}


def test_a_shared_leader_is_neither_copy_nor_stranger_unless_the_rest_is_copied_too() -> None:
    made = _labelled(("q3", "street"), ("q2", "street"))

    assert [(pair.query, pair.label) for pair in made.pairs] == [("q2", True)]
    assert made.left_out == 1


def test_videos_the_truth_does_not_name_are_passed_over() -> None:
    assert _labelled(("q9", "robot"), ("q1", "gone")).pairs == ()


def test_they_are_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    made = _labelled(("q1", "robot"), ("q2", "street"), ("q3", "alone"), ("q3", "street"))

    write(made, tmp_path / "pairs.json")

    assert read(tmp_path / "pairs.json") == made


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is not JSON"),
        ("[]", "is not JSON of the expected form"),
        ('{"format": 9}', "has format 9; this reads 1"),
        ('{"format": 1, "signs": {"a": 1}, "pairs": []}', "engine_version"),
    ],
)
def test_a_file_that_does_not_hold_pairs_is_told(
    content: str | None, told: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "pairs.json").write_text(content)

    with pytest.raises(PairsError, match=told):
        read(tmp_path / "pairs.json")


def test_a_query_may_have_one_family_by_name_or_none(tmp_path: Path) -> None:
    write(_labelled(("q1", "robot"), ("q3", "robot")), tmp_path / "pairs.json")
    written = json.loads((tmp_path / "pairs.json").read_text())
    written["pairs"][1]["family_query"] = None
    (tmp_path / "pairs.json").write_text(json.dumps(written))

    assert [pair.family_query for pair in read(tmp_path / "pairs.json").pairs] == [("toys",), ()]


def test_features_without_a_sign_and_signs_of_no_meaning_are_refused() -> None:
    pair = LabelledPair("q1", "robot", ("toys",), "toys", True, {"motion": 0.5})

    with pytest.raises(PairsError, match="q1 and robot differ in features: inliers"):
        Pairs({"motion": 1, "inliers": 1}, "2", (pair,))
    with pytest.raises(PairsError, match="needs a sign"):
        Pairs({"motion": 2}, "2", (pair,))
    with pytest.raises(PairsError, match="not finite"):
        Pairs(SIGNS, "2", (replace(pair, features={"motion": float("nan")}),))
