"""Deleting a video leaves a tombstone and nothing else, whatever happens meanwhile."""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from matching.links import record
from matching.models import CutToken, DescriptorVector, DuplicateLink, FeatureVector, WordPosting
from moderation.models import Flag
from tests.matching.test_links import a_match
from tvidz.pipeline import analyse
from videos import deletion, storage
from videos.access.visibility import new_secret
from videos.deletion import delete, look_after, staying, was_deleted
from videos.models import (
    Analysis,
    FrameInfo,
    PartialUpload,
    Search,
    State,
    Tombstone,
    UrlImport,
    Video,
)
from videos.queue import LeaseLost, claim, fenced, renew
from videos.uploads.accept import Arrival, accept

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]
TakeIn = Callable[..., Video]
NAME = "harbour-at-dawn-7031.mp4"


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob")


@pytest.fixture
def lead() -> User:
    user = User.objects.create_user("charlie", is_staff=True)
    user.user_permissions.add(
        *Permission.objects.filter(codename__in=["delete_video", "view_video"])
    )
    return user


def browser_of(user: User | None) -> Client:
    browser = Client()
    if user is not None:
        browser.force_login(user)
    return browser


def mentions(*words: str) -> dict[str, list[str]]:
    """Rows of all tables that hold one of the words anywhere, by table."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            like = " OR ".join(["lower(t::text) LIKE %s"] * len(words))
            cursor.execute(
                f'SELECT t::text FROM "{table}" AS t WHERE {like}',
                [f"%{word.lower()}%" for word in words],
            )
            if rows := [row[0] for row in cursor.fetchall()]:
                found[table] = rows
    return found


def files_of(video_id: uuid.UUID) -> list[Path]:
    folder = Path(django_settings.TVIDZ.var)
    return [path for path in folder.rglob("*") if path.is_file() and str(video_id) in str(path)]


@pytest.fixture
def known_everywhere(take_in: TakeIn, film: Path, excerpt: Path, alice: User) -> Video:
    """A film that an excerpt copies, with a row of everything that can speak of it."""
    video = take_in(film, NAME, owner=alice, origin=f"/films/{NAME}#1")
    take_in(excerpt)
    frame = FrameInfo.objects.filter(video=video)[0]
    CutToken.objects.create(video=video, version="1", token=1, time=0.0, span=1.0)
    DescriptorVector.objects.create(
        frame=frame, video=video, name="mine", version="1", timestamp=0.0, vector=[1.0, 0.0]
    )
    soon = timezone.now() + timedelta(hours=1)
    PartialUpload.objects.create(
        video_id=video.id, metadata=f"filename {NAME}", expires_at=soon, accepted_at=timezone.now()
    )
    UrlImport.objects.create(
        owner=alice, url=f"https://example.org/{NAME}", video_id=video.id, state="accepted"
    )
    LogEntry.objects.create(
        user=alice,
        content_type=ContentType.objects.get_for_model(Video),
        object_id=str(video.id),
        object_repr=NAME,
        action_flag=CHANGE,
    )
    call_command("match", str(excerpt), stdout=StringIO())
    Search.objects.create(
        filename="asked.mp4",
        storage_key="s",
        facts={},
        state="done",
        answer={"rows": [{"ref": str(video.id)}], "complete": True, "readable": 1.0},
    )
    return video


def test_nothing_stays_in_any_table_or_storage_but_the_tombstone(known_everywhere: Video) -> None:
    video = known_everywhere
    words = (str(video.id), video.id.hex, NAME, video.sha256)
    features = list(FeatureVector.objects.filter(video=video).values_list("pk", flat=True))
    before = mentions(*words)
    assert len(before) >= 14, sorted(before)
    assert len(files_of(video.id)) == 3
    assert WordPosting.objects.filter(feature__in=features).exists()
    assert Flag.objects.filter(link__reference=video).exists()

    delete(video.id)

    # The admin's history keeps the id, as the tombstone does.
    assert set(mentions(*words)) == {"videos_tombstone", "django_admin_log"}
    assert mentions(NAME) == {}
    assert files_of(video.id) == []
    assert not WordPosting.objects.filter(feature__in=features).exists()
    assert not DuplicateLink.objects.exists()
    assert not Flag.objects.exists()
    stone = Tombstone.objects.get()
    assert (stone.id, stone.sha256, stone.owner) == (video.id, video.sha256, video.owner)
    assert (stone.uploaded_at, stone.keys) == (video.uploaded_at, [])


def test_what_it_was_compared_with_stays(known_everywhere: Video) -> None:
    other = Video.objects.exclude(pk=known_everywhere.pk).get()

    delete(known_everywhere.id)

    other.refresh_from_db()
    assert other.state == State.READY
    assert len(files_of(other.id)) == 3
    assert FeatureVector.objects.filter(video=other).exists()


def test_kept_answers_tell_of_it_no_longer(
    take_in: TakeIn, film: Path, excerpt: Path, clip: Path
) -> None:
    def asked() -> str:
        told = StringIO()
        call_command("match", str(excerpt), stdout=told)
        return told.getvalue()

    video = take_in(film)
    assert str(video.id) in asked()
    key = "kept"
    caches["answers"].set(key, "an answer")

    delete(video.id)

    assert str(video.id) not in asked()
    assert caches["answers"].get(key) is None


def test_deleting_twice_is_deleting_once(take_in: TakeIn, clip: Path) -> None:
    video = take_in(clip)

    delete(video.id)
    delete(video.id)
    delete(uuid.uuid4())

    assert Tombstone.objects.count() == 1


def test_its_owner_has_the_quota_again(
    take_in: TakeIn, clip: Path, alice: User, change_settings: Callable[..., None]
) -> None:
    change_settings(quota_mb=1)
    video = take_in(clip, owner=alice)
    Video.objects.filter(pk=video.pk).update(size_bytes=(1 << 20) - 10)

    delete(video.id)

    assert take_in(clip, owner=alice).state == State.READY


def test_the_same_file_may_come_again_but_not_the_same_telling_of_it(
    take_in: TakeIn, clip: Path
) -> None:
    video = take_in(clip, origin="s3://videos/clip.mp4#1")

    delete(video.id)

    assert was_deleted("s3://videos/clip.mp4#1")
    assert not was_deleted("s3://videos/clip.mp4#2")
    assert not was_deleted("")
    assert take_in(clip).state == State.READY


# Crashes.


def test_a_crash_while_it_is_marked_leaves_everything(
    take_in: TakeIn, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = take_in(clip)

    def crash(video_id: uuid.UUID) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(deletion, "_forget_name", crash)
    with pytest.raises(KeyboardInterrupt):
        delete(video.id)
    monkeypatch.undo()

    assert Video.objects.filter(pk=video.pk).exists()
    assert len(files_of(video.id)) == 3
    assert not Tombstone.objects.exists()
    delete(video.id)
    assert files_of(video.id) == []


def test_a_crash_among_the_rows_is_finished_by_the_next_look(
    take_in: TakeIn, clip: Path, monkeypatch: pytest.MonkeyPatch, alice: User
) -> None:
    video = take_in(clip, NAME, owner=alice, visibility="public")

    def crash() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(caches["answers"], "clear", crash)
    with pytest.raises(KeyboardInterrupt):
        delete(video.id)
    monkeypatch.undo()

    assert FeatureVector.objects.filter(video=video).exists()
    assert len(files_of(video.id)) == 3
    assert (mentions(NAME), Analysis.objects.count()) == ({}, 0)
    page = f"/videos/{video.id}/"
    assert [browser_of(user).get(page).status_code for user in (alice, None)] == [410, 404]
    look_after()
    assert (Video.objects.count(), files_of(video.id)) == (0, [])


def test_long_videos_are_gone_at_once_and_their_rows_at_the_next_look(
    take_in: TakeIn, clip: Path, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, address = take_in(clip, owner=alice), "/api/v1/videos/{}/"
    monkeypatch.setattr(deletion, "FEW_FRAMES", 1)

    assert browser_of(alice).delete(address.format(video.id)).status_code == 204

    assert FeatureVector.objects.filter(video=video).exists()
    assert browser_of(alice).get(address.format(video.id)).status_code == 410
    look_after()
    assert not FeatureVector.objects.exists()
    assert files_of(video.id) == []


@pytest.mark.parametrize("removed", [0, 1, 2])
def test_a_crash_among_the_files_is_finished_by_the_next_look(
    take_in: TakeIn, clip: Path, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    video = take_in(clip)
    real = storage.remove

    def crash(*keys: str) -> None:
        real(*keys[:removed])
        raise KeyboardInterrupt

    monkeypatch.setattr(storage, "remove", crash)
    with pytest.raises(KeyboardInterrupt):
        delete(video.id)
    assert len(files_of(video.id)) == 3 - removed
    assert not Video.objects.exists()
    monkeypatch.undo()

    look_after()

    assert files_of(video.id) == []
    assert Tombstone.objects.get().keys == []


def test_a_storage_that_does_not_answer_is_asked_again(
    take_in: TakeIn, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = take_in(clip)

    def away(*keys: str) -> None:
        raise OSError("no storage")

    monkeypatch.setattr(storage, "remove", away)
    delete(video.id)
    look_after()
    assert Tombstone.objects.get().keys != []
    monkeypatch.undo()

    look_after()

    assert (files_of(video.id), Tombstone.objects.get().keys) == ([], [])


# Analyses that run meanwhile.


def elsewhere(action: Callable[[], object]) -> threading.Thread:
    """Run in another thread with its own connection to the database."""

    def run() -> None:
        try:
            action()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_running_analysis_loses_its_claim(take_in: TakeIn, clip: Path) -> None:
    accepted = accept(Arrival(clip, "clip.mp4", "site"))  # type: ignore[arg-type]
    held = claim(accepted.analysis.pk, "bob")
    assert held is not None

    delete(accepted.video.id)

    with pytest.raises(LeaseLost):
        renew(held)
    with pytest.raises(LeaseLost), fenced(held):
        pass
    assert analyse(accepted.analysis.pk) == "not free"


@pytest.mark.django_db(transaction=True)
def test_an_analysis_whose_video_goes_stops_and_leaves_no_files(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = accept(Arrival(clip, "clip.mp4", "site"))  # type: ignore[arg-type]
    video_id = accepted.video.id
    real = storage.put_path

    def deleted_meanwhile(key: str, path: Path) -> None:
        elsewhere(lambda: delete(video_id)).join()
        real(key, path)

    monkeypatch.setattr(storage, "put_path", deleted_meanwhile)

    assert analyse(accepted.analysis.pk) == "lease lost"

    assert files_of(video_id) == []
    assert not Video.objects.exists()
    assert not FrameInfo.objects.exists()
    assert not Analysis.objects.exists()


def test_what_a_killed_worker_left_is_looked_for_until_its_lease_is_long_over(
    clip: Path,
) -> None:
    accepted = accept(Arrival(clip, "clip.mp4", "site"))  # type: ignore[arg-type]
    claim(accepted.analysis.pk, "bob")
    delete(accepted.video.id)
    storage.put_bytes(storage.thumbnail_key(accepted.video.id), b"late")

    look_after()

    assert files_of(accepted.video.id) == []
    stone = Tombstone.objects.get()
    assert stone.keys, "another one may come yet"
    Tombstone.objects.update(look_until=timezone.now() - timedelta(seconds=1))
    look_after()
    assert Tombstone.objects.get().keys == []


@pytest.mark.django_db(transaction=True)
def test_a_video_somebody_is_linking_to_goes_with_the_link(video_row: MakeVideo) -> None:
    """The deletion waits for the transaction that writes the link, and takes it along."""
    older, newer = video_row("older.mp4", state="ready"), video_row("newer.mp4")
    held = claim(Analysis.objects.create(video=newer).pk, "bob")
    assert held is not None
    with fenced(held):
        record_link(newer, older)
        deleting = elsewhere(lambda: delete(older.id))
        deleting.join(0.5)
        assert deleting.is_alive(), "it must wait"
    deleting.join(10)

    assert not deleting.is_alive()
    assert not DuplicateLink.objects.exists()
    assert list(Video.objects.all()) == [newer]


@pytest.mark.django_db(transaction=True)
def test_a_video_that_went_after_it_was_found_is_passed_over(video_row: MakeVideo) -> None:
    older, newer = video_row("older.mp4", state="ready"), video_row("newer.mp4")
    held = claim(Analysis.objects.create(video=newer).pk, "bob")
    assert held is not None
    delete(older.id)

    with fenced(held):
        record_link(newer, older)
        assert staying([older.id, newer.id]) == {newer.id}

    assert not DuplicateLink.objects.exists()


def record_link(newer: Video, older: Video) -> None:
    record(newer, [a_match(older)], "2", provisional=True)


@pytest.mark.django_db(transaction=True)
def test_two_that_copy_each_other_can_be_deleted_at_once(video_row: MakeVideo) -> None:
    for _ in range(5):
        one, other = video_row("one.mp4"), video_row("other.mp4")
        for version in "1234":
            record_in(version, one, other)
        both = [elsewhere(lambda video=video: delete(video.id)) for video in (one, other)]  # type: ignore[misc]
        for thread in both:
            thread.join(20)
        look_after()

    assert not Video.objects.exists()
    assert Tombstone.objects.count() == 10


def record_in(version: str, one: Video, other: Video) -> None:
    DuplicateLink.objects.create(
        query=one,
        reference=other,
        version=version,
        score=1.0,
        matched_frames=1,
        covered_query=1.0,
        covered_reference=1.0,
    )


# Who may.


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
