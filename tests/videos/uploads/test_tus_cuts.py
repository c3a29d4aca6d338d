"""Lines that are cut, servers that are killed and writers that hang, over real HTTP."""

import os
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.conftest import wait_for
from tests.tus_client import Client, some_bytes
from videos.uploads.incoming import RECORD_SECONDS


@pytest.mark.parametrize(
    ("length", "places"),
    [
        pytest.param(2048, range(2049), id="every byte", marks=pytest.mark.long),
        pytest.param(2048, [*range(33), *range(33, 2016, 16), *range(2016, 2049)], id="a choice"),
        # The server reads 64 KiB at a time.
        pytest.param(
            1 << 17, [*range(65520, 65553), *range(131056, 131073)], id="around the buffers"
        ),
    ],
)
def test_it_goes_on_after_a_cut_at_any_byte(
    client: Client, length: int, places: Sequence[int]
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


def test_it_goes_on_after_the_server_was_killed(client: Client) -> None:
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


def test_a_dead_writer_is_put_out_within_a_second(client: Client) -> None:
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


def test_of_two_writers_at_one_offset_one_wins(client: Client) -> None:
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


def test_it_goes_on_at_once_after_the_server_was_told_to_stop(client: Client) -> None:
    content = some_bytes(1000)
    place = client.begun(1000, Upload_Concat="partial")
    with client.writing(place, content, 600):
        time.sleep(0.3)
        os.kill(client.site.child("uvicorn"), signal.SIGTERM)
        told: list[int] = []

        def goes_on() -> bool:
            try:
                offset = client.offset(place)
                told.append(client.patch(place, offset, content[offset:]).status_code)
            except (httpx.HTTPError, KeyError):
                return False
            return True

        # The old one still answers for a while, and may be asked to give way.
        wait_for(lambda: client.site.child("uvicorn") and goes_on(), "the upload to go on", 40)
    assert told == [204]
    assert client.stored(place) == content
