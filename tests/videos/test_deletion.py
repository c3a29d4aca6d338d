"""Deleting a video leaves a tombstone and nothing else, whatever happens meanwhile."""

import uuid
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.core.management import call_command

from matching.models import DuplicateLink, FeatureVector, WordPosting
from moderation.models import Flag
from tests.browsers import browser_of
from tests.videos.traces import NAME, files_of, mentions
from videos import deletion, storage
from videos.deletion import delete, look_after, was_deleted
from videos.models import (
    Analysis,
    State,
    Tombstone,
    Video,
)

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]
TakeIn = Callable[..., Video]


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

    # The admin's history keeps the id, as the tombstone and moderation's history do.
    kept = {"videos_tombstone", "django_admin_log", "moderation_flag", "moderation_event"}
    assert set(mentions(*words)) == kept
    assert mentions(NAME) == {}
    assert files_of(video.id) == []
    assert not WordPosting.objects.filter(feature__in=features).exists()
    assert not DuplicateLink.objects.exists()
    assert Flag.objects.get().state == Flag.State.SUPERSEDED
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
