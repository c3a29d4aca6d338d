"""The resumable protocol over real HTTP, against a running site."""

import base64
import hashlib
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conftest import Site, start_site, stop_site, wait_for
from videos.uploads.incoming import RECORD_SECONDS

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}
HELLO = b"Hello, tus!\n"
OURS = "/api/v1/uploads"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    running = start_site(tmp_path_factory.mktemp("tus"), TVIDZ_MAX_UPLOAD_MB="16")
    yield running
    stop_site(running)


class Client:
    """Speaks tus to the site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        # Without `verify` no certificates are loaded, which takes longer than a whole upload here.
        self.http = httpx.Client(base_url=site.url, timeout=30, verify=False)

    def create(self, length: int | None, *, body: bytes = b"", **headers: str) -> httpx.Response:
        told = TUS | {name.replace("_", "-"): value for name, value in headers.items()}
        if length is not None:
            told["Upload-Length"] = str(length)
        return self.http.post(f"{OURS}/", headers=told | (BYTES if body else {}), content=body)

    def begun(self, length: int, **headers: str) -> str:
        answer = self.create(length, body=b"", **headers)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    def patch(self, place: str, offset: int, body: bytes, **headers: str) -> httpx.Response:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        all_headers = TUS | BYTES | {"Upload-Offset": str(offset)} | told
        return self.http.patch(place, headers=all_headers, content=body)

    def head(self, place: str) -> httpx.Response:
        return self.http.head(place, headers=TUS)

    def offset(self, place: str) -> int:
        return int(self.head(place).headers["Upload-Offset"])

    def status(self, place: str) -> dict[str, Any]:
        answer = self.http.get(place)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def stored(self, place: str) -> bytes:
        """What the database counts of the bytes on disk."""
        upload = uuid.UUID(place.rpartition("/")[2])
        rows = self.site.rows(
            "SELECT token, length FROM videos_uploadpart WHERE upload_id = %s ORDER BY start",
            upload,
        )
        folder = self.site.var / "partial" / upload.hex[:2] / str(upload)
        return b"".join((folder / f"{token:08d}").read_bytes()[:length] for token, length in rows)

    @contextmanager
    def writing(
        self, place: str, body: bytes, sent: int, *, offset: int = 0, **headers: str
    ) -> Iterator[None]:
        """A PATCH that hangs after so many bytes of its body, and is cut at the end."""
        url = urlsplit(self.site.url)
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        told |= TUS | BYTES | {"Upload-Offset": str(offset), "Content-Length": str(len(body))}
        lines = [f"PATCH {urlsplit(place).path} HTTP/1.1", f"Host: {url.netloc}"]
        lines += [f"{name}: {value}" for name, value in told.items()]
        with socket.create_connection((url.hostname or "", url.port or 0), timeout=30) as wire:
            wire.sendall("\r\n".join([*lines, "", ""]).encode() + body[:sent])
            yield


@pytest.fixture
def client(site: Site) -> Client:
    return Client(site)


def digest(algorithm: str, content: bytes) -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


def some_bytes(count: int, seed: int = 1) -> bytes:
    block = hashlib.shake_256(str(seed).encode()).digest(4096)
    return (block * (count // 4096 + 1))[:count]


class TestProtocol:
    def test_options_tell_version_extensions_size_and_checksums(self, client: Client) -> None:
        answer = client.http.options(f"{OURS}/")

        assert answer.status_code == 204
        assert answer.headers["Tus-Version"] == "1.0.0"
        assert answer.headers["Tus-Max-Size"] == str(16 << 20)
        assert "sha1" in answer.headers["Tus-Checksum-Algorithm"].split(",")
        extensions = answer.headers["Tus-Extension"].split(",")
        assert {"creation", "creation-with-upload", "checksum", "termination", "expiration"} <= set(
            extensions
        )

    @pytest.mark.parametrize("version", [None, "0.2.2", "1.0.1"])
    @pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE"])
    def test_another_version_is_a_412_that_tells_ours(
        self, client: Client, method: str, version: str | None
    ) -> None:
        headers = {"Tus-Resumable": version} if version else {}
        answer = client.http.request(method, f"{OURS}/{uuid.uuid4()}", headers=headers)

        assert answer.status_code == 412
        assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"

    def test_an_upload_begins_at_zero_and_tells_what_it_was_told(self, client: Client) -> None:
        named = "filename dGVzdC50eHQ=,filetype dGV4dC9wbGFpbg=="
        answer = client.create(100, Upload_Metadata=named)
        place = answer.headers["Location"]
        told = client.head(place)

        assert place.startswith(f"{client.site.url}{OURS}/")
        assert len(answer.headers["X-Upload-Secret"]) > 40
        assert told.status_code == 200
        assert told.headers["Upload-Offset"] == "0"
        assert told.headers["Upload-Length"] == "100"
        assert told.headers["Upload-Metadata"] == named
        assert told.headers["Cache-Control"] == "no-store"
        assert told.headers["Tus-Resumable"] == "1.0.0"
        assert told.headers["Upload-Expires"].endswith("GMT")
        assert client.status(place) == {
            "id": place.rpartition("/")[2],
            "offset": 0,
            "length": 100,
            "state": "receiving",
        }

    @pytest.mark.parametrize(
        ("headers", "status", "code"),
        [
            ({}, 400, "BAD_HEADER"),
            ({"Upload-Length": "-1"}, 400, "BAD_HEADER"),
            ({"Upload-Length": "ten"}, 400, "BAD_HEADER"),
            ({"Upload-Length": "10", "Upload-Defer-Length": "1"}, 400, "BAD_HEADER"),
            ({"Upload-Defer-Length": "2"}, 400, "BAD_HEADER"),
            ({"Upload-Length": "10", "Upload-Metadata": "a !"}, 400, "BAD_HEADER"),
            ({"Upload-Length": str((16 << 20) + 1)}, 413, "TOO_LARGE"),
            ({"Upload-Length": "10", "Upload-Concat": "half"}, 400, "BAD_HEADER"),
            ({"Upload-Concat": f"final;{OURS}/{uuid.uuid4()}"}, 404, "NO_UPLOAD"),
            ({"Upload-Length": "10", "Host": "evil.example"}, 400, "BAD_HEADER"),
        ],
    )
    def test_what_cannot_begin_is_refused_with_a_code(
        self, client: Client, headers: dict[str, str], status: int, code: str
    ) -> None:
        answer = client.http.post(f"{OURS}/", headers=TUS | headers)

        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"

    def test_bytes_need_their_type_their_offset_and_their_place(self, client: Client) -> None:
        place = client.begun(12)
        plain = TUS | {"Upload-Offset": "0"}

        assert client.http.patch(place, headers=plain, content=HELLO).status_code == 415
        other = plain | {"Content-Type": "text/plain"}
        assert client.http.patch(place, headers=other, content=HELLO).status_code == 415
        assert client.http.patch(place, headers=TUS | BYTES, content=HELLO).status_code == 400
        ahead = client.patch(place, 5, HELLO[5:])
        assert ahead.status_code == 409
        assert ahead.headers["Upload-Offset"] == "0"
        assert client.patch(place, 0, HELLO + b"and more").status_code == 413
        assert client.offset(place) == 0
        assert (
            client.http.post(
                f"{OURS}/", headers=TUS | {"Upload-Length": "3"}, content=b"abc"
            ).status_code
            == 415
        )
        nowhere = f"{OURS}/{uuid.uuid4()}"
        assert client.patch(nowhere, 0, HELLO).status_code == 404
        assert client.head(nowhere).status_code == 404
        assert client.http.delete(nowhere, headers=TUS).status_code == 404
        assert client.http.put(place, headers=TUS).status_code == 405

    def test_an_upload_goes_on_where_it_was(self, client: Client) -> None:
        place = client.begun(12, Upload_Concat="partial")

        for start in range(0, 12, 4):
            assert client.offset(place) == start
            answer = client.patch(place, start, HELLO[start : start + 4])
            assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(start + 4))
            assert "Upload-Expires" in answer.headers
        assert client.stored(place) == HELLO
        assert client.patch(place, 12, b"").status_code == 204
        assert client.patch(place, 0, HELLO).status_code == 409

    def test_a_method_may_be_said_in_a_header(self, client: Client) -> None:
        place = client.begun(12, Upload_Concat="partial")
        headers = TUS | BYTES | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}

        assert client.http.post(place, headers=headers, content=HELLO).status_code == 204
        assert client.offset(place) == 12

    def test_the_length_may_come_later_and_then_stays(self, client: Client) -> None:
        answer = client.create(None, Upload_Defer_Length="1", Upload_Concat="partial")
        place = answer.headers["Location"]

        told = client.head(place).headers
        assert told["Upload-Defer-Length"] == "1"
        assert "Upload-Length" not in told
        assert client.patch(place, 0, HELLO[:5]).status_code == 204
        assert client.patch(place, 5, HELLO[5:8], Upload_Length="4").status_code == 400
        assert client.patch(place, 5, HELLO[5:8], Upload_Length="12").status_code == 204
        assert client.head(place).headers["Upload-Length"] == "12"
        assert client.patch(place, 8, HELLO[8:], Upload_Length="13").status_code == 400
        assert client.patch(place, 8, HELLO[8:], Upload_Length="12").status_code == 204
        assert client.stored(place) == HELLO

    def test_the_first_bytes_may_come_with_the_beginning(self, client: Client) -> None:
        answer = client.create(12, body=HELLO[:7], Upload_Concat="partial")

        assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "7")
        place = answer.headers["Location"]
        assert client.patch(place, 7, HELLO[7:]).status_code == 204
        assert client.stored(place) == HELLO

    @pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
    def test_bytes_that_do_not_add_up_are_a_460_and_count_for_nothing(
        self, client: Client, algorithm: str
    ) -> None:
        place = client.begun(12, Upload_Concat="partial")

        wrong = client.patch(place, 0, HELLO, Upload_Checksum=digest(algorithm, b"other"))
        assert (wrong.status_code, wrong.json()["code"]) == (460, "CHECKSUM")
        assert client.offset(place) == 0
        unknown = client.patch(place, 0, HELLO, Upload_Checksum="crc32 AAAAAA==")
        assert unknown.status_code == 400
        right = client.patch(place, 0, HELLO, Upload_Checksum=digest(algorithm, HELLO))
        assert (right.status_code, client.stored(place)) == (204, HELLO)
        created = client.create(12, body=HELLO, Upload_Checksum=digest(algorithm, b"other"))
        assert created.status_code == 460

    def test_a_cut_request_with_a_checksum_leaves_nothing(self, client: Client) -> None:
        place = client.begun(12, Upload_Concat="partial")
        with client.writing(place, HELLO, 6, Upload_Checksum=digest("sha1", HELLO)):
            time.sleep(0.3)

        assert client.offset(place) == 0
        assert client.patch(place, 0, HELLO).status_code == 204
        assert client.stored(place) == HELLO

    def test_a_terminated_upload_is_gone_with_its_bytes(self, client: Client) -> None:
        place = client.begun(12)
        client.patch(place, 0, HELLO[:5])
        upload = place.rpartition("/")[2]
        folder = client.site.var / "partial" / upload[:2] / upload
        assert folder.exists()

        assert client.http.delete(place, headers=TUS).status_code == 204
        assert client.head(place).status_code == 404
        assert client.patch(place, 5, HELLO[5:]).status_code == 404
        assert not folder.exists()

    def test_an_expired_upload_is_told_to_be_gone_and_collected(self, client: Client) -> None:
        place = client.begun(12)
        client.patch(place, 0, HELLO[:5])
        upload = place.rpartition("/")[2]
        folder = client.site.var / "partial" / upload[:2] / upload
        client.site.rows(
            "UPDATE videos_partialupload SET expires_at = now() - interval '1 h' WHERE id = %s",
            uuid.UUID(upload),
        )

        assert client.head(place).status_code == 410
        assert client.patch(place, 5, HELLO[5:]).status_code == 410
        wait_for(lambda: not folder.exists(), "the bytes to be collected", 40)
        assert client.head(place).status_code == 410

    def test_parts_are_joined_in_the_order_that_is_told(self, client: Client) -> None:
        pieces = [some_bytes(1000, seed) for seed in range(3)]
        places = [client.begun(len(piece), Upload_Concat="partial") for piece in pieces]
        unfinished = client.create(None, Upload_Concat=f"final;{' '.join(places)}")
        assert unfinished.status_code == 409
        with ThreadPoolExecutor(3) as pool:
            sent = list(
                pool.map(lambda place, piece: client.patch(place, 0, piece), places, pieces)
            )
        assert [answer.status_code for answer in sent] == [204] * 3
        assert client.head(places[0]).headers["Upload-Concat"] == "partial"

        order = f"final;{places[2]} {urlsplit(places[0]).path} {places[1]}"
        told = client.create(None, Upload_Concat=order)
        final = told.headers["Location"]

        assert told.status_code == 201
        assert client.create(10, Upload_Concat=order).status_code == 400
        head = client.head(final).headers
        assert head["Upload-Concat"] == order
        assert head["Upload-Length"] == head["Upload-Offset"] == "3000"
        assert client.patch(final, 3000, b"").status_code == 403


class TestWhatBecomesOfIt:
    def test_a_video_is_accepted_with_its_last_byte_and_found(
        self, client: Client, film: Path, excerpt: Path
    ) -> None:
        original = client.site.upload(film)
        client.site.finished_row(original["id"])
        content = excerpt.read_bytes()
        name = base64.b64encode("Ünïcode <b>.mp4".encode()).decode()
        answer = client.create(len(content), Upload_Metadata=f"filename {name}")
        place, secret = answer.headers["Location"], answer.headers["X-Upload-Secret"]
        half = len(content) // 2

        assert client.patch(place, 0, content[:half]).status_code == 204
        last = client.patch(place, half, content[half:])

        video = last.headers["Upload-Video"]
        assert client.status(place)["state"] == "accepted"
        assert client.status(place)["video"] == f"/api/v1/videos/{video}/"
        assert client.site.finished_row(video) == "ready"
        mine = client.http.get(f"/api/v1/videos/{video}/", headers={"X-Upload-Secret": secret})
        assert mine.json()["filename"] == "Ünïcode <b>.mp4"
        rows = client.site.rows("SELECT sha256, size_bytes FROM videos_video WHERE id = %s", video)
        assert rows == [(hashlib.sha256(content).hexdigest(), len(content))]
        links = client.site.rows(
            "SELECT 1 FROM matching_duplicatelink WHERE query_id = %s AND reference_id = %s",
            video,
            original["id"],
        )
        assert links == [(1,)]
        upload = place.rpartition("/")[2]
        assert not (client.site.var / "partial" / upload[:2] / upload).exists()
        assert client.http.delete(place, headers=TUS).status_code == 204
        assert client.site.rows("SELECT 1 FROM videos_video WHERE id = %s", video) == [(1,)]

    @pytest.mark.parametrize(("content", "code"), [(b"", "EMPTY"), (HELLO, "UNSUP")])
    def test_a_file_that_is_no_video_is_refused_with_the_code_of_every_way_in(
        self, client: Client, content: bytes, code: str
    ) -> None:
        answer = client.create(len(content), body=content)

        assert answer.status_code == 201
        assert answer.headers["Upload-Refused"] == code
        told = client.status(answer.headers["Location"])
        assert (told["state"], told["code"]) == ("refused", code)
        assert told["detail"]


class TestCutsAndWriters:
    @pytest.mark.parametrize(
        ("length", "places"),
        [
            (2048, range(0, 2049)),
            # The server reads 64 KiB at a time.
            (1 << 17, [*range(65520, 65553), *range(131056, 131073)]),
        ],
        ids=["every byte", "around the buffers"],
    )
    def test_it_goes_on_after_a_cut_at_any_byte(
        self, client: Client, length: int, places: Sequence[int]
    ) -> None:
        content = some_bytes(length)
        mine = threading.local()

        def cut_at(place: int) -> tuple[int, bool]:
            if not hasattr(mine, "client"):
                mine.client = Client(client.site)
            upload = mine.client.begun(length, Upload_Concat="partial")
            with mine.client.writing(upload, content, place):
                pass
            offset = mine.client.offset(upload)
            answer = mine.client.patch(upload, offset, content[offset:])
            # The cut request may be read only now: its bytes count, or it is just being ended.
            while answer.status_code in (409, 423):
                offset = mine.client.offset(upload)
                answer = mine.client.patch(upload, offset, content[offset:])
            return place, offset <= place and mine.client.stored(upload) == content

        with ThreadPoolExecutor(4) as pool:
            wrong = [place for place, well in pool.map(cut_at, places) if not well]
        assert wrong == []

    def test_it_goes_on_after_the_server_was_killed(self, client: Client) -> None:
        content = some_bytes(1000)
        place = client.begun(1000, Upload_Concat="partial")
        with client.writing(place, content, 600):
            time.sleep(2 * RECORD_SECONDS)
            os.kill(client.site.child("uvicorn"), signal.SIGKILL)

            def goes_on() -> bool:
                try:
                    offset = client.offset(place)
                    return client.patch(place, offset, content[offset:]).status_code == 204
                except (httpx.HTTPError, KeyError):
                    return False

            wait_for(goes_on, "the upload to go on", 40)
        assert client.stored(place) == content

    def test_a_dead_writer_is_put_out_within_a_second(self, client: Client) -> None:
        content = some_bytes(1000)
        place = client.begun(1000, Upload_Concat="partial")
        with client.writing(place, content, 600):
            time.sleep(0.3)
            # The connection stays open and silent, as that of a lost phone does.
            busy = client.patch(place, 0, content)
            began = time.monotonic()
            offset = client.offset(place)
            took = time.monotonic() - began
            answer = client.patch(place, offset, content[offset:])

        assert busy.status_code in (409, 423)
        assert (offset, answer.status_code) == (600, 204)
        assert took < 1.0
        assert client.stored(place) == content

    def test_of_two_writers_at_one_offset_one_wins(self, client: Client) -> None:
        content = some_bytes(4 << 20)
        place = client.begun(len(content), Upload_Concat="partial")
        start = threading.Barrier(2)

        def write(_: int) -> int:
            mine = Client(client.site)
            start.wait()
            return mine.patch(place, 0, content).status_code

        with ThreadPoolExecutor(2) as pool:
            codes = sorted(pool.map(write, range(2)))
        assert codes[0] == 204
        assert codes[1] in (409, 423)
        assert client.stored(place) == content
