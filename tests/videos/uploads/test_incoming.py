"""How the bytes of a request end, and what of them counts then."""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from videos import storage
from videos.errors import Refusal
from videos.models import PartialUpload
from videos.uploads import incoming, parts, resumable, threads
from videos.uploads.incoming import Incoming
from videos.uploads.resumable import Begun
from videos.uploads.tus_headers import Checksum

pytestmark = pytest.mark.django_db(transaction=True)

HELLO = b"Hello, tus!\n"


@pytest.fixture(autouse=True)
def threads_let_go() -> Iterator[None]:
    """The threads that keep their connections close them, or the database could not go."""
    yield
    pool = threads._DATABASE
    together = threading.Barrier(pool._max_workers)

    def close() -> None:
        together.wait(10)
        connection.close()

    for done in [pool.submit(close) for _ in range(pool._max_workers)]:
        done.result()


@pytest.fixture
def upload() -> PartialUpload:
    return resumable.begin(Begun(100))


def sent(*messages: bytes) -> Callable[[], Any]:
    """A body of which these came, and no end."""
    left = list(messages)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.sleep(3600)
        return {"type": "http.request", "body": left.pop(0), "more_body": True}

    return receive


def begun(upload: PartialUpload, *messages: bytes, wanted: Checksum | None = None) -> Incoming:
    return Incoming(resumable.claim(upload.pk, upload.received), wanted, sent(*messages))


def files_of(upload: PartialUpload) -> list[bytes]:
    return [path.read_bytes() for path in sorted(parts.folder(upload.pk).glob("*"))]


async def stopped(one: Incoming) -> None:
    """Let it take what there is, and stop it before it would have told of it."""
    task = asyncio.ensure_future(one.take())
    while not one.written:
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_what_came_before_the_server_stops_counts_and_the_upload_is_free(
    upload: PartialUpload,
) -> None:
    asyncio.run(stopped(begun(upload, HELLO)))

    upload.refresh_from_db()
    assert (upload.received, upload.lease_until) == (12, None)
    assert files_of(upload) == [HELLO]
    assert resumable.claim(upload.pk, 12).token == 2


def test_half_of_what_a_checksum_is_for_counts_for_nothing_when_the_server_stops(
    upload: PartialUpload,
) -> None:
    wanted = Checksum("sha1", hashlib.sha1(HELLO).digest())
    asyncio.run(stopped(begun(upload, HELLO[:5], wanted=wanted)))

    upload.refresh_from_db()
    assert (upload.received, upload.lease_until) == (0, None)
    assert files_of(upload) == []


def test_a_sender_that_falls_silent_is_told_so_and_loses_nothing(
    upload: PartialUpload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "IDLE_SECONDS", 0.3)
    with pytest.raises(Refusal) as caught:
        asyncio.run(begun(upload, HELLO).take())

    assert (caught.value.code, caught.value.status) == ("UPLOAD_SILENT", 408)
    assert caught.value.retryable
    upload.refresh_from_db()
    assert (upload.received, upload.lease_until) == (12, None)


def test_a_disk_that_fills_up_ends_a_request_before_there_is_no_room_at_all(
    upload: PartialUpload, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = begun(upload, HELLO)
    monkeypatch.setattr(storage, "free_bytes", lambda: 0)
    with pytest.raises(Refusal) as caught:
        asyncio.run(one.take())

    assert (caught.value.code, caught.value.status) == ("NO_SPACE", 507)
    upload.refresh_from_db()
    assert (upload.received, upload.lease_until) == (12, None)
    assert files_of(upload) == [HELLO]


def test_a_request_that_brought_nothing_leaves_no_file(upload: PartialUpload) -> None:
    async def nothing() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    for _ in range(3):
        one = Incoming(resumable.claim(upload.pk, 0), None, nothing)
        assert asyncio.run(one.take()) == 0

    assert files_of(upload) == []
