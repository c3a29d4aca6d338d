"""Between processes: who follows a video here is told what workers elsewhere publish.

Without Redis one LISTEN connection a process feeds a queue for each follower; it reconnects with
a growing pause and then tells every follower to look again (RESYNC). With Redis the channel layer
does the same.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
import structlog
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connections

from tvidz.database import connection_kwargs
from tvidz.postgres.errors import EmbeddedPostgresError
from tvidz.progress import CHANNEL, group_of

log = structlog.get_logger(__name__)

Body = dict[str, Any]
RESYNC: Final[Body] = {"type": "resync"}
# A follower that does not keep up is told to look again instead of holding messages for ever.
QUEUE_LENGTH = 1000
LONGEST_PAUSE = 5.0


class Followers:
    """One process's LISTEN connection and the queues of those who follow here."""

    def __init__(self) -> None:
        self._queues: dict[uuid.UUID, set[asyncio.Queue[Body]]] = {}
        self._listener: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()

    @asynccontextmanager
    async def subscribe(self, video_id: uuid.UUID) -> AsyncIterator[asyncio.Queue[Body]]:
        """A queue that receives every message published once this is entered."""
        queue: asyncio.Queue[Body] = asyncio.Queue(QUEUE_LENGTH)
        self._queues.setdefault(video_id, set()).add(queue)
        if self._listener is None or self._listener.done():
            self._listening.clear()
            self._listener = asyncio.create_task(self._listen())
        try:
            await self._listening.wait()
            yield queue
        finally:
            self._leave(video_id, queue)

    def _leave(self, video_id: uuid.UUID, queue: asyncio.Queue[Body]) -> None:
        queues = self._queues[video_id]
        queues.discard(queue)
        if not queues:
            del self._queues[video_id]
        if not self._queues and self._listener is not None:
            self._listener.cancel()
            self._listener = None

    async def _listen(self) -> None:
        pause = 0.1
        while True:
            try:
                # In a thread: it may have to start the embedded server.
                parameters = await sync_to_async(connection_kwargs)(
                    connections["default"].settings_dict
                )
                async with await psycopg.AsyncConnection.connect(
                    **parameters, autocommit=True
                ) as listening:
                    await listening.execute(f"LISTEN {CHANNEL}")
                    pause = 0.1
                    self._listening.set()
                    self._tell_all(RESYNC)
                    async for note in listening.notifies():
                        told = json.loads(note.payload)
                        self._tell(uuid.UUID(told["video"]), told["body"])
            except (psycopg.Error, EmbeddedPostgresError) as error:
                log.warning("live connection lost, reconnecting", error=str(error), pause=pause)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    def _tell(self, video_id: uuid.UUID, body: Body) -> None:
        for queue in self._queues.get(video_id, ()):
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(RESYNC)
            else:
                queue.put_nowait(body)

    def _tell_all(self, body: Body) -> None:
        for video_id in self._queues:
            self._tell(video_id, body)


# An asyncio object belongs to its loop; tests and management commands run several.
_followers: WeakKeyDictionary[asyncio.AbstractEventLoop, Followers] = WeakKeyDictionary()


@asynccontextmanager
async def subscribe(video_id: uuid.UUID) -> AsyncIterator[asyncio.Queue[Body]]:
    """Follow one video; the queue yields message bodies and RESYNC."""
    if settings.TVIDZ.redis_url:
        async with _subscribe_layer(video_id) as queue:
            yield queue
        return
    loop = asyncio.get_running_loop()
    async with _followers.setdefault(loop, Followers()).subscribe(video_id) as queue:
        yield queue


@asynccontextmanager
async def _subscribe_layer(video_id: uuid.UUID) -> AsyncIterator[asyncio.Queue[Body]]:
    layer = get_channel_layer()
    channel = await layer.new_channel()
    queue: asyncio.Queue[Body] = asyncio.Queue(QUEUE_LENGTH)
    await layer.group_add(group_of(video_id), channel)

    async def receive() -> None:
        while True:
            message = await layer.receive(channel)
            await queue.put(message["body"])

    receiving = asyncio.create_task(receive())
    try:
        yield queue
    finally:
        receiving.cancel()
        with suppress(asyncio.CancelledError):
            await receiving
        await layer.group_discard(group_of(video_id), channel)
