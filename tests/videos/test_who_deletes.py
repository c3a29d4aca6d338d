"""Who may delete a video, and what they and others are told."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.browsers import browser_of
from tests.videos.traces import NAME, mentions
from videos.access.visibility import new_secret
from videos.deletion import delete
from videos.models import (
    Video,
)

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]
TakeIn = Callable[..., Video]


def by_page(browser: Client, video_id: uuid.UUID, secret: str) -> int:
    address = "/library/delete/" + (f"?secret={secret}" if secret else "")
    return browser.post(address, {"video": str(video_id), "confirmed": "yes"}).status_code


def by_rest(browser: Client, video_id: uuid.UUID, secret: str) -> int:
    headers = {"X-Upload-Secret": secret} if secret else {}
    return browser.delete(f"/api/v1/videos/{video_id}/", headers=headers).status_code


@pytest.mark.parametrize("ask, done", [(by_page, 302), (by_rest, 204)])
@pytest.mark.parametrize("visibility", ["public", "private"])
def test_owner_session_secret_and_permitted_staff_may_delete_and_nobody_else(
    ask: Callable[[Client, uuid.UUID, str], int],
    done: int,
    visibility: str,
    video_row: MakeVideo,
    alice: User,
    bob: User,
    lead: User,
) -> None:
    secret, digest = new_secret()
    moderator = User.objects.create_user("dave", is_staff=True)
    remembers = Client()

    def fresh() -> Video:
        return video_row(owner=alice, secret_sha256=digest, visibility=visibility)

    video = fresh()
    for refused in (Client(), browser_of(bob), browser_of(moderator)):
        assert ask(refused, video.id, "") == 404
    assert ask(Client(), video.id, secret + "x") == 404
    assert ask(Client(), uuid.uuid4(), "") == 404
    assert Video.objects.filter(pk=video.id).exists()

    for browser, shown in ((browser_of(alice), ""), (Client(), secret), (browser_of(lead), "")):
        video = fresh()
        assert ask(browser, video.id, shown) == done
        assert not Video.objects.filter(pk=video.id).exists()
        # Again is the same, for them; a stranger learns nothing.
        assert ask(browser, video.id, shown) == done
        assert ask(browser_of(bob), video.id, "") == 404
    video = fresh()
    session = remembers.session
    session["uploads"] = [str(video.id)]
    session.save()
    assert ask(remembers, video.id, "") == done


def test_a_deleted_video_is_told_of_to_its_owner_alone(
    video_row: MakeVideo, alice: User, bob: User
) -> None:
    video = video_row(NAME, owner=alice, visibility="public")
    delete(video.id)
    page, rest = f"/videos/{video.id}/", f"/api/v1/videos/{video.id}/"

    mine = browser_of(alice).get(page)

    assert mine.status_code == 410
    assert b"This video was deleted" in mine.content
    assert NAME not in mine.content.decode()
    told = browser_of(alice).get(rest)
    assert (told.status_code, told.json()["code"]) == (410, "DELETED")
    for browser in (Client(), browser_of(bob)):
        assert browser.get(page).status_code == 404
        assert browser.get(rest).status_code == 404


def test_media_addresses_end_with_the_video(take_in: TakeIn, clip: Path, alice: User) -> None:
    video = take_in(clip, owner=alice)
    told = browser_of(alice).get(f"/api/v1/videos/{video.id}/").json()
    addresses = [told["media"], told["thumbnail"]]
    assert [Client().get(each).status_code for each in addresses] == [200, 200]

    delete(video.id)

    assert [Client().get(each).status_code for each in addresses] == [404, 404]


def test_the_page_asks_before_it_deletes(video_row: MakeVideo, alice: User) -> None:
    hostile = "<script>alert(1)</script>.mp4"
    video, other = video_row(hostile, owner=alice), video_row("other.mp4")

    asked = browser_of(alice).post(
        "/library/delete/", {"video": [str(video.id), str(other.id), "nonsense"]}
    )

    assert asked.status_code == 200
    assert b"&lt;script&gt;" in asked.content
    assert b"<script>alert" not in asked.content
    assert b"other.mp4" not in asked.content
    assert Video.objects.count() == 2


def test_a_form_of_another_site_deletes_nothing(video_row: MakeVideo, alice: User) -> None:
    video = video_row(owner=alice)
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(alice)

    assert by_page(careful, video.id, "") == 403
    assert by_rest(careful, video.id, "") == 403
    assert Video.objects.exists()


def test_staff_delete_in_the_admin_after_a_question(
    video_row: MakeVideo, lead: User, known_everywhere: Video
) -> None:
    browser, address = browser_of(lead), "/admin/videos/video/"
    form = {"action": "delete_for_good", "_selected_action": [str(known_everywhere.id)]}

    asked = browser.post(address, form)

    assert NAME in asked.content.decode()
    assert Video.objects.filter(pk=known_everywhere.pk).exists()
    done = browser.post(address, form | {"confirmed": "yes"}, follow=True)
    assert "1 deleted" in done.content.decode()
    assert not Video.objects.filter(pk=known_everywhere.pk).exists()
    assert mentions(NAME) == {}
    assert LogEntry.objects.filter(user=lead, object_id=str(known_everywhere.id)).exists()


def test_staff_without_the_permission_are_not_offered_it(video_row: MakeVideo) -> None:
    moderator = User.objects.create_user("dave", is_staff=True)
    moderator.user_permissions.add(Permission.objects.get(codename="view_video"))
    video = video_row()
    browser = browser_of(moderator)

    browser.post(
        "/admin/videos/video/",
        {"action": "delete_for_good", "_selected_action": [str(video.id)], "confirmed": "yes"},
    )

    assert b"delete_for_good" not in browser.get("/admin/videos/video/").content
    assert Video.objects.exists()


def test_only_its_owner_shows_or_hides_it(video_row: MakeVideo, alice: User, bob: User) -> None:
    video = video_row(owner=alice)
    form = {"video": str(video.id), "visibility": "public"}

    assert browser_of(bob).post("/library/visibility/", form).status_code == 404
    assert Client().post("/library/visibility/", form).status_code == 404
    video.refresh_from_db()
    assert video.visibility == "private"
    assert browser_of(alice).post("/library/visibility/", form).status_code == 302
    video.refresh_from_db()
    assert video.visibility == "public"
