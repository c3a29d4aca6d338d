"""The gallery: public videos with pictures, newest first."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from videos.gallery import PAGE_SIZE
from videos.models import State, Video

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]


@pytest.fixture
def public(video_row: MakeVideo) -> Callable[..., Video]:
    def make(name: str, **fields: Any) -> Video:
        plain: dict[str, Any] = {"visibility": "public", "state": State.READY, "thumbnail_key": "t"}
        return video_row(name, **(plain | fields))

    return make


def names(path: str = "/videos/") -> str:
    answer = Client().get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_only_what_is_public_and_has_a_picture_is_shown(public: Callable[..., Video]) -> None:
    public("shown.mp4")
    hidden: dict[str, dict[str, Any]] = {
        "private": {"visibility": "private"},
        "bare": {"thumbnail_key": ""},
        "failed": {"state": State.FAILED, "error_code": "X"},
        "locked": {"state": State.QUARANTINED, "error_code": "MALWARE"},
        "going": {"state": State.DELETED},
        "begun": {"state": State.PROCESSING},
    }
    for name, fields in hidden.items():
        public(f"{name}.mp4", **fields)

    page = names()

    assert "shown.mp4" in page
    for name in hidden:
        assert f"{name}.mp4" not in page


def test_names_are_searched_without_regard_to_case(public: Callable[..., Video]) -> None:
    public("Harbour at dawn.mp4")
    public("100% cotton.mp4")

    assert "Harbour" in names("/videos/?text=BOUR+at")
    assert "cotton" not in names("/videos/?text=bour")
    assert "Harbour" not in names("/videos/?text=%25")
    assert "<script>x" not in names("/videos/?text=<script>x")
    assert "No public video is called" in names("/videos/?text=%00nothing")


def test_the_newest_come_first_and_every_page_is_linked(public: Callable[..., Video]) -> None:
    made = [public(f"{n:03}.mp4") for n in range(PAGE_SIZE + 2)]

    first = Client().get("/videos/")

    assert [card["video"].pk for card in first.context["cards"]] == [
        video.pk for video in reversed(made[2:])
    ]
    second = Client().get(f"/videos/?{first.context['next']}")
    assert [card["video"].pk for card in second.context["cards"]] == [made[1].pk, made[0].pk]
    back = Client().get(f"/videos/?{second.context['previous']}")
    assert back.context["cards"][0]["video"] == made[-1]


def test_an_empty_gallery_says_what_to_do() -> None:
    assert "No video is public yet" in names()
