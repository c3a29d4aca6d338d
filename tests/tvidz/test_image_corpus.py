"""The corpus of stills: made by a command, and scored."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tvidz.image_corpus import strangers
from tvidz.moments import small_picture, unlikeness, watch

pytestmark = pytest.mark.long

Truth = dict[str, Any]


def query(name: str, file: str, strength: str, *copies: dict[str, Any]) -> Truth:
    return {
        **{"query": name, "file": file, "attack": "neg", "strength": strength},
        **{"duration": 6.0, "copies": list(copies)},
    }


def zoom(x: float, y: float, seconds: int) -> tuple[object, ...]:
    """A slow zoom: from one index frame to the next the picture changes, but not altogether."""
    place = f"start_x={x}:start_y={y}:start_scale=0.08:end_scale=0.01:end_pts=900:maxiter=300"
    return "-f", "lavfi", "-t", seconds, "-i", f"mandelbrot=s=320x180:r=25:{place}"


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory, ffmpeg: Callable[..., None]) -> Path:
    """Two library videos, one beginning with a leader; an excerpt and two strangers as queries."""
    folder = tmp_path_factory.mktemp("labelled")
    for name in ("refs", "queries"):
        (folder / name).mkdir()
    ffmpeg(*zoom(-0.743643, 0.131825, 5), folder / "refs/film.mp4")
    ffmpeg(*zoom(-1.25066, 0.02012, 4), folder / "refs/led.mp4")
    ffmpeg("-ss", "1", "-t", "2", "-i", folder / "refs/film.mp4", folder / "queries/e.mp4")
    ffmpeg(*zoom(0.2925755, 0.0149977, 3), folder / "queries/s.mp4")
    ffmpeg(*zoom(-0.16070, 1.0375665, 3), folder / "queries/o.mp4")
    copy = {"ref_id": "film", "q_start": 0.0, "q_end": 2.0, "r_start": 1.0, "r_end": 3.0}
    truth = {
        "refs": [
            {"id": "film", "file": "refs/film.mp4", "duration": 5.0},
            {"id": "led", "file": "refs/led.mp4", "duration": 4.0, "bumper_len": 2},
        ],
        "queries": [
            query("e", "queries/e.mp4", "1", copy),
            query("s", "queries/s.mp4", "clean"),
            query("o", "queries/o.mp4", "clean"),
        ],
        "bumper_pairs": [],
    }
    (folder / "gt.json").write_text(json.dumps(truth))
    return folder


@pytest.fixture(scope="module")
def stills(labelled: Path) -> Path:
    out = labelled / "out" / "stills"
    said = StringIO()
    call_command("image_corpus", labelled, out, each=1, stdout=said)
    assert said.getvalue().startswith("5 library videos and images, ")
    assert "6 of them of nothing in the library" in said.getvalue()
    return out


@pytest.fixture(scope="module")
def truth(stills: Path) -> Truth:
    found: Truth = json.loads((stills / "gt.json").read_text())
    return found


def test_it_is_laid_out_like_the_folder_it_is_made_from(stills: Path, truth: Truth) -> None:
    named = [entry["file"] for entry in truth["refs"] + truth["queries"]]
    there = [str(p.relative_to(stills)) for p in stills.rglob("*") if p.is_file()]

    assert sorted(there) == sorted([*named, "gt.json"])
    assert [ref["media_type"] for ref in truth["refs"]] == ["video"] * 2 + ["image"] * 3
    assert len({q["query"] for q in truth["queries"]}) == len(truth["queries"]) > 30


def test_every_still_of_a_video_names_a_second_between_two_whole_ones(truth: Truth) -> None:
    of_videos = [q for q in truth["queries"] if q["attack"] not in ("neg", "library image")]

    for asked in of_videos:
        copy = asked["copies"][0]
        assert copy["ref_id"] in ("film", "led")
        assert copy["q_start"] == copy["q_end"] == 0
        assert copy["r_start"] == copy["r_end"]
        assert 0.299 <= copy["r_start"] % 1 <= 0.701
        assert any(first <= copy["r_start"] <= last for first, last in copy["same"])
        if copy["ref_id"] == "led":
            assert copy["r_start"] >= 2.5, "the leader is nobody's own"
    assert {q["copies"][0]["ref_id"] for q in of_videos} == {"film", "led"}


def test_the_still_shows_what_the_video_shows_at_that_second(stills: Path, truth: Truth) -> None:
    (asked,) = [q for q in truth["queries"] if (q["attack"], q["strength"]) == ("resave", "png")]
    copy = asked["copies"][0]
    still = cv2.imread(str(stills / asked["file"]))
    assert still is not None
    upright = still[:, :, ::-1].astype(np.uint8)
    moments = watch(stills / "refs" / f"{copy['ref_id']}.mp4")

    apart = unlikeness(small_picture(upright), moments.small)

    assert moments.times[apart.argmin()] == pytest.approx(copy["r_start"], abs=0.01)


def test_strangers_copy_nothing_and_lend_the_library_no_picture(truth: Truth) -> None:
    unknown = [q for q in truth["queries"] if q["attack"] == "neg"]
    of_pictures = [q for q in truth["queries"] if q["attack"] == "library image"]

    assert len(unknown) == 6
    assert all(q["copies"] == [] for q in unknown)
    assert len(of_pictures) == 6
    for asked in of_pictures:
        assert asked["copies"][0]["ref_id"].startswith("picture")
        assert "same" not in asked["copies"][0]


def test_the_other_pictures_of_a_video_are_neither_right_nor_wrong(truth: Truth) -> None:
    pictures = {ref["id"] for ref in truth["refs"] if ref["media_type"] == "image"}
    ignored: dict[str, set[str]] = {}
    for name, ref in truth["ignore_pairs"]:
        ignored.setdefault(name, set()).add(ref)

    assert len(ignored) == 6
    for asked in truth["queries"]:
        own = {copy["ref_id"] for copy in asked["copies"]}
        expected = pictures - own if asked["attack"] == "library image" else set()
        assert ignored.get(asked["query"], set()) == expected


def test_the_same_seed_makes_the_same_files_and_another_one_others(
    labelled: Path, stills: Path, tmp_path: Path
) -> None:
    def contents(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.*")}

    call_command("image_corpus", labelled, tmp_path / "again", each=1, stdout=StringIO())
    call_command("image_corpus", labelled, tmp_path / "other", each=1, seed=2, stdout=StringIO())

    assert contents(tmp_path / "again") == contents(stills)
    assert contents(tmp_path / "other") != contents(stills)


# Side by side with another they would take the evaluation's one database away from each other.
@pytest.mark.xdist_group("evaluate")
@pytest.mark.django_db(transaction=True)
def test_evaluate_scores_it_by_attack(stills: Path, tmp_path: Path) -> None:
    said = StringIO()
    predictions = tmp_path / "predictions.json"

    call_command("evaluate", stills, out=predictions, stdout=said)

    lines = {line[:20].strip(): line[20:].split() for line in said.getvalue().splitlines()}
    assert {"resave", "crop", "combo", "library image", "neg", "ALL"} <= set(lines)
    queries, found, first, _, near, _, same_near, *_ = map(float, lines["resave"])
    assert (queries, found, first) == (5, 1, 1)
    assert near >= 0.8
    assert same_near >= near
    assert "alarms on stills of nothing in the library: 0 of 6" in said.getvalue()
    rows = json.loads(predictions.read_text())
    assert all(isinstance(row["flagged"], bool) for row in rows)


class TestErrors:
    def test_a_folder_that_is_full_already_is_left_alone(
        self, labelled: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "mine.txt").write_text("Alice's")

        with pytest.raises(CommandError, match="is not empty"):
            call_command("image_corpus", labelled, tmp_path)

        assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

    def test_a_video_that_cannot_be_read_is_told_and_nothing_is_left_behind(
        self, tmp_path: Path
    ) -> None:
        folder = tmp_path / "folder"
        (folder / "refs").mkdir(parents=True)
        refs = [{"id": "letter", "file": "refs/letter.mp4"}]
        (folder / "gt.json").write_text(json.dumps({"refs": refs, "queries": []}))

        with pytest.raises(CommandError, match=r"letter\.mp4: No such file"):
            call_command("image_corpus", folder, tmp_path / "made" / "out")
        (folder / "refs" / "letter.mp4").write_text("Dear Bob, this is not a video.")
        with pytest.raises(CommandError, match=r"letter\.mp4: UNSUP: This kind of file"):
            call_command("image_corpus", folder, tmp_path / "made" / "out")

        assert list((tmp_path / "made").iterdir()) == []

    @pytest.mark.parametrize(
        ("truth", "told"),
        [
            ({"refs": [{"id": "a"}], "queries": []}, "an entry lacks 'file'"),
            ({"refs": [], "queries": []}, "No library video shows anything"),
            ({"refs": []}, "lacks queries"),
        ],
    )
    def test_a_truth_that_is_of_no_use_is_told(
        self, truth: Truth, told: str, tmp_path: Path
    ) -> None:
        (tmp_path / "gt.json").write_text(json.dumps(truth))

        with pytest.raises(CommandError, match=told):
            call_command("image_corpus", tmp_path, tmp_path / "out")

    def test_two_library_videos_of_one_name_are_told(self, labelled: Path, tmp_path: Path) -> None:
        folder = tmp_path / "folder"
        for below in ("a", "b"):
            (folder / below).mkdir(parents=True)
            (folder / below / "film.mp4").write_bytes((labelled / "queries/s.mp4").read_bytes())
        refs = [{"id": below, "file": f"{below}/film.mp4"} for below in ("a", "b")]
        (folder / "gt.json").write_text(json.dumps({"refs": refs, "queries": []}))

        with pytest.raises(CommandError, match=r"b/film\.mp4: there are two"):
            call_command("image_corpus", folder, tmp_path / "out")

    def test_at_least_one_still_of_each_kind_must_be_asked_for(
        self, labelled: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(CommandError, match="1 or more"):
            call_command("image_corpus", labelled, tmp_path / "out", each=0)


def test_doctored_strangers_are_passed_over_where_clean_ones_are_known() -> None:
    asked = [
        query("a", "a.mp4", "clean"),
        query("b", "b.mp4", "attacked crop:20"),
        query("c", "c.mp4", "leader"),
        query("d", "d.mp4", "clean", {"ref_id": "x"}),
    ]
    pairs = [["c", "x"]]

    some = strangers({"queries": asked, "bumper_pairs": pairs})
    others = strangers({"queries": asked[1:], "bumper_pairs": pairs})

    assert [entry["query"] for entry in some] == ["a"]
    assert [entry["query"] for entry in others] == ["b"]
