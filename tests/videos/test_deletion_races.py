"""Deleting a video while it is analysed, matched or deleted by somebody else."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone

from matching.links import record
from matching.models import DuplicateLink
from tests.matching.test_links import a_match
from tests.videos.traces import files_of
from tvidz.pipeline import analyse
from videos import storage
from videos.deletion import delete, look_after, staying
from videos.models import (
    Analysis,
    FrameInfo,
    Tombstone,
    Video,
)
from videos.queue import LeaseLost, claim, fenced, renew
from videos.uploads.accept import Arrival, accept

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]
TakeIn = Callable[..., Video]


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
