"""A web server that is killed when it has the last byte and has not told what became of it."""

import hashlib
import os
import signal
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.conftest import Site, wait_for
from tests.tus_client import Client, some_bytes
from tvidz.postgres.configuration import DATABASE, ROLE
from tvidz.postgres.place import PORT, find_place

WHOLE = "SELECT 1 FROM videos_partialupload WHERE id = %s AND received = length"
WAITED_FOR = "SELECT 1 FROM pg_locks WHERE relation = %s::regclass AND NOT granted"


@contextmanager
def held(site: Site, statement: str) -> Iterator[None]:
    """Locks of the site's database are somebody else's while the block runs."""
    host = str(find_place(site.var).socket)
    with psycopg.connect(host=host, port=PORT, user=ROLE, dbname=DATABASE) as connection:
        connection.execute(statement.encode())
        yield
        connection.rollback()


def kill_web(site: Site) -> None:
    os.kill(site.child("uvicorn"), signal.SIGKILL)


@pytest.fixture
def film_of_some_size(clip: Path, tmp_path: Path) -> Path:
    """A playable file with 4 MiB at its end that no player reads, other ones each time."""
    path = tmp_path / "film.mp4"
    filler = some_bytes(4 << 20, seed=uuid.uuid4().int)
    path.write_bytes(clip.read_bytes() + (8 + len(filler)).to_bytes(4, "big") + b"free" + filler)
    return path


def sent_and_killed(client: Client, place: str, content: bytes, moment: str) -> None:
    """Send all of it and kill the server at that moment of accepting it."""
    site, upload = client.site, uuid.UUID(place.rpartition("/")[2])
    table, mode = ("videos_upload", "EXCLUSIVE")
    if moment == "before it is stored":
        table, mode = ("videos_video", "ACCESS EXCLUSIVE")
    with ThreadPoolExecutor(1) as pool, ExitStack() as row:
        with held(site, f"LOCK TABLE {table} IN {mode} MODE"):
            answer = pool.submit(client.patch, place, 0, content)
            wait_for(lambda: site.rows(WHOLE, upload), "the last byte to be recorded")
            wait_for(lambda: site.rows(WAITED_FOR, table), "accept() to come to the lock")
            began = time.monotonic()
            assert Client(site).offset(place) == len(content)
            # Nobody writes any more, so there is nobody to wait for.
            assert time.monotonic() - began < 0.8
            if moment == "before it is told":
                # Which lets it read the row for itself, as it does before that, and not write it.
                told = "LOCK TABLE videos_partialupload IN SHARE ROW EXCLUSIVE MODE"
                row.enter_context(held(site, told))
            else:
                kill_web(site)
        if moment == "before it is told":
            ask = "SELECT 1 FROM videos_video v JOIN videos_partialupload p ON p.video_id = v.id "
            wait_for(lambda: site.rows(ask + "WHERE p.id = %s", upload), "the video")
            kill_web(site)
        with pytest.raises(httpx.HTTPError):
            answer.result()


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("before it is stored", marks=pytest.mark.long),
        "while it is stored",
        pytest.param("before it is told", marks=pytest.mark.long),
    ],
)
def test_a_file_that_is_all_there_becomes_one_video_though_the_server_is_killed(
    client: Client, film_of_some_size: Path, moment: str
) -> None:
    content = film_of_some_size.read_bytes()
    place = client.begun(len(content))

    sent_and_killed(client, place, content, moment)

    def accepted() -> bool:
        try:
            return Client(client.site).status(place)["state"] == "accepted"
        except httpx.HTTPError:
            return False

    wait_for(accepted, "the video", 60)
    sha256 = hashlib.sha256(content).hexdigest()
    videos = client.site.rows("SELECT id, storage_key FROM videos_video WHERE sha256 = %s", sha256)
    assert len(videos) == 1
    stored = client.site.var / "files" / videos[0][1]
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == sha256
    upload = place.rpartition("/")[2]
    folder = client.site.var / "partial" / upload[:2] / upload
    # What the dead one had asked of the database may be done after its death, but no more.
    wait_for(lambda: not folder.exists(), "the parts to be gone", 60)
    assert client.site.finished_row(str(videos[0][0])) == "ready"
