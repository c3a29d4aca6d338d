"""The row of an unfinished upload: one writer, bytes that count, acceptance that is not lost."""

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, transaction
from django.utils import timezone

from videos import storage
from videos.access.visibility import SESSION_KEY
from videos.errors import Refusal
from videos.models import PartialUpload, UploadPart, Video
from videos.uploads import outcome, parts, resumable
from videos.uploads.resumable import Begun, WriterLost

pytestmark = pytest.mark.django_db


def written(upload: PartialUpload, offset: int, content: bytes, *, last: bool = True) -> None:
    """What a request does with bytes that have come."""
    hold = resumable.claim(upload.id, offset)
    with parts.open_part(upload.id, hold.token) as file:
        parts.write_all(file, content)
    resumable.record(hold, len(content), last=last)


def silent(upload: PartialUpload) -> None:
    """The lease has run out: its writer was stopped, or died."""
    PartialUpload.objects.filter(pk=upload.pk).update(
        lease_until=timezone.now() - timedelta(seconds=1)
    )


def code_of(work: Callable[..., Any], *words: Any) -> str:
    with pytest.raises(Refusal) as caught:
        work(*words)
    return caught.value.code


def test_a_file_whose_server_died_after_the_last_byte_is_accepted_later(clip: Path) -> None:
    content = clip.read_bytes()
    upload = resumable.begin(Begun(len(content), "filename Y2F0Lm1wNA=="))
    written(upload, 0, content[:1000])
    written(upload, 1000, content[1000:], last=False)
    assert resumable.find_unaccepted() == []
    silent(upload)
    assert resumable.find_unaccepted() == [upload.id]

    resumable.look_after()
    resumable.look_after()

    video = Video.objects.get()
    assert (video.id, video.filename) == (upload.video_id, "cat.mp4")
    with storage.open_stored(video.storage_key) as stored:
        assert stored.read() == content
    upload.refresh_from_db()
    assert upload.accepted_at is not None
    assert not parts.folder(upload.id).exists()
    assert resumable.finish(upload.id).accepted_at == upload.accepted_at


def test_what_was_accepted_before_the_death_does_not_keep_its_parts(clip: Path) -> None:
    upload = resumable.begin(Begun(len(clip.read_bytes())))
    written(upload, 0, clip.read_bytes())
    busy = resumable.begin(Begun(8))
    hold = resumable.claim(busy.id, 0)
    parts.open_part(busy.id, hold.token).close()
    # Killed right after this: the bytes are here, and nothing is left to accept.
    PartialUpload.objects.filter(pk=upload.pk).update(accepted_at=timezone.now())

    assert resumable.collect() == 1
    assert not parts.folder(upload.id).exists()
    assert parts.folder(busy.id).exists()
    assert resumable.collect() == 0


def test_what_was_accepted_before_the_death_is_not_accepted_twice(clip: Path) -> None:
    content = clip.read_bytes()
    upload = resumable.begin(Begun(len(content)))
    written(upload, 0, content)
    resumable.finish(upload.id)
    PartialUpload.objects.update(accepted_at=None)

    resumable.look_after()

    assert Video.objects.count() == 1
    assert PartialUpload.objects.get().accepted_at is not None


def test_what_a_stopped_writer_adds_later_is_never_read() -> None:
    upload = resumable.begin(Begun(8, kind=PartialUpload.Kind.PARTIAL))
    stopped = resumable.claim(upload.id, 0)
    file = parts.open_part(upload.id, stopped.token)
    parts.write_all(file, b"ab")
    resumable.record(stopped, 2)
    assert code_of(resumable.claim, upload.id, 2) == "UPLOAD_BUSY"
    silent(upload)
    written(upload, 2, b"cdefgh")

    parts.write_all(file, b"late")
    file.close()
    with pytest.raises(WriterLost):
        resumable.record(stopped, 6)

    held = [(parts.part_path(upload.id, part.token), part.length) for part in upload.parts.all()]
    assert parts.join(upload.id, held).read_bytes() == b"abcdefgh"
    assert code_of(resumable.claim, upload.id, 0) == "WRONG_OFFSET"


@pytest.mark.django_db(transaction=True)
def test_of_ten_writers_at_once_one_may_write() -> None:
    upload = resumable.begin(Begun(100))
    start, told = threading.Barrier(10), []

    def write() -> None:
        start.wait()
        try:
            resumable.claim(upload.id, 0)
            told.append("mine")
        except Refusal as refusal:
            told.append(refusal.code)
        connection.close()

    writers = [threading.Thread(target=write) for _ in range(10)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert sorted(told) == ["UPLOAD_BUSY"] * 9 + ["mine"]


def test_an_upload_of_somebody_is_nobody_elses() -> None:
    owner, other = User.objects.create_user("owner"), User.objects.create_user("other")
    upload = resumable.begin(Begun(10, owner=owner))

    assert outcome.look_up(PartialUpload, upload.id, owner) == upload
    for stranger in (other, None):
        assert code_of(outcome.look_up, PartialUpload, upload.id, stranger) == "NO_UPLOAD"
    assert code_of(outcome.look_up, PartialUpload, uuid.uuid4(), owner) == "NO_UPLOAD"
    part = resumable.begin(Begun(0, owner=owner, kind=PartialUpload.Kind.PARTIAL))
    final = Begun(None, owner=other, kind=PartialUpload.Kind.FINAL)
    assert code_of(resumable.begin_final, final, [part.id]) == "NO_UPLOAD"


def test_the_browser_that_sent_the_file_may_see_its_video(clip: Path) -> None:
    session = SessionStore()
    session.create()
    content = clip.read_bytes()
    upload = resumable.begin(Begun(len(content), session_key=session.session_key or ""))
    written(upload, 0, content)

    resumable.finish(upload.id)

    assert SessionStore(session.session_key)[SESSION_KEY] == [str(upload.video_id)]


def test_what_was_promised_to_others_counts_as_taken(
    change_settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    change_settings(storage_reserve_mb=1)
    monkeypatch.setattr(storage, "free_bytes", lambda: 10 << 20)
    first = resumable.begin(Begun(6 << 20))

    assert code_of(resumable.begin, Begun(6 << 20)) == "NO_SPACE"
    resumable.terminate(first.id)
    resumable.begin(Begun(6 << 20))


def test_a_full_disk_refuses_nothing_for_good(
    clip: Path, monkeypatch: pytest.MonkeyPatch, change_settings: Callable[..., None]
) -> None:
    content = clip.read_bytes()
    upload = resumable.begin(Begun(len(content)))
    written(upload, 0, content)
    change_settings(storage_reserve_mb=1)
    monkeypatch.setattr(storage, "free_bytes", lambda: 0)

    assert code_of(resumable.finish, upload.id) == "NO_SPACE"
    resumable.look_after()
    assert not Video.objects.exists()

    monkeypatch.undo()
    resumable.look_after()
    assert Video.objects.get().id == upload.video_id


def test_expired_bytes_go_and_the_row_stays_a_while_to_say_so() -> None:
    upload, busy = resumable.begin(Begun(8)), resumable.begin(Begun(8))
    written(upload, 0, b"abcd")
    hold = resumable.claim(busy.id, 0)
    parts.open_part(busy.id, hold.token).close()
    past = timezone.now() - timedelta(hours=1)
    PartialUpload.objects.update(expires_at=past)

    assert resumable.collect() == 1
    assert not parts.folder(upload.id).exists()
    # Somebody writes to it this moment.
    assert parts.folder(busy.id).exists()
    assert code_of(outcome.look_up, PartialUpload, upload.id, None) == "UPLOAD_EXPIRED"
    PartialUpload.objects.filter(pk=upload.pk).update(expires_at=past - resumable.TOMBSTONE)
    assert resumable.collect() == 0
    assert code_of(outcome.look_up, PartialUpload, upload.id, None) == "NO_UPLOAD"


def test_bytes_that_no_upload_is_known_of_go_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alice = User.objects.create_user("alice")
    hers, kept = resumable.begin(Begun(8, owner=alice)), resumable.begin(Begun(8))
    for upload in (hers, kept):
        written(upload, 0, b"abcd")
    alice.delete()

    resumable.collect()
    # Of parts that are just being joined nobody knows yet, either.
    assert parts.folder(hers.id).exists()
    monkeypatch.setattr(resumable, "UNKNOWN_SECONDS", 0.0)
    resumable.collect()
    assert not parts.folder(hers.id).exists()
    assert parts.folder(kept.id).exists()


@pytest.mark.django_db(transaction=True)
def test_an_upload_is_given_up_while_its_writer_records() -> None:
    upload = resumable.begin(Begun(1000, ""))
    hold = resumable.claim(upload.id, 0)
    given_up = threading.Event()

    def give_up() -> None:
        given_up.set()
        try:
            resumable.terminate(upload.id)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            # As `record` does: first the row, then the part.
            PartialUpload.objects.filter(pk=upload.id).update(received=10)
            giving_up = pool.submit(give_up)
            given_up.wait()
            time.sleep(0.5)
            UploadPart.objects.create(upload=upload, token=hold.token, start=0, length=10)
        giving_up.result(timeout=30)

    assert not PartialUpload.objects.exists()
    assert not UploadPart.objects.exists()
