"""manage.py calibrate: from videos or from pairs kept earlier to a calibration one can judge."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from matching.calibration import read_calibration
from matching.engine.evidence import SIGNS
from tests.tvidz.training.conftest import MakePairs
from tvidz.training.pairs import read, write


def _said(*words: Any, **options: Any) -> str:
    out = StringIO()
    call_command("calibrate", *words, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    """Where the calibration and the diagram go in tests."""
    return {"out": tmp_path / "made" / "calibration.json", "svg": tmp_path / "reliability.svg"}


def test_kept_pairs_become_a_calibration_a_diagram_and_both_figures(
    make_pairs: MakePairs, places: dict[str, Path], tmp_path: Path
) -> None:
    pairs = make_pairs(count=300)
    write(replace(pairs, left_out=7), tmp_path / "pairs.json")

    text = _said(pairs=tmp_path / "pairs.json", **places)

    made = read_calibration(places["out"])
    assert made.names == ("motion", "inliers", "background")
    assert made.knots == ()
    assert ElementTree.parse(places["svg"]).getroot().tag.endswith("svg")
    lines = text.splitlines()
    assert lines[0].startswith("300 pairs reached verification: ")
    assert lines[0].endswith("12 families (7 more share only a leader and are left out)")
    seen, unseen = (line.split() for line in lines[2:4])
    assert seen[:3] == ["logistic,", "in", "sample"]
    assert unseen[:4] == ["logistic,", "families", "left", "out"]
    assert float(seen[-4]) < float(unseen[-4]) < 0.2  # Brier score
    assert seen[-2] == unseen[-2] == "300"
    assert f"expected calibration error {unseen[-5]}" in places["svg"].read_text()


def test_the_monotone_correction_is_written_when_asked_for(
    make_pairs: MakePairs, places: dict[str, Path], tmp_path: Path
) -> None:
    write(make_pairs(count=200, families=5), tmp_path / "pairs.json")

    _said(pairs=tmp_path / "pairs.json", monotone=True, **places)

    assert len(read_calibration(places["out"]).knots) > 1


def test_the_same_pairs_give_the_same_files(
    make_pairs: MakePairs, places: dict[str, Path], tmp_path: Path
) -> None:
    write(make_pairs(count=120, families=5), tmp_path / "pairs.json")

    written = []
    for _ in range(2):
        _said(pairs=tmp_path / "pairs.json", **places)
        written.append([path.read_bytes() for path in places.values()])

    assert written[0] == written[1]


@pytest.mark.xdist_group("evaluate")
@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_the_pairs_of_a_labelled_folder_are_kept_with_labels_families_and_features(
    labelled: Path, places: dict[str, Path], tmp_path: Path
) -> None:
    kept = tmp_path / "pairs.json"

    with pytest.raises(CommandError, match="Copies and strangers are both needed"):
        _said(labelled, save=kept, **places)

    pair, *halves = read(kept).pairs
    assert (pair.query, pair.ref, pair.label) == ("excerpt", "film", True)
    assert (pair.family_query, pair.family_ref) == (("film",), "film")
    assert pair.features.keys() == SIGNS.keys()
    assert pair.features["covered"] == pytest.approx(1, abs=0.1)
    # Beside the folder's own pairs: halves of its library videos, which copy nothing.
    assert all(half.query.endswith(", first half") and not half.label for half in halves)
    assert not places["out"].exists()


@pytest.mark.parametrize("words", [{}, {"dir": Path("a"), "pairs": Path("b")}])
def test_it_takes_a_folder_or_a_file_and_not_both(words: dict[str, Path]) -> None:
    with pytest.raises(CommandError, match="Name a labelled folder, or with --from"):
        call_command("calibrate", *[str(words["dir"])] if words else [], pairs=words.get("pairs"))


def test_what_cannot_be_read_or_written_is_told(
    make_pairs: MakePairs, places: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        _said(pairs=tmp_path / "gone.json", **places)
    with pytest.raises(CommandError, match="gt.json cannot be read"):
        _said(tmp_path)

    write(make_pairs(count=120, families=5), tmp_path / "pairs.json")
    (tmp_path / "reliability.svg").mkdir()
    with pytest.raises(CommandError, match="reliability.svg cannot be written: Is a directory"):
        _said(pairs=tmp_path / "pairs.json", **places)
    assert json.loads(places["out"].read_text())["format"] == 1
