"""S3 that answers with errors, breaks off, falls silent or does what it does not tell."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management.base import CommandError
from django.test import Client

from tests.aws import Aws
from tests.conftest import wait_for
from tests.faulty_s3 import FaultyS3, Kind, faulty_s3
from tests.tvidz.backfill.conftest import Backfill
from tests.tvidz.backfill.conftest import backfill as backfill
from tests.videos.uploads.s3.browser import MIB, begin, complete, padded, send_form, send_parts
from videos import storage
from videos.errors import Refusal
from videos.models import DirectUpload, State, Upload, Video
from videos.s3 import StorageUnavailable
from videos.uploads.accept import Arrival, accept
from videos.uploads.s3 import direct
from videos.uploads.s3.poller import Poller
from videos.uploads.s3.setup import set_up

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("aws"),
    pytest.mark.long,
]

LIBRARY = "tvidz-library"
# Our clients ask once, and three times more.
ASKED = 4


@pytest.fixture
def bad(
    aws: Aws, change_settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Iterator[FaultyS3]:
    """Our S3, also that of the library; no fault yet."""
    monkeypatch.setattr("videos.s3.READ_SECONDS", 1)
    monkeypatch.setattr("videos.uploads.s3.poller.FIRST_PAUSE", 0)
    with faulty_s3(aws.url) as faulty:
        change_settings(s3_endpoint=faulty.url, storage="s3")
        settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "videos.s3.LibraryBucket"}}
        list(set_up())
        yield faulty


def drain() -> None:
    Poller(once=True, wait_seconds=0).run()


def drained(look: Callable[[], bool]) -> bool:
    """Work off what is there now, and look."""
    drain()
    return look()


def arrive(path: Path) -> Video:
    return accept(Arrival(path, "clip.mp4", Upload.Entrance.API)).video


def is_whole(video: Video, content: bytes) -> bool:
    with storage.open_stored(video.storage_key) as stored:
        read = stored.read()
    return read == content and video.sha256 == hashlib.sha256(content).hexdigest()


class TestStoring:
    @pytest.mark.parametrize("kind", ["500", "unsaid"])
    def test_one_bad_answer_is_got_over(
        self, kind: Kind, bad: FaultyS3, aws: Aws, clip: Path
    ) -> None:
        fault = bad.does(kind, "PUT", f"/{LIBRARY}/videos/", times=1)

        video = arrive(clip)

        assert fault.happened == 1
        assert is_whole(video, clip.read_bytes())
        assert aws.keys(LIBRARY) == [video.storage_key]

    @pytest.mark.parametrize("kind", ["503", "silent"])
    def test_where_it_stays_bad_nothing_is_kept_and_the_code_says_so(
        self, kind: Kind, bad: FaultyS3, aws: Aws, clip: Path
    ) -> None:
        bad.does(kind, "PUT", f"/{LIBRARY}/videos/")

        with pytest.raises(Refusal) as caught:
            arrive(clip)

        assert (caught.value.code, caught.value.status) == ("NO_STORAGE", 503)
        assert not Video.objects.exists()
        assert aws.keys(LIBRARY) == []

    def test_of_a_large_file_no_parts_are_left(
        self, bad: FaultyS3, aws: Aws, clip: Path, tmp_path: Path
    ) -> None:
        large = tmp_path / "large.mp4"
        large.write_bytes(padded(clip, 20 * MIB))
        fault = bad.does("500", "PUT", "partNumber=2")

        with pytest.raises(Refusal, match="NO_STORAGE"):
            arrive(large)

        assert fault.happened
        assert aws.parts_there(LIBRARY) == 0
        bad.heals()
        assert is_whole(arrive(large), large.read_bytes())

    @pytest.mark.parametrize("kind", ["500", "cut"])
    def test_a_stored_file_is_read_whole_or_not_at_all(
        self, kind: Kind, bad: FaultyS3, clip: Path
    ) -> None:
        video = arrive(clip)
        bad.does(kind, "GET", f"/{LIBRARY}/videos/", times=1)
        with storage.local_copy(video.storage_key) as path:
            assert path.read_bytes() == clip.read_bytes()

        bad.does(kind, "GET", f"/{LIBRARY}/videos/", times=1)
        assert is_whole(video, clip.read_bytes())

        bad.does(kind, "GET", f"/{LIBRARY}/videos/")
        with pytest.raises(StorageUnavailable), storage.local_copy(video.storage_key):
            pass
        with pytest.raises(StorageUnavailable):
            is_whole(video, clip.read_bytes())


class TestEvents:
    @pytest.mark.parametrize(
        ("method", "kind"), [("HEAD", "500"), ("GET", "cut"), ("GET", "silent")]
    )
    def test_an_object_that_cannot_be_read_now_is_taken_in_once_it_can(
        self, method: str, kind: Kind, bad: FaultyS3, aws: Aws, clip: Path
    ) -> None:
        aws.put("film.mp4", clip.read_bytes())
        fault = bad.does(kind, method, "/videos/film.mp4", times=7)

        for _ in range(4):
            drain()

        assert fault.happened
        assert is_whole(Video.objects.get(), clip.read_bytes())
        assert (aws.waiting(), aws.dead()) == (0, 0)

    def test_an_object_that_cannot_be_read_at_all_is_set_aside_and_not_lost(
        self, bad: FaultyS3, aws: Aws, clip: Path
    ) -> None:
        aws.put("film.mp4", clip.read_bytes())
        bad.does("500", "GET", "/videos/film.mp4")
        for _ in range(7):
            drain()

        assert not Video.objects.exists()
        assert (aws.waiting(), aws.dead()) == (0, 1)
        assert aws.keys() == ["film.mp4"]

    @pytest.mark.parametrize("kind", ["500", "unsaid"])
    def test_a_message_that_is_not_deleted_makes_no_second_video(
        self,
        kind: Kind,
        bad: FaultyS3,
        aws: Aws,
        clip: Path,
        change_settings: Callable[..., None],
    ) -> None:
        change_settings(s3_visibility_seconds=1)
        aws.put("film.mp4", clip.read_bytes())
        fault = bad.does(kind, "POST", "DeleteMessage", times=ASKED)
        drain()
        assert fault.happened == ASKED

        wait_for(lambda: drained(lambda: aws.waiting() == 0), "the message to go")
        assert Video.objects.count() == 1

    @pytest.mark.parametrize("words", ["ReceiveMessage", "ChangeMessageVisibility", "GetQueueUrl"])
    def test_a_queue_that_does_not_answer_loses_no_message(
        self,
        words: str,
        bad: FaultyS3,
        aws: Aws,
        clip: Path,
        change_settings: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        change_settings(s3_visibility_seconds=1)
        monkeypatch.setattr("videos.uploads.s3.poller.REST_SECONDS", 0.1)
        aws.put("film.mp4", clip.read_bytes())
        bad.does("500", "GET", "/videos/film.mp4", times=ASKED)
        fault = bad.does("500", "POST", words, times=ASKED)

        wait_for(lambda: drained(Video.objects.exists), "the video", 60)
        assert fault.happened == ASKED
        assert (Video.objects.count(), aws.waiting(), aws.dead()) == (1, 0, 0)


class TestDirect:
    @pytest.mark.parametrize("kind", ["500", "unsaid"])
    def test_what_was_taken_in_is_deleted_in_the_end_though_s3_does_not_do_it_at_once(
        self, kind: Kind, bad: FaultyS3, aws: Aws, clip: Path, client: Client, alice: User
    ) -> None:
        told = begin(client, clip.stat().st_size)
        send_form(told["form"], clip.read_bytes())
        fault = bad.does(kind, "DELETE", "/videos/incoming/", times=ASKED)

        for _ in range(4):
            drain()

        assert fault.happened
        assert client.get(f"/api/v1/direct-uploads/{told['id']}/").json()["state"] == "accepted"
        assert is_whole(Video.objects.get(), clip.read_bytes())
        assert aws.keys() == []
        assert aws.waiting() == 0

    @pytest.mark.parametrize("kind", ["500", "unsaid"])
    def test_parts_are_joined_once_whatever_is_told_of_it(
        self,
        kind: Kind,
        bad: FaultyS3,
        aws: Aws,
        clip: Path,
        client: Client,
        alice: User,
        change_settings: Callable[..., None],
    ) -> None:
        change_settings(s3_part_mb=5)
        content = padded(clip, 6 * MIB)
        told = begin(client, len(content))
        send_parts(client, told, content, [1, 2])
        fault = bad.does(kind, "POST", "uploadId=", times=4)

        answers = [complete(client, told["id"]) for _ in range(2)]

        assert fault.happened
        if answers[0].status_code != 202:
            assert (answers[0].status_code, answers[0].json()["code"]) == (503, "NO_STORAGE")
        assert answers[1].status_code == 202
        direct.finish(DirectUpload.objects.get().pk)
        drain()
        assert is_whole(Video.objects.get(), content)
        assert aws.keys() == []

    def test_where_no_upload_in_parts_can_be_begun_none_is_promised(
        self,
        bad: FaultyS3,
        clip: Path,
        client: Client,
        alice: User,
        change_settings: Callable[..., None],
    ) -> None:
        change_settings(s3_part_mb=5)
        bad.does("503", "POST", "?uploads")

        answer = client.post(
            "/api/v1/direct-uploads/", {"name": "a.mp4", "size": 6 * MIB}, "application/json"
        )

        assert (answer.status_code, answer.json()["code"]) == (503, "NO_STORAGE")
        assert not DirectUpload.objects.exists()

    def test_what_expired_is_forgotten_once_s3_answers(
        self, bad: FaultyS3, aws: Aws, clip: Path, client: Client, alice: User
    ) -> None:
        told = begin(client, clip.stat().st_size)
        send_form(told["form"], clip.read_bytes())
        upload = DirectUpload.objects.get()
        DirectUpload.objects.update(expires_at=upload.created_at)
        bad.does("500", "DELETE", "/videos/incoming/")
        direct.look_after()
        assert DirectUpload.objects.get().error_code == ""

        bad.heals()
        direct.look_after()
        assert DirectUpload.objects.get().error_code == "EXPIRED"
        assert aws.keys() == []


class TestBackfill:
    @pytest.mark.parametrize("kind", ["500", "unsaid"])
    def test_a_listing_that_fails_takes_nothing_in_and_the_next_run_all(
        self, kind: Kind, bad: FaultyS3, aws: Aws, clip: Path, backfill: Backfill
    ) -> None:
        aws.put("films/a.mp4", clip.read_bytes())
        fault = bad.does(kind, "GET", "list-type=2")
        with pytest.raises(CommandError, match="S3"):
            backfill("s3://videos/films", queue=True)
        assert fault.happened > 1
        assert not Video.objects.exists()

        bad.heals()
        assert backfill("s3://videos/films", queue=True) == {"queued": 1}

    @pytest.mark.parametrize("kind", ["503", "cut"])
    def test_an_object_that_breaks_off_is_refused_and_taken_in_by_the_next_run(
        self, kind: Kind, bad: FaultyS3, aws: Aws, clip: Path, stranger: Path, backfill: Backfill
    ) -> None:
        aws.put("films/a.mp4", clip.read_bytes())
        aws.put("films/b.mp4", stranger.read_bytes())
        bad.does(kind, "GET", "/films/a.mp4")
        with pytest.raises(CommandError, match="Not every file"):
            backfill("s3://videos/films", queue=True)
        assert set(Video.objects.values_list("filename", "state")) == {("b.mp4", State.QUEUED)}

        bad.heals()
        Video.objects.update(state=State.READY)
        assert backfill("s3://videos/films", queue=True) == {"known": 1, "queued": 1}
