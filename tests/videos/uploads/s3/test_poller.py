"""From an object in the bucket, by way of its event, to a video: once, whatever happens."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django_q.models import OrmQ

from tests.aws import Aws, event
from tests.conftest import wait_for
from videos import storage
from videos.deletion import delete
from videos.models import Analysis, S3Key, State, Upload, Video
from videos.s3 import s3
from videos.uploads.s3.ingest import take_in_object
from videos.uploads.s3.poller import Poller

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("aws")]


def drain() -> None:
    """Work off what is in the queue."""
    Poller(once=True, wait_seconds=0).run()


@pytest.fixture
def polling() -> Iterator[None]:
    """A poller runs beside the test."""
    poller = Poller(wait_seconds=1)

    def run() -> None:
        poller.run()
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    poller.stop()
    thread.join(timeout=30)
    assert not thread.is_alive()


def test_an_object_becomes_a_video_that_waits_for_its_analysis(aws: Aws, clip: Path) -> None:
    etag = aws.put("partner/clip.mp4", clip.read_bytes())

    drain()

    video = Video.objects.get()
    assert (video.filename, video.state, video.owner) == ("clip.mp4", State.QUEUED, None)
    assert video.sha256 == hashlib.sha256(clip.read_bytes()).hexdigest()
    assert Upload.objects.get().origin == f"s3://videos/partner/clip.mp4#{etag}"
    assert Upload.objects.get().entrance == "s3"
    assert Analysis.objects.get().state == State.QUEUED
    assert OrmQ.objects.count() == 1
    assert aws.waiting() == 0
    assert aws.keys() == ["partner/clip.mp4"]


@pytest.mark.parametrize(
    "name", ["two words.mp4", "one+two.mp4", "käse über alles.mp4", "100% & more?.mp4", "a=b#c.mp4"]
)
def test_whatever_stands_in_a_key_is_part_of_the_name(aws: Aws, clip: Path, name: str) -> None:
    aws.put(f"some folder/{name}", clip.read_bytes())

    drain()

    assert Video.objects.get().filename == name
    assert aws.waiting() == 0


def test_ten_equal_events_at_once_make_one_video(
    aws: Aws, clip: Path, change_settings: Callable[..., None]
) -> None:
    change_settings(s3_poll_threads=10)
    aws.put("clip.mp4", clip.read_bytes())
    for _ in range(9):
        aws.send(event("clip.mp4"))

    pollers = [threading.Thread(target=drain) for _ in range(2)]
    for each in pollers:
        each.start()
    for each in pollers:
        each.join()

    assert Video.objects.count() == Upload.objects.count() == Analysis.objects.count() == 1
    assert (aws.waiting(), aws.dead()) == (0, 0)


def test_another_content_under_the_same_key_is_another_video(
    aws: Aws, clip: Path, stranger: Path
) -> None:
    aws.put("a.mp4", clip.read_bytes())
    drain()
    aws.put("a.mp4", stranger.read_bytes())
    drain()

    assert Video.objects.count() == 2


def test_a_file_that_is_refused_is_a_failed_video_with_its_code(aws: Aws) -> None:
    aws.put("letter.mp4", b"Dear Sir or Madam, " * 100)

    drain()

    video = Video.objects.get()
    assert (video.state, video.error_code, video.storage_key) == (State.FAILED, "UNSUP", "")
    assert (aws.waiting(), aws.dead()) == (0, 0)


def test_a_file_that_is_too_large_is_refused_without_being_fetched(
    aws: Aws, change_settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    change_settings(max_upload_mb=1)
    aws.put("large.mp4", bytes((1 << 20) + 1))
    monkeypatch.setattr("videos.uploads.s3.ingest.ObjectReader", None)

    drain()

    assert Video.objects.get().error_code == "TOO_LARGE"
    assert Video.objects.get().size_bytes == (1 << 20) + 1


def test_what_was_refused_can_be_tried_again_and_stands_once(aws: Aws, clip: Path) -> None:
    aws.put("clip.mp4", b"x" * 5000)
    take_in_object("videos", "clip.mp4")
    refused = Video.objects.get()

    assert take_in_object("videos", "clip.mp4") == refused
    again = take_in_object("videos", "clip.mp4", again=True)

    assert again is not None
    assert again != refused
    assert Video.objects.get() == again


def test_a_deleted_video_does_not_come_back_with_its_event_but_on_purpose(
    aws: Aws, clip: Path
) -> None:
    aws.put("clip.mp4", clip.read_bytes())
    video = take_in_object("videos", "clip.mp4")
    assert video is not None
    delete(video.pk)

    drain()

    assert not Video.objects.exists()
    assert (aws.waiting(), aws.dead()) == (0, 0)
    assert take_in_object("videos", "clip.mp4", again=True) is not None


def test_an_object_that_is_gone_again_is_no_fault(aws: Aws, clip: Path) -> None:
    aws.put("clip.mp4", clip.read_bytes())
    s3().delete_object(Bucket="videos", Key="clip.mp4")

    drain()

    assert not Video.objects.exists()
    assert (aws.waiting(), aws.dead()) == (0, 0)


def test_of_removed_and_created_the_newer_wins_whichever_comes_first(aws: Aws, clip: Path) -> None:
    aws.put("clip.mp4", clip.read_bytes())
    aws.messages()

    aws.send(event("clip.mp4", made=False, sequencer="0055AED6DCD90281E6"))
    drain()
    aws.send(event("clip.mp4", sequencer="0055AED6DCD90281E5"))
    drain()
    assert not Video.objects.exists()
    assert S3Key.objects.get().removed

    aws.send(event("clip.mp4", sequencer="0055AED6DCD90281E7"))
    drain()
    assert Video.objects.count() == 1
    assert not S3Key.objects.get().removed


def test_a_video_stays_when_its_object_is_taken_away(aws: Aws, clip: Path) -> None:
    aws.put("clip.mp4", clip.read_bytes())
    drain()
    s3().delete_object(Bucket="videos", Key="clip.mp4")
    drain()

    video = Video.objects.get()
    assert storage.open_stored(video.storage_key).read() == clip.read_bytes()
    assert S3Key.objects.get().removed


def test_poison_goes_to_the_dead_letter_queue_while_others_flow(
    aws: Aws, clip: Path, polling: None
) -> None:
    aws.send("this is not JSON")
    aws.send({"Records": [{"nothing": "to see"}]})
    aws.put("clip.mp4", clip.read_bytes())

    wait_for(lambda: Video.objects.exists(), "the good one to come through")
    wait_for(lambda: aws.dead() == 2, "the poison to be set aside")
    assert aws.waiting() == 0


def test_an_event_that_cannot_be_done_now_waits_and_is_not_lost(
    aws: Aws, clip: Path, change_settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videos.uploads.s3.poller.FIRST_PAUSE", 1)
    monkeypatch.setattr("videos.uploads.s3.poller.check_room", lambda size: None)
    change_settings(storage_reserve_mb=10**9)
    aws.put("clip.mp4", clip.read_bytes())
    drain()
    assert not Video.objects.exists()
    assert aws.waiting() == 1

    change_settings(storage_reserve_mb=0)

    def drained() -> bool:
        drain()
        return Video.objects.exists()

    wait_for(drained, "the event to come again")
    assert aws.waiting() == 0


def test_with_the_disk_full_no_event_is_asked_for(
    aws: Aws, clip: Path, change_settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videos.uploads.s3.poller.REST_SECONDS", 0.1)
    change_settings(storage_reserve_mb=10**9)
    aws.put("clip.mp4", clip.read_bytes())
    poller = Poller(wait_seconds=0)
    thread = threading.Thread(target=poller.run)
    thread.start()
    threading.Event().wait(1.0)
    poller.stop()
    thread.join()

    counts: Any = aws.messages()
    assert len(counts) == 1


def test_a_message_stays_hidden_while_its_object_is_worked_on(
    aws: Aws, clip: Path, change_settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    change_settings(s3_visibility_seconds=2)
    begun, go_on = threading.Event(), threading.Event()
    calls: list[str] = []

    def slow(event: Any) -> None:
        calls.append(event.key)
        begun.set()
        go_on.wait(20)

    monkeypatch.setattr("videos.uploads.s3.poller.handle", slow)
    aws.put("clip.mp4", clip.read_bytes())
    poller = threading.Thread(target=drain)
    poller.start()
    assert begun.wait(10)
    threading.Event().wait(3.5)
    assert aws.messages() == []
    go_on.set()
    poller.join()

    assert calls == ["clip.mp4"]
    assert aws.waiting() == 0
