"""What operators type."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import CommandError
from django.db import connection

from matching.models import DuplicateLink
from tvidz.management.commands.evaluate import DATABASE
from videos.models import Video

TakeIn = Callable[..., Video]

COMMANDS = [
    *("backfill", "bench", "calibrate", "demo", "descriptor", "evaluate", "first_admin"),
    *("image_corpus", "match", "reindex", "run", "s3_events", "settings_reference", "setup_s3"),
    "train_vocabulary",
]


def said(*words: Any, **options: Any) -> str:
    """What the command prints; its complaints come with a CommandError."""
    out = StringIO()
    call_command(*words, stdout=out, **options)
    return out.getvalue()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_explains_itself(name: str) -> None:
    command = load_command_class(get_commands()[name], name)

    text = command.create_parser("manage.py", name).format_help()

    assert command.help
    assert text.startswith(f"usage: manage.py {name}")


def test_there_are_no_other_commands_of_ours() -> None:
    apps = ("tvidz", "videos", "matching", "moderation")
    ours = {name for name, app in get_commands().items() if app in apps}

    assert ours - {"screenshots"} == set(COMMANDS)


@pytest.mark.django_db
class TestMatch:
    def test_it_says_which_seconds_are_which_and_stores_nothing(
        self, take_in: TakeIn, film: Path, excerpt: Path
    ) -> None:
        video = take_in(film)

        text = said("match", excerpt)

        first, second = text.splitlines()
        assert first.startswith("film.mp4  certain 9") or first.startswith("film.mp4  certain 100")
        assert str(video.id) in first
        assert second.strip() == "0:00.0–0:06.0 is 0:03.0–0:09.0 of it"
        assert Video.objects.count() == 1
        assert not DuplicateLink.objects.exists()

    def test_as_json_it_has_the_fields_a_scorer_takes(
        self, take_in: TakeIn, film: Path, excerpt: Path
    ) -> None:
        video = take_in(film)

        (row,) = json.loads(said("match", excerpt, json=True))

        assert {"query", "ref", "q_start", "q_end", "r_start", "r_end", "score"} <= set(row)
        assert (row["query"], row["ref"]) == ("excerpt.mp4", str(video.id))
        assert (row["q_start"], row["r_start"]) == pytest.approx((0, 3), abs=0.5)
        assert 0.5 < row["score"] <= 1
        transform = row["transform"]
        assert transform["mirrored"] is False
        assert transform["rotation"] == pytest.approx(0, abs=1)
        assert (transform["crop"], transform["inset"]) == (None, None)
        assert transform["matrix"] == pytest.approx([1, 0, 0, 0, 1, 0], abs=0.03)

    def test_a_stranger_matches_nothing(self, take_in: TakeIn, clip: Path, stranger: Path) -> None:
        take_in(clip)

        assert said("match", stranger) == "Nothing in the library matches this file.\n"
        assert json.loads(said("match", stranger, json=True)) == []

    def test_what_cannot_be_read_is_told_in_a_sentence(self, tmp_path: Path) -> None:
        letter = tmp_path / "letter.mp4"
        letter.write_text("Dear Charlie, this is not a video.")

        with pytest.raises(CommandError, match="UNSUP: This kind of file is not supported"):
            said("match", letter)
        with pytest.raises(CommandError, match="cannot be read: No such file"):
            said("match", tmp_path / "gone.mp4")
        with pytest.raises(CommandError, match="cannot be read: Is a directory"):
            said("match", tmp_path)


def databases() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database")
        return {row[0] for row in cursor.fetchall()}


# Side by side they would take the evaluation's one database away from each other.
@pytest.mark.xdist_group("evaluate")
@pytest.mark.long
@pytest.mark.django_db(transaction=True)
class TestEvaluate:
    def test_it_scores_a_labelled_folder_and_leaves_the_library_alone(
        self, labelled: Path, tmp_path: Path, video_row: Callable[..., Video]
    ) -> None:
        mine = video_row("mine.mp4")
        predictions = tmp_path / "predictions.json"

        text = said("evaluate", labelled, out=predictions)

        (row,) = json.loads(predictions.read_text())
        assert (row["query"], row["ref"]) == ("excerpt", "film")
        assert row["r_end"] == pytest.approx(9.0, abs=0.5)
        assert "excerpt" in text
        assert "family" not in text
        assert "2 library videos and 2 queries" in text
        assert DATABASE not in databases()
        assert list(Video.objects.all()) == [mine]

    def test_files_that_cannot_be_used_are_told_and_the_rest_is_scored(
        self, labelled: Path, tmp_path: Path
    ) -> None:
        (labelled / "refs" / "clip.mp4").write_text("no video")
        (labelled / "queries" / "stranger.mp4").unlink()
        errors = StringIO()

        with pytest.raises(CommandError, match="2 files could not be used"):
            said("evaluate", labelled, out=tmp_path / "out.json", stderr=errors)

        assert "refs/clip.mp4: UNSUP" in errors.getvalue()
        assert "queries/stranger.mp4: it cannot be read" in errors.getvalue()
        assert len(json.loads((tmp_path / "out.json").read_text())) == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is not JSON"),
        ("[]", "lacks queries and refs"),
        ('{"refs": []}', "lacks queries"),
    ],
)
def test_a_folder_without_truth_is_told(content: str | None, told: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "gt.json").write_text(content)

    with pytest.raises(CommandError, match=told):
        said("evaluate", tmp_path)


@pytest.mark.django_db
def test_the_first_admin_is_made_once_and_can_sign_in() -> None:
    text = said("first_admin")

    password = text.partition("admin / ")[2].split()[0]
    assert User.objects.get(is_superuser=True).check_password(password)
    assert said("first_admin") == ""
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_the_name_admin_may_be_taken() -> None:
    User.objects.create_user("admin")
    errors = StringIO()

    assert said("first_admin", stderr=errors) == ""
    assert "already" in errors.getvalue()
