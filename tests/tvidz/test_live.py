"""The live stream as a client from outside gets it, by Server-Sent Events and by websocket."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from tests.conftest import Site, open_folder, start_site, stop_site, wait_for
from tvidz.postgres.place import find_place
from tvidz.progress import CHANNEL

Message = dict[str, Any]
Listen = Callable[[Site, str], AsyncGenerator[Message, None]]
UNKNOWN = "00000000-0000-4000-8000-000000000000"
PATIENCE = 90


async def by_events(site: Site, video_id: str) -> AsyncGenerator[Message, None]:
    """Every message of the Server-Sent Events; ends when the server ends the stream."""
    address = f"{site.url}/api/v1/videos/{video_id}/events"
    async with (
        httpx.AsyncClient(timeout=PATIENCE) as client,
        client.stream("GET", address) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        name = ""
        async for line in answer.aiter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                message = json.loads(value)
                assert message["type"] == name
                yield message


def socket_address(site: Site, video_id: str, query: str = "") -> str:
    return f"{site.url.replace('http', 'ws')}/ws/videos/{video_id}/{query}"


def origin(site: Site) -> Origin:
    """What a browser says of the page that opens the websocket."""
    return Origin(site.url)


async def by_socket(site: Site, video_id: str) -> AsyncGenerator[Message, None]:
    """Every message of the websocket; ends when the server closes it as finished."""
    async with websockets.connect(
        socket_address(site, video_id), origin=origin(site)
    ) as connection:
        async for text in connection:
            yield json.loads(text)
        assert connection.close_code == 1000


BOTH = pytest.mark.parametrize(
    "listen", [pytest.param(by_events, id="events"), pytest.param(by_socket, id="websocket")]
)


@pytest.fixture(scope="session")
def serial(ffmpeg: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine seconds in three scenes, of which no other test has a copy."""
    path = tmp_path_factory.mktemp("serial") / "serial.mp4"
    scenes = (
        "life=s=160x90:r=25:seed=21:ratio=0.3:mold=8,scale=320:180:flags=neighbor,boxblur=4",
        "mandelbrot=s=320x180:r=25:start_x=-0.74:start_y=0.11:start_scale=0.05:end_scale=0.002",
        "life=s=80x45:r=25:seed=77:ratio=0.5:mold=20,scale=320:180:flags=neighbor,boxblur=9",
    )
    inputs = [word for scene in scenes for word in ("-f", "lavfi", "-t", "3", "-i", scene)]
    graph = "".join(f"[{n}:v]setsar=1,format=yuv420p[s{n}];" for n in range(3))
    graph += "[s0][s1][s2]concat=n=3[out]"
    ffmpeg(*inputs, "-filter_complex", graph, "-map", "[out]", "-c:v", "libx264", path)
    return path


@pytest.fixture(scope="session")
def repeat(ffmpeg: Callable[..., None], serial: Path) -> Path:
    """Seconds 1 to 9 of the serial, encoded again."""
    path = serial.with_name("repeat.mp4")
    ffmpeg("-ss", "1", "-i", serial, "-vf", "scale=256:144", "-crf", "32", path)
    return path


async def all_of(listen: Listen, site: Site, video_id: str, heard: list[Message]) -> None:
    async with asyncio.timeout(PATIENCE), aclosing(listen(site, video_id)) as stream:
        async for message in stream:
            heard.append(message)


async def begun(*heard: list[Message], length: int = 1) -> None:
    """Wait until everybody has heard so much."""
    async with asyncio.timeout(PATIENCE):
        while any(len(messages) < length for messages in heard):
            await asyncio.sleep(0.02)


async def story_of(site: Site, path: Path) -> tuple[str, dict[str, list[Message]]]:
    """Upload, listen from before the analysis to the end; the video's id and all messages."""
    heard: dict[str, list[Message]] = {"events": [], "websocket": []}
    async with asyncio.TaskGroup() as listeners:
        with site.workers_paused():
            video_id = site.upload(path)["id"]
            listeners.create_task(all_of(by_events, site, video_id, heard["events"]))
            listeners.create_task(all_of(by_socket, site, video_id, heard["websocket"]))
            await begun(*heard.values())
    return video_id, heard


def check_story(messages: list[Message], reference: str) -> None:
    """From the snapshot of a waiting video to its final state, with everything in between."""
    kinds = [message["type"] for message in messages]
    assert messages[0]["type"] == "snapshot"
    assert messages[0]["video"]["state"] == "queued"
    assert messages[0]["video"]["duplicates"] == []
    shares = [message["progress"] for message in messages if message["type"] == "progress"]
    assert shares == sorted(shares), shares
    assert len(set(shares)) >= 3, shares
    cuts = {round(message["timestamp"], 1) for message in messages if message["type"] == "cut"}
    assert cuts == {2.0, 5.0}
    assert "thumbnail" in kinds
    told = [message["duplicate"] for message in messages if message["type"] == "duplicate"]
    assert told, kinds
    assert {duplicate["video"]["id"] for duplicate in told} == {reference}
    [segment] = told[-1]["segments"]
    places = [segment[name] for name in ("start", "end", "other_start", "other_end")]
    assert places == pytest.approx([0, 8, 1, 9], abs=0.5)
    assert not told[-1]["provisional"]
    assert messages[-1] == {"type": "state", "state": "ready", "error": None}


@pytest.mark.xdist_group("site")
async def test_both_streams_tell_an_analysis_from_the_snapshot_to_its_end(
    site: Site, serial: Path, repeat: Path
) -> None:
    reference = site.upload(serial)["id"]
    await asyncio.to_thread(site.finished, reference)
    video_id, heard = await story_of(site, repeat)
    for messages in heard.values():
        check_story(messages, reference)
    assert site.video(video_id)["scene_cuts"] == pytest.approx([2, 5], abs=0.1)


@pytest.mark.xdist_group("site")
@BOTH
async def test_of_a_finished_video_there_is_one_snapshot_and_the_end(
    site: Site, stranger: Path, listen: Listen
) -> None:
    video_id = site.upload(stranger)["id"]
    await asyncio.to_thread(site.finished, video_id)
    heard: list[Message] = []
    await all_of(listen, site, video_id, heard)
    assert [message["type"] for message in heard] == ["snapshot"]
    assert heard[0]["video"]["state"] == "ready"


async def close_code(site: Site, video_id: str, query: str = "") -> int | None:
    address = socket_address(site, video_id, query)
    async with websockets.connect(address, origin=origin(site)) as connection:
        async with asyncio.timeout(PATIENCE):
            await connection.wait_closed()
        return connection.close_code


async def answers(site: Site, video_id: str, query: str = "") -> tuple[int, str, int | None]:
    """Status and problem code of the events, close code of the websocket."""
    refused = httpx.get(f"{site.url}/api/v1/videos/{video_id}/events{query}", timeout=PATIENCE)
    assert refused.headers["content-type"] == "application/problem+json"
    return refused.status_code, refused.json()["code"], await close_code(site, video_id, query)


@pytest.mark.xdist_group("site")
async def test_an_unknown_video_is_not_found_on_either_stream(site: Site) -> None:
    assert await answers(site, UNKNOWN) == (404, "NOT_FOUND", 4404)


@pytest.mark.xdist_group("site")
async def test_a_page_of_another_site_may_not_open_the_websocket(site: Site) -> None:
    elsewhere = websockets.connect(
        socket_address(site, UNKNOWN), origin=Origin("https://elsewhere.example")
    )
    with pytest.raises(InvalidStatus) as refused:
        await elsewhere
    assert refused.value.response.status_code == 403


@pytest.mark.xdist_group("site")
async def test_a_private_video_is_streamed_to_its_uploader_and_not_found_by_others(
    site: Site, stranger: Path
) -> None:
    accepted = site.upload(stranger)
    site.rows("UPDATE videos_video SET visibility = 'private' WHERE id = %s", accepted["id"])
    await asyncio.to_thread(site.finished_row, accepted["id"])

    assert await answers(site, accepted["id"]) == (404, "NOT_FOUND", 4404)
    assert await answers(site, accepted["id"], "?secret=guess") == (404, "NOT_FOUND", 4404)
    secret = f"?secret={accepted['secret']}"
    events = httpx.get(f"{site.url}/api/v1/videos/{accepted['id']}/events{secret}", timeout=30)
    assert events.text.count("event: snapshot") == 1
    assert await close_code(site, accepted["id"], secret) == 1000


@pytest.mark.xdist_group("site")
@BOTH
async def test_a_lost_listening_connection_is_made_again_with_a_fresh_snapshot(
    site: Site, stranger: Path, listen: Listen
) -> None:
    heard: list[Message] = []
    terminate = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE %s",
        "LISTEN%",
    )
    async with asyncio.TaskGroup() as listeners:
        with site.workers_paused():
            video_id = site.upload(stranger)["id"]
            listeners.create_task(all_of(listen, site, video_id, heard))
            await begun(heard)
            before = len(heard)
            assert site.rows(*terminate)
            await begun(heard, length=before + 1)
            assert heard[-1]["type"] == "snapshot"
    assert heard[-1].get("state") == "ready"


@pytest.mark.xdist_group("rough")
async def test_both_streams_survive_the_death_of_the_database(
    rough_site: Site, stranger: Path
) -> None:
    site = rough_site
    heard: tuple[list[Message], list[Message]] = ([], [])
    async with asyncio.TaskGroup() as listeners:
        with site.workers_paused():
            video_id = site.upload(stranger)["id"]
            for listen, messages in zip((by_events, by_socket), heard, strict=True):
                listeners.create_task(all_of(listen, site, video_id, messages))
            await begun(*heard)
            before = [len(messages) for messages in heard]
            pid = find_place(site.var).data / "postmaster.pid"
            os.kill(int(pid.read_text().split()[0]), signal.SIGKILL)
            # Each more than it had: whoever follows first may have been told to look twice.
            for messages, place in zip(heard, before, strict=True):
                await begun(messages, length=place + 1)
            # The cluster may be started anew meanwhile, not paused: then progress follows at once.
            first = [messages[place]["type"] for messages, place in zip(heard, before, strict=True)]
            assert first == ["snapshot", "snapshot"]
    for messages in heard:
        final = messages[-1]
        state = final["video"]["state"] if final["type"] == "snapshot" else final["state"]
        assert state == "ready"
    assert (await asyncio.to_thread(site.finished, video_id))["state"] == "ready"


@pytest.fixture
def redis_url() -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server on this machine: install Debian's package redis-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with open_folder() as folder:
        process = subprocess.Popen([program, *words], cwd=folder, stdout=subprocess.DEVNULL)
        try:
            wait_for(lambda: _answers(port), "redis to answer")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait(10)


def _answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.long
async def test_through_redis_the_same_is_told(redis_url: str, serial: Path, repeat: Path) -> None:
    with open_folder() as folder:
        site = await asyncio.to_thread(
            start_site, folder, TVIDZ_DEFAULT_VISIBILITY="public", TVIDZ_REDIS_URL=redis_url
        )
        try:
            reference = site.upload(serial)["id"]
            await asyncio.to_thread(site.finished, reference)
            _, heard = await story_of(site, repeat)
            for messages in heard.values():
                check_story(messages, reference)
            asked = "SELECT 1 FROM pg_stat_activity WHERE query = %s"
            assert not site.rows(asked, f"LISTEN {CHANNEL}")
        finally:
            stop_site(site)
