"""The resumable protocol over real HTTP, against a running site."""

import base64
import hashlib
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import wait_for
from tests.tus_client import BYTES, HELLO, OURS, TUS, Client, digest, some_bytes


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
            "writing": False,
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
