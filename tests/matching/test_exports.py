"""A video's matches as a table to keep."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from matching.exports import COLUMNS
from videos.models import Video

pytestmark = pytest.mark.django_db

TakeIn = Callable[..., Video]


def test_each_segment_is_a_row_with_what_the_page_shows(
    film: Path, excerpt: Path, take_in: TakeIn, client: Client
) -> None:
    original = take_in(film, visibility="public")
    copy = take_in(excerpt, visibility="public")

    answer = client.get(f"/api/v1/videos/{copy.id}/matches.csv")

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="matches-{copy.id}.csv"'
    [row] = csv.DictReader(io.StringIO(answer.content.decode()))
    assert tuple(row) == COLUMNS
    assert (row["video"], row["other_video"]) == (str(copy.id), str(original.id))
    assert (row["name"], row["other_name"]) == ("excerpt.mp4", "film.mp4")
    assert float(row["other_start"]) == pytest.approx(3, abs=0.6)
    assert row["confidence"] == "certain"
    told = client.get(f"/api/v1/videos/{copy.id}/matches.json").json()["matches"]
    assert [str(each["other_start"]) for each in told] == [row["other_start"]]


def test_a_name_that_a_spreadsheet_would_run_is_text(
    film: Path, excerpt: Path, take_in: TakeIn, client: Client
) -> None:
    take_in(film, "=1+cmd!A0.mp4", visibility="public")
    copy = take_in(excerpt, "@sum.mp4", visibility="public")

    answer = client.get(f"/api/v1/videos/{copy.id}/matches.csv").content.decode()

    [row] = csv.DictReader(io.StringIO(answer))
    assert row["name"] == "'@sum.mp4"
    assert row["other_name"].startswith("'=")


def test_of_a_hidden_video_times_are_told_and_no_name(
    film: Path, excerpt: Path, take_in: TakeIn, client: Client
) -> None:
    take_in(film, owner=User.objects.create_user("bob"), visibility="private")
    copy = take_in(excerpt, visibility="public")

    answer = client.get(f"/api/v1/videos/{copy.id}/matches.csv").content.decode()

    [row] = csv.DictReader(io.StringIO(answer))
    assert (row["other_video"], row["other_name"]) == ("", "")
    assert float(row["other_end"]) > 0


def test_matches_of_a_hidden_video_are_not_there(excerpt: Path, take_in: TakeIn) -> None:
    copy = take_in(excerpt, owner=User.objects.create_user("bob"), visibility="private")

    for as_what in ("csv", "json"):
        assert Client().get(f"/api/v1/videos/{copy.id}/matches.{as_what}").status_code == 404


def test_a_timeline_has_pictures_at_even_steps(film: Path, take_in: TakeIn, client: Client) -> None:
    video = take_in(film, visibility="public")

    strip = client.get(f"/api/v1/videos/{video.id}/").json()["filmstrip"]

    assert len(strip) == 16
    assert [each["time"] for each in strip[:2]] == pytest.approx([0.375, 1.125], abs=0.01)
    assert all(each["picture"].startswith("/media/") for each in strip)
