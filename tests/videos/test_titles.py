"""A video with a title is called by it, wherever people see it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from matching.engine.version import ENGINE_VERSION
from matching.models import DuplicateLink
from videos.models import Upload, Video
from videos.uploads.accept import Arrival, accept

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]


def told(video: Video) -> dict[str, object]:
    answer: dict[str, object] = Client().get(f"/api/v1/videos/{video.id}/").json()
    return answer


def test_without_a_title_a_video_is_called_by_its_file(video_row: MakeVideo) -> None:
    video = video_row("reel-7.mp4", visibility="public")

    assert (video.name, str(video)) == ("reel-7.mp4", "reel-7.mp4")
    assert (told(video)["title"], told(video)["filename"]) == ("", "reel-7.mp4")
    assert "reel-7.mp4" in Client().get(f"/videos/{video.id}/").content.decode()


def test_with_a_title_pages_and_the_api_show_that(video_row: MakeVideo) -> None:
    copy = video_row("copy.mp4", visibility="public")
    film = video_row("reel-7.mp4", title="Life & <b>Death</b>", visibility="public")
    DuplicateLink.objects.create(
        query=copy,
        reference=film,
        version=ENGINE_VERSION,
        score=0.9,
        matched_frames=40,
        covered_query=1.0,
        covered_reference=0.5,
    )

    page = Client().get(f"/videos/{film.id}/").content.decode()
    assert "<bdi>Life &amp; &lt;b&gt;Death&lt;/b&gt;</bdi></h1>" in page
    assert "<title>Life &amp; &lt;b&gt;Death&lt;/b&gt; · tvidz</title>" in page
    page = Client().get(f"/videos/{copy.id}/").content.decode()
    assert "Life &amp; &lt;b&gt;Death&lt;/b&gt;" in page
    [duplicate] = Client().get(f"/api/v1/videos/{copy.id}/").json()["duplicates"]
    assert duplicate["video"]["title"] == "Life & <b>Death</b>"


def test_the_title_of_a_hidden_video_stays_hidden(video_row: MakeVideo) -> None:
    copy = video_row("copy.mp4", visibility="public")
    film = video_row("secret.mp4", title="Secret", visibility="private")
    DuplicateLink.objects.create(
        query=copy,
        reference=film,
        version=ENGINE_VERSION,
        score=0.9,
        matched_frames=40,
        covered_query=1.0,
        covered_reference=0.5,
    )

    answer = Client().get(f"/api/v1/videos/{copy.id}/")
    assert answer.json()["duplicates"][0]["video"]["title"] == ""
    assert "Secret" not in answer.content.decode()
    assert "Secret" not in Client().get(f"/videos/{copy.id}/").content.decode()


def test_a_title_that_comes_with_a_file_is_made_fit_to_show(clip: Path) -> None:
    title = "  Life/\u202eDeath\n" + "x" * 300
    video = accept(Arrival(clip, clip.name, Upload.Entrance.BACKFILL, title=title)).video

    assert video.title.startswith("Life/Deathx")
    assert len(video.title) == 255
