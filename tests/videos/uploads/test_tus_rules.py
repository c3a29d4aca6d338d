"""What the protocol asks for at its edges, line by line of its text, over real HTTP."""

import asyncio
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import wait_for
from tests.tus_client import BYTES, HELLO, OURS, TUS, Client, digest, some_bytes
from videos import storage
from videos.models import PartialUpload
from videos.uploads import parts, resumable
from videos.uploads.resumable import Begun
from videos.uploads.tus import _finished
from videos.uploads.tus_answers import LINGER_SECONDS

LONG = "9" * 30


def deferred(client: Client, body: bytes) -> str:
    answer = client.create(None, body=body, Upload_Defer_Length="1", Upload_Concat="partial")
    return answer.headers["Location"]


@contextmanager
def line(client: Client, method: str, place: str, **headers: str) -> Iterator[socket.socket]:
    """A connection on which a request was begun: whatever may be sent and read now."""
    url = urlsplit(client.site.url)
    told = TUS | BYTES | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {urlsplit(place).path} HTTP/1.1", f"Host: {url.netloc}"]
    lines += [f"{name}: {value}" for name, value in told.items()]
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=10) as wire:
        wire.sendall("\r\n".join([*lines, "", ""]).encode())
        yield wire


class TestHeaders:
    def test_options_ask_for_no_version_and_ignore_one(self, client: Client) -> None:
        for headers in ({}, {"Tus-Resumable": "0.2.2"}):
            answer = client.http.options(OURS, headers=headers)
            assert (answer.status_code, answer.headers["Tus-Version"]) == (204, "1.0.0")

    def test_lines_of_the_same_name_are_one_header(self, client: Client) -> None:
        twice = [("Upload-Metadata", "filename YQ=="), ("Upload-Metadata", "b Yg==")]
        several = [*TUS.items(), ("Upload-Length", "12"), ("Upload-Concat", "partial"), *twice]
        place = client.http.post(OURS, headers=several).headers["Location"]

        assert client.head(place).headers["Upload-Metadata"] == "filename YQ==,b Yg=="
        offsets = [("Upload-Offset", "5"), ("Upload-Offset", "0")]
        ambiguous = [*TUS.items(), *BYTES.items(), *offsets]
        assert client.http.patch(place, headers=ambiguous, content=HELLO).status_code == 400
        assert client.offset(place) == 0

    def test_the_told_method_counts_whatever_the_real_one_is(self, client: Client) -> None:
        place = client.begun(12, Upload_Concat="partial")
        patch = TUS | BYTES | {"Upload-Offset": "0", "X-HTTP-Method-Override": "patch"}
        asked = client.http.request("GET", place, headers=patch, content=HELLO)
        assert (asked.status_code, asked.headers["Upload-Offset"]) == (204, "12")

        # Without a body, as HEAD has none, and with the length of that.
        as_head = TUS | {"X-HTTP-Method-Override": "HEAD"}
        told = client.http.post(place, headers=as_head)
        assert (told.status_code, told.headers["Upload-Offset"], told.content) == (200, "12", b"")
        nowhere = client.http.post(f"{OURS}/{uuid.uuid4()}", headers=as_head)
        assert (nowhere.status_code, nowhere.headers["Content-Length"]) == (404, "0")
        as_delete = TUS | {"X-HTTP-Method-Override": "DELETE"}
        assert client.http.post(place, headers=as_delete).status_code == 204
        assert client.head(place).status_code == 404

    def test_an_unknown_upload_has_no_offset_and_no_answer_is_cached(self, client: Client) -> None:
        for place in (f"{OURS}/{uuid.uuid4()}", f"{OURS}/no-upload", f"{OURS}/a/b"):
            answer = client.head(place)
            assert answer.status_code == 404
            assert "Upload-Offset" not in answer.headers
            assert answer.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize(
        ("length", "status"), [("-1", 400), ("1.5", 400), ("", 400), (LONG, 413), ("9" * 5000, 413)]
    )
    def test_a_length_is_a_number_and_too_large_however_long_it_is(
        self, client: Client, length: str, status: int
    ) -> None:
        told = TUS | {"Upload-Length": length}
        assert client.http.post(OURS, headers=told).status_code == status

    @pytest.mark.parametrize(("offset", "status"), [("-1", 400), ("0.0", 400), (LONG, 409)])
    def test_an_offset_is_a_number_and_wrong_however_long_it_is(
        self, client: Client, offset: str, status: int
    ) -> None:
        place = client.begun(12)
        told = TUS | BYTES | {"Upload-Offset": offset}
        assert client.http.patch(place, headers=told, content=HELLO).status_code == status
        assert client.offset(place) == 0

    def test_the_type_of_bytes_has_no_case_and_may_have_parameters(self, client: Client) -> None:
        place = client.begun(12, Upload_Concat="partial")
        for offset, said in enumerate(("Application/Offset+Octet-Stream", "; charset=utf-8")):
            kind = said if offset == 0 else BYTES["Content-Type"] + said
            answer = client.patch(place, offset, HELLO[offset : offset + 1], Content_Type=kind)
            assert answer.status_code == 204

    def test_a_header_that_must_say_something_may_not_be_empty(self, client: Client) -> None:
        assert client.create(12, Upload_Defer_Length="").status_code == 400
        place = client.begun(12)
        assert client.patch(place, 0, HELLO, Upload_Checksum="").status_code == 400
        assert client.offset(place) == 0

    def test_other_methods_are_told_which_there_are(self, client: Client) -> None:
        assert client.http.get(OURS).headers["Allow"] == "POST, OPTIONS"
        assert "PATCH" in client.http.put(client.begun(1), headers=TUS).headers["Allow"]

    def test_every_answer_to_bytes_tells_when_the_upload_expires(self, client: Client) -> None:
        created = client.create(12)
        place = created.headers["Location"]
        answers = [
            created,
            client.patch(place, 0, HELLO[:5]),
            client.patch(place, 0, HELLO),
            client.patch(place, 5, HELLO),
            client.patch(place, 5, HELLO[5:], Content_Type="text/plain"),
        ]
        assert [each.status_code for each in answers] == [201, 204, 409, 413, 415]
        for each in answers:
            told = each.headers["Upload-Expires"]
            assert told.endswith(" GMT")
            assert parsedate_to_datetime(told).timestamp() > time.time()


class TestLengths:
    def test_a_refused_request_tells_no_length(self, client: Client) -> None:
        place = deferred(client, HELLO[:5])
        wrong = digest("sha1", b"other")
        refused = [
            client.patch(place, 3, HELLO[5:], Upload_Length="12"),
            client.patch(place, 5, HELLO[5:], Upload_Length="12", Upload_Checksum=wrong),
            client.patch(place, 5, HELLO[5:], Upload_Length="12", Upload_Checksum="crc32 AA=="),
            client.patch(place, 5, HELLO[5:], Upload_Length=str(17 << 20)),
            client.patch(place, 5, HELLO[5:], Upload_Length="4"),
        ]
        assert [each.status_code for each in refused] == [409, 460, 400, 413, 400]
        told = client.head(place).headers
        assert (told["Upload-Defer-Length"], told["Upload-Offset"]) == ("1", "5")
        assert "Upload-Length" not in told

        right = digest("sha1", HELLO[5:])
        last = client.patch(place, 5, HELLO[5:], Upload_Length="12", Upload_Checksum=right)
        assert (last.status_code, client.head(place).headers["Upload-Length"]) == (204, "12")

    def test_a_request_without_bytes_may_tell_the_length(self, client: Client) -> None:
        place = deferred(client, HELLO)

        assert client.patch(place, 12, b"", Upload_Length="12").status_code == 204
        told = client.head(place).headers
        assert told["Upload-Length"] == told["Upload-Offset"] == "12"

    def test_more_than_the_site_takes_is_refused_before_it_came(self, client: Client) -> None:
        place = deferred(client, b"")
        sent = {"Upload_Offset": "0", "Content_Length": str((16 << 20) + 1)}
        with line(client, "PATCH", place, **sent) as wire:
            assert wire.recv(1000).startswith(b"HTTP/1.1 413 ")
        assert client.offset(place) == 0

    def test_an_upload_that_is_done_takes_nothing_more(self, client: Client) -> None:
        place = client.create(12, body=HELLO).headers["Location"]

        again = client.patch(place, 12, b"")
        assert (again.status_code, again.headers["Upload-Refused"]) == (204, "UNSUP")
        assert again.headers["Upload-Offset"] == "12"
        assert client.patch(place, 12, b"more").status_code == 413
        assert client.patch(place, 0, HELLO).status_code == 409


class TestBeginnings:
    def test_a_beginning_that_says_it_brings_bytes_is_told_how_many(self, client: Client) -> None:
        headers = TUS | BYTES | {"Upload-Length": "12"}
        answer = client.http.post(OURS, headers=headers)
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "0")

    def test_no_bytes_are_none_however_many_noughts_say_so(self, client: Client) -> None:
        with line(
            client, "POST", OURS, Upload_Length="12", Content_Length="00", Content_Type="text/plain"
        ) as wire:
            assert wire.recv(1000).startswith(b"HTTP/1.1 201 ")

    def test_a_refused_beginning_leaves_nothing(self, client: Client) -> None:
        def count() -> int:
            [(uploads,)] = client.site.rows("SELECT count(*) FROM videos_partialupload")
            folders = client.site.var.joinpath("partial").glob("*/*")
            return int(uploads) + len(list(folders))

        client.begun(1)
        before = count()
        wrong = digest("sha1", b"other")
        assert client.create(5, body=HELLO).status_code == 413
        assert client.create(12, body=HELLO, Upload_Checksum=wrong).status_code == 460
        assert client.create(12, body=HELLO, Upload_Checksum="crc32 AA==").status_code == 400
        with line(client, "POST", OURS, Upload_Length="12", Content_Length="12") as wire:
            wire.sendall(HELLO[:5])
        wait_for(lambda: count() == before, "what was begun to be forgotten", 5)

    def test_an_upload_made_of_parts_is_closed_to_bytes_whatever_they_say(
        self, client: Client
    ) -> None:
        piece = client.begun(12, Upload_Concat="partial")
        client.patch(piece, 0, HELLO)
        told = f"final;{piece}"
        assert client.create(None, Upload_Concat=told, Upload_Defer_Length="1").status_code == 400
        final = client.create(None, Upload_Concat=told).headers["Location"]

        for headers in (TUS, TUS | BYTES, TUS | BYTES | {"Upload-Offset": "3"}):
            assert client.http.patch(final, headers=headers, content=b"x").status_code == 403
        assert client.offset(final) == 12

    def test_no_upload_is_made_of_expired_parts(self, client: Client) -> None:
        piece = client.begun(12, Upload_Concat="partial")
        client.patch(piece, 0, HELLO)
        client.site.rows(
            "UPDATE videos_partialupload SET expires_at = now() - interval '1 h' WHERE id = %s",
            uuid.UUID(piece.rpartition("/")[2]),
        )

        assert client.create(None, Upload_Concat=f"final;{piece}").status_code == 410


class TestConnections:
    def test_who_asks_before_sending_is_told_to_go_on_or_not_to(self, client: Client) -> None:
        place = client.begun(12, Upload_Concat="partial")
        asked = {"Content_Length": "12", "Expect": "100-continue"}

        with line(client, "PATCH", place, Upload_Offset="3", **asked) as wire:
            assert wire.recv(1000).startswith(b"HTTP/1.1 409 ")
        with line(client, "PATCH", place, Upload_Offset="0", **asked) as wire:
            assert wire.recv(1000).startswith(b"HTTP/1.1 100 ")
            wire.sendall(HELLO)
            assert wire.recv(1000).startswith(b"HTTP/1.1 204 ")

    def test_a_refusal_reaches_a_client_that_sends_on(self, client: Client) -> None:
        place = client.begun(16 << 20)
        much = some_bytes(8 << 20)
        with line(client, "PATCH", place, Upload_Offset="5", Content_Length=str(len(much))) as wire:
            wire.sendall(much)
            answer = b"".join(iter(lambda: wire.recv(1000), b""))

        assert answer.startswith(b"HTTP/1.1 409 ")
        assert answer.endswith(b"}")

    def test_who_sends_on_without_end_is_hung_up_on(self, client: Client) -> None:
        place = client.begun(16 << 20)
        began = time.monotonic()
        with line(client, "PATCH", place, Upload_Offset="5", Content_Length="9999999") as wire:
            answer = b"".join(iter(lambda: wire.recv(1000), b""))

        assert answer.startswith(b"HTTP/1.1 409 ")
        assert LINGER_SECONDS - 0.5 < time.monotonic() - began < LINGER_SECONDS + 3

    def test_who_writes_to_an_upload_that_is_terminated_learns_it(self, client: Client) -> None:
        place = client.begun(1000)
        upload = uuid.UUID(place.rpartition("/")[2])
        folder = client.site.var / "partial" / upload.hex[:2] / str(upload)
        with line(client, "PATCH", place, Upload_Offset="0", Content_Length="1000") as wire:
            wire.sendall(some_bytes(600))
            wait_for(lambda: list(folder.glob("*")), "the bytes to be written", 5)
            assert client.http.delete(place, headers=TUS).status_code == 204
            assert wire.recv(1000).startswith(b"HTTP/1.1 404 ")
        assert not folder.exists()
        assert client.head(place).status_code == 404


def test_a_trailer_is_not_announced_as_none_can_be_read(client: Client) -> None:
    told = client.http.options(OURS).headers["Tus-Extension"].split(",")
    assert "checksum-trailer" not in told
    assert "concatenation-unfinished" not in told


@pytest.mark.django_db(transaction=True)
def test_bytes_that_were_stored_are_not_refused_for_lack_of_room(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = clip.read_bytes()
    upload = resumable.begin(Begun(len(content)))
    hold = resumable.claim(upload.id, 0)
    with parts.open_part(upload.id, hold.token) as file:
        parts.write_all(file, content)
    resumable.record(hold, len(content), last=True)
    monkeypatch.setattr(storage, "free_bytes", lambda: 0)

    assert asyncio.run(_finished(upload.id)) == {}
    monkeypatch.undo()
    resumable.look_after()
    assert PartialUpload.objects.get().accepted_at is not None
