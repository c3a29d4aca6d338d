"""A descriptor of one's own from the operator's side: set, fill in, index, calibrate, ask."""

import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from matching.models import DescriptorVector
from tests.picture_library import library
from videos.models import Video

UseModel = Callable[..., Path]
MakeVideo = Callable[..., Video]
TakeIn = Callable[..., Video]


def said(*words: Any, **options: Any) -> str:
    out = StringIO()
    call_command(*words, stdout=out, **options)
    return out.getvalue()


@pytest.mark.usefixtures("passing_indexes")
def test_from_a_model_to_an_answer(
    use_model: UseModel, video_row: MakeVideo, take_in: TakeIn, film: Path, excerpt: Path
) -> None:
    library(video_row)
    use_model()
    take_in(film)

    assert re.match(r"mine, version \w{12}: 24 numbers, cosine; 6 videos lack it", said_by("show"))
    with pytest.raises(CommandError, match="mine .* is not calibrated in this library. Run: "):
        said("match", excerpt, descriptor="mine")
    assert said_by("backfill") == "6 videos described.\n"
    assert re.fullmatch(r"idx_descriptor_mine_\w{12} is there.\n", said_by("index"))
    measured = said_by("calibrate")
    lines = said("match", excerpt, descriptor="mine").splitlines()

    assert re.match(r"mine \w{12}, on 33 pictures of 7 unrelated videos: a copy is nea", measured)
    assert "7 videos, indexed, calibrated" in said_by("show")
    # The excerpt begins at 3 s: its cuts at 1 and 5 s are the film's at 4 and 8 s.
    confidence, name, second = lines[0].split()[:3]
    assert name == "film.mp4"
    assert int(confidence.rstrip("%")) > 80
    assert {line.split()[2] for line in lines[:2]} == {"0:04.0", "0:08.0"}


def said_by(action: str, *words: str) -> str:
    return said("descriptor", action, *words)


@pytest.mark.usefixtures("passing_indexes")
def test_what_an_exchanged_model_left_is_dropped(use_model: UseModel, video_row: MakeVideo) -> None:
    use_model(seed=7)
    library(video_row, 2)
    said_by("index")
    use_model(seed=8)
    said_by("backfill")

    text = said_by("prune")

    assert re.fullmatch(r"mine \w{12}: 10 vectors dropped.\n", text)
    assert DescriptorVector.objects.count() == 10
    assert said_by("prune") == ""


@pytest.mark.django_db
def test_the_nearest_shots_by_colour_can_be_asked_for(
    video_row: MakeVideo, take_in: TakeIn, film: Path
) -> None:
    library(video_row)
    take_in(film)
    said_by("calibrate", "--name", "hsv108")

    first = said("match", film, descriptor="hsv108").splitlines()[0]

    assert re.fullmatch(r" *\d+%  film.mp4  0:0\d.0  like 0:0\d.0, distance 0.000", first)


@pytest.mark.django_db
def test_without_a_model_the_command_says_so() -> None:
    assert said_by("show") == "No descriptor of your own: TVIDZ_ONNX_MODEL is empty.\n"
    for action in ("backfill", "index"):
        with pytest.raises(CommandError, match="set TVIDZ_ONNX_MODEL"):
            said_by(action)
    with pytest.raises(CommandError, match="No descriptor mine here, only hsv108; TVIDZ_ONNX"):
        said_by("calibrate", "--name", "mine")


@pytest.mark.django_db
def test_asking_by_an_unknown_descriptor_names_the_known_ones(film: Path) -> None:
    with pytest.raises(CommandError, match="No descriptor sift here, only hsv108;"):
        said("match", film, descriptor="sift")


@pytest.mark.django_db
def test_too_small_a_library_is_not_measured(use_model: UseModel, video_row: MakeVideo) -> None:
    use_model()
    library(video_row, 2)

    with pytest.raises(CommandError, match="At least 5 unrelated videos"):
        said_by("calibrate")


@pytest.mark.django_db
def test_a_model_that_went_bad_is_told_in_a_sentence(use_model: UseModel, film: Path) -> None:
    use_model().write_text("Dear Bob, this is no model any more.")

    for words in (("descriptor", "show"), ("match", film, "--descriptor", "mine")):
        with pytest.raises(CommandError, match="small-7.onnx: OpenCV cannot read the model"):
            said(*words)
