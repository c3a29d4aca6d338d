"""Who may see what."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.test import Client

from tests.people import staff_user
from videos.access.visibility import (
    SESSION_LIMIT,
    Viewer,
    may_see,
    new_secret,
    recent_uploads,
    remember_upload,
    visible,
)
from videos.errors import Refusal
from videos.models import State, Video, Visibility

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]
NOBODY = AnonymousUser()


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob")


@pytest.fixture
def moderator() -> User:
    return staff_user("charlie")


def test_a_private_video_is_its_owners_alone(video_row: MakeVideo, alice: User, bob: User) -> None:
    video = video_row(owner=alice)

    assert may_see(Viewer(alice), video)
    assert not may_see(Viewer(bob), video)
    assert not may_see(Viewer(NOBODY), video)


def test_a_public_video_is_everybodys(video_row: MakeVideo, alice: User) -> None:
    video = video_row(owner=alice, visibility=Visibility.PUBLIC)

    assert may_see(Viewer(NOBODY), video)


def test_staff_sees_all(video_row: MakeVideo, alice: User, moderator: User) -> None:
    for state in set(State) - {State.DELETED}:
        failed = {"error_code": "EICAR"} if state in (State.FAILED, State.QUARANTINED) else {}
        assert may_see(Viewer(moderator), video_row(owner=alice, state=state, **failed))


def test_a_video_of_nobody_is_not_every_visitors(video_row: MakeVideo) -> None:
    assert not may_see(Viewer(NOBODY), video_row(owner=None, secret_sha256=""))


def test_the_browser_that_uploaded_it_sees_it(video_row: MakeVideo) -> None:
    video = video_row()

    assert may_see(Viewer(NOBODY, frozenset([video.id])), video)
    assert not may_see(Viewer(NOBODY, frozenset([uuid.uuid4()])), video)


def test_the_secret_opens_the_video_it_belongs_to(video_row: MakeVideo) -> None:
    secret, digest = new_secret()
    video, other = video_row(secret_sha256=digest), video_row()

    assert may_see(Viewer(NOBODY, secret=secret), video)
    assert not may_see(Viewer(NOBODY, secret=secret + "x"), video)
    assert not may_see(Viewer(NOBODY, secret=digest), video)
    assert not may_see(Viewer(NOBODY, secret=secret), other)


def test_a_deleted_video_is_gone_for_its_owner_and_a_quarantined_one_is_not_public(
    video_row: MakeVideo, alice: User
) -> None:
    deleted = video_row(owner=alice, state=State.DELETED, visibility=Visibility.PUBLIC)
    locked = video_row(
        owner=alice, state=State.QUARANTINED, error_code="EICAR", visibility=Visibility.PUBLIC
    )

    assert not may_see(Viewer(alice), deleted)
    assert may_see(Viewer(alice), locked)
    assert not may_see(Viewer(NOBODY), locked)


def test_a_hidden_video_and_none_are_told_in_the_same_words(
    video_row: MakeVideo, alice: User, bob: User
) -> None:
    told = []
    for number in (video_row(owner=alice).id, uuid.uuid4()):
        with pytest.raises(Refusal) as refused:
            visible(Viewer(bob), number)
        told.append((refused.value.status, refused.value.code, refused.value.message))

    assert told[0] == told[1]
    assert told[0][0] == 404


def test_a_session_remembers_its_newest_uploads_only() -> None:
    session = Client().session
    numbers = [uuid.uuid4() for _ in range(SESSION_LIMIT + 1)]
    for number in numbers:
        remember_upload(session, number)

    assert session["uploads"] == [str(number) for number in numbers[1:]]


def test_recent_uploads_are_ones_own(video_row: MakeVideo, alice: User) -> None:
    mine = video_row("mine.mp4", owner=alice)
    session = video_row("session.mp4")
    video_row("gone.mp4", owner=alice, state=State.DELETED)
    video_row("public.mp4", visibility=Visibility.PUBLIC)

    found = recent_uploads(Viewer(alice, frozenset([session.id])), 10)

    assert set(found) == {mine, session}


# The live streams are asked from outside, in tests/tvidz/test_live.py.
ADDRESSES = ["/videos/{}/", "/api/v1/videos/{}/"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_private_video_answers_404_to_strangers_not_403(
    address: str, video_row: MakeVideo, alice: User, bob: User
) -> None:
    video = video_row(owner=alice)
    browser = Client()
    browser.force_login(bob)

    assert Client().get(address.format(video.id)).status_code == 404
    assert browser.get(address.format(video.id)).status_code == 404
    assert Client().post(f"/api/v1/videos/{video.id}/retry").status_code == 404


@pytest.mark.parametrize("address", ADDRESSES)
def test_owner_secret_and_staff_are_let_in(
    address: str, video_row: MakeVideo, alice: User, moderator: User
) -> None:
    secret, digest = new_secret()
    video = video_row(owner=alice, secret_sha256=digest)
    for user in (alice, moderator):
        browser = Client()
        browser.force_login(user)
        assert browser.get(address.format(video.id)).status_code == 200

    shown = Client().get(address.format(video.id), headers={"X-Upload-Secret": secret})
    linked = Client().get(address.format(video.id) + f"?secret={secret}")

    assert (shown.status_code, linked.status_code) == (200, 200)


def test_the_anonymous_browser_that_uploaded_may_come_back(clip: Path) -> None:
    browser = Client()
    with clip.open("rb") as file:
        number = browser.post("/api/v1/videos/", {"file": file}).json()["id"]

    assert browser.get(f"/api/v1/videos/{number}/").status_code == 200
    assert Client().get(f"/api/v1/videos/{number}/").status_code == 404


def test_what_is_blocked_is_its_owners_and_those_who_look_after_it(
    video_row: MakeVideo, alice: User, bob: User, moderator: User
) -> None:
    secret, stored = new_secret()
    told = {"visibility": Visibility.PUBLIC, "blocked_at": "2026-11-21T20:00:00Z"}
    video = video_row(owner=alice, secret_sha256=stored, **told)
    bob.user_permissions.add(Permission.objects.get(codename="review_flag"))

    for viewer in (Viewer(alice), Viewer(moderator), Viewer(bob), Viewer(NOBODY, secret=secret)):
        assert may_see(viewer, video)
    for viewer in (Viewer(NOBODY), Viewer(User.objects.create_user("dora"))):
        assert not may_see(viewer, video)
