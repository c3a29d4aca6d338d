"""What an uploader changes of a video over REST: its title, and who sees it."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from videos.access.visibility import new_secret
from videos.models import State, Video

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


def browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def change(browser: Client, video_id: uuid.UUID, secret: str = "", **fields: object) -> Any:
    headers = {"X-Upload-Secret": secret} if secret else {}
    return browser.patch(
        f"/api/v1/videos/{video_id}/",
        json.dumps(fields),
        content_type="application/json",
        headers=headers,
    )


def test_its_owner_calls_a_video_otherwise_and_shows_it(video_row: MakeVideo, alice: User) -> None:
    video = video_row("reel-7.mp4", owner=alice, state=State.READY)
    browser = browser_of(alice)

    answer = change(browser, video.id, title=" Harbour\u202e at\ndawn ", visibility="public")

    assert answer.status_code == 200
    told = answer.json()
    assert (told["title"], told["visibility"]) == ("Harbour atdawn", "public")
    assert (told["filename"], told["duplicates"]) == ("reel-7.mp4", [])
    assert told["allowed"]["change"]
    assert Client().get(f"/api/v1/videos/{video.id}/").json()["title"] == "Harbour atdawn"
    assert not Client().get(f"/api/v1/videos/{video.id}/").json()["allowed"]["change"]

    assert change(browser, video.id, title="").json()["title"] == ""
    assert change(browser, video.id, visibility="private").json()["visibility"] == "private"
    assert Client().get(f"/api/v1/videos/{video.id}/").status_code == 404


def test_so_does_who_shows_the_secret_or_uploaded_it_from_this_browser(
    video_row: MakeVideo,
) -> None:
    secret, digest = new_secret()
    video = video_row(secret_sha256=digest)
    browser = Client()
    session = browser.session
    session["uploads"] = [str(video.id)]
    session.save()

    assert change(Client(), video.id, secret, title="By its secret").status_code == 200
    assert change(Client(), video.id, secret + "x", title="Forged").status_code == 404
    assert change(Client(), video.id, title="By nobody").status_code == 404
    video.refresh_from_db()
    assert video.title == "By its secret"
    assert change(browser, video.id, title="By the browser").status_code == 200


@pytest.mark.parametrize("visibility", ["public", "private"])
def test_nobody_else_does_and_staff_does_it_in_the_admin(
    visibility: str, video_row: MakeVideo, alice: User
) -> None:
    video = video_row(owner=alice, visibility=visibility)
    staff = User.objects.create_user("dave", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="change_video"))
    others = (Client(), browser_of(User.objects.create_user("bob")), browser_of(staff))

    for browser in (*others, browser_of(User.objects.create_superuser("chief"))):
        answer = change(browser, video.id, title="Mine", visibility="public")
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    video.refresh_from_db()
    assert (video.title, video.visibility) == ("", visibility)


def test_another_sites_page_changes_nothing(video_row: MakeVideo, alice: User) -> None:
    video = video_row(owner=alice)
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)

    assert change(browser, video.id, visibility="public").status_code == 403
    video.refresh_from_db()
    assert video.visibility == "private"


@pytest.mark.parametrize(
    "fields, code, names",
    [
        ({}, "BAD_REQUEST", "title"),
        ({"state": "ready"}, "BAD_REQUEST", "visibility"),
        ({"title": "A", "owner": 1}, "BAD_REQUEST", "title"),
        ({"title": 7}, "BAD_VALUE", "title"),
        ({"title": None}, "BAD_VALUE", "title"),
        ({"title": "x" * 256}, "BAD_VALUE", "255"),
        ({"title": "A", "visibility": "everybody"}, "BAD_VALUE", "public or private"),
        ({"visibility": ["public"]}, "BAD_VALUE", "public or private"),
    ],
)
def test_what_cannot_be_changed_so_is_told_and_nothing_is(
    fields: dict[str, Any], code: str, names: str, video_row: MakeVideo, alice: User
) -> None:
    video = video_row(owner=alice)

    answer = change(browser_of(alice), video.id, **fields)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert names in answer.json()["detail"]
    video.refresh_from_db()
    assert (video.title, video.visibility) == ("", "private")


@pytest.mark.parametrize("content", ["", "{", "[]", "7", '"title"', "\x00"])
def test_what_is_no_object_is_refused(content: str, video_row: MakeVideo, alice: User) -> None:
    video = video_row(owner=alice)

    answer = browser_of(alice).patch(
        f"/api/v1/videos/{video.id}/", content, content_type="application/json"
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")


def test_a_deleted_video_is_not_brought_back_by_a_change(video_row: MakeVideo, alice: User) -> None:
    video = video_row(owner=alice, state=State.DELETED)

    assert change(browser_of(alice), video.id, visibility="public").status_code == 404
    video.refresh_from_db()
    assert video.visibility == "private"
