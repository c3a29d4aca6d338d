"""What viewers are told while a video is analysed: a snapshot first, then changes, then the end.

Websocket and Server-Sent Events deliver the same stream, `follow()`. Between processes messages
travel through PostgreSQL's NOTIFY or, with TVIDZ_REDIS_URL, through the channel layer.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET

from matching.links import links_of
from matching.serializers import duplicate_json, video_with_duplicates
from tvidz.hub import RESYNC, subscribe
from videos.access.visibility import Viewer, viewer_of, visible
from videos.errors import Refusal, not_found
from videos.media_urls import thumbnail_url
from videos.models import UNFINISHED
from videos.problems import problem
from videos.requests import viewer as viewer_behind
from videos.serializers import error_json

log = structlog.get_logger(__name__)

# Proxies and browsers give up on silent connections after half a minute or so.
PING_SECONDS = 15.0
PING: dict[str, Any] = {"type": "ping"}
# Close codes of the websocket: no such video for this viewer; a fault of ours, connect again. The
# server's websocket library lets an application send 1000 and 3000 to 4999 only.
CLOSE_NOT_FOUND = 4404
CLOSE_FAULT = 4500
# Seconds between the attempts to read while the database restarts.
PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0)


async def follow(viewer: Viewer, video_id: uuid.UUID) -> AsyncIterator[dict[str, Any]]:
    """Outward messages about a video, ending with its final state.

    Raises Refusal 404 at the first message for a video the viewer may not see. The subscription
    comes before the snapshot, so nothing falls between them; a change told twice changes nothing.
    """
    async with subscribe(video_id) as messages:
        snapshot = await _snapshot(viewer, video_id)
        yield snapshot
        while not _is_final(snapshot):
            try:
                body = await asyncio.wait_for(messages.get(), PING_SECONDS)
            except TimeoutError:
                # A lost message must not keep a viewer waiting for ever, nor a revoked right
                # stay in force: look again.
                snapshot = await _snapshot(viewer, video_id)
                yield snapshot if _is_final(snapshot) else PING
                continue
            if body is RESYNC or body["type"] == "facts":
                snapshot = await _snapshot(viewer, video_id)
                yield snapshot
                continue
            outward = await _read(_outward, viewer, video_id, body)
            if outward is not None:
                yield outward
                if outward["type"] == "state" and outward["state"] not in UNFINISHED:
                    return


def _is_final(snapshot: dict[str, Any]) -> bool:
    return snapshot["video"]["state"] not in UNFINISHED


async def _snapshot(viewer: Viewer, video_id: uuid.UUID) -> dict[str, Any]:
    video = await _read(_whole, viewer, video_id)
    return {"type": "snapshot", "video": video}


async def _read(function: Callable[..., Any], *words: Any) -> Any:
    """Call what reads the database, again while that is away.

    Each call gives its connection back: a viewer who watches for an hour must not hold one, nor
    keep a dead one after a restart.
    """
    for pause in PAUSES:
        try:
            return await database_sync_to_async(function)(*words)
        except (OperationalError, InterfaceError) as error:
            log.warning("database away, reading again", error=str(error), pause=pause)
            await asyncio.sleep(pause)
    return await database_sync_to_async(function)(*words)


def _whole(viewer: Viewer, video_id: uuid.UUID) -> dict[str, Any]:
    return video_with_duplicates(visible(viewer, video_id), viewer)


def _outward(viewer: Viewer, video_id: uuid.UUID, body: dict[str, Any]) -> dict[str, Any] | None:
    """An inner message as this viewer may see it; None when there is nothing left to tell."""
    if body["type"] in ("progress", "cut"):
        return body
    video = visible(viewer, video_id)
    if body["type"] == "thumbnail":
        return {"type": "thumbnail", "thumbnail": thumbnail_url(video)}
    if body["type"] == "gone":
        return {"type": "gone", "duplicate_id": body["link_id"]}
    if body["type"] == "state":
        return {"type": "state", "state": body["state"], "error": error_json(video)}
    link = links_of(video_id).filter(pk=body["link_id"]).first()
    if link is None:
        return None
    return {"type": "duplicate", "duplicate": duplicate_json(link, video, viewer)}


@csrf_exempt
@require_GET
async def events(request: HttpRequest, video_id: uuid.UUID) -> HttpResponseBase:
    """GET /api/v1/videos/{id}/events: Server-Sent Events until the final state."""
    viewer = await database_sync_to_async(viewer_behind)(request)
    stream = follow(viewer, video_id)
    try:
        first = await anext(stream)
    except Refusal as refusal:
        return problem(refusal)
    return StreamingHttpResponse(
        _as_events(first, stream),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


async def _as_events(
    first: dict[str, Any], stream: AsyncIterator[dict[str, Any]]
) -> AsyncIterator[bytes]:
    # Closing the stream, also when the viewer goes away, ends the subscription.
    async with aclosing(stream):  # type: ignore[type-var]
        yield b"retry: 2000\n\n" + _as_event(first)
        try:
            async for message in stream:
                yield b": ping\n\n" if message is PING else _as_event(message)
        except Refusal:
            log.info("no longer to be seen by this viewer")
        except Exception:
            # The end of the body has the browser connect again; after an exception a server may
            # leave the connection open and silent for ever.
            log.exception("live stream failed")


def _as_event(message: dict[str, Any]) -> bytes:
    return f"event: {message['type']}\ndata: {_json(message)}\n\n".encode()


def _json(message: dict[str, Any]) -> str:
    return json.dumps(message, default=str, ensure_ascii=False)


class VideoConsumer(AsyncJsonWebsocketConsumer):
    """/ws/videos/{id}/: the same messages as JSON objects, closed with 1000 at the end."""

    _following: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        video_id: uuid.UUID = self.scope["url_route"]["kwargs"]["video_id"]
        secret = _query_secret(self.scope["query_string"])
        viewer = await database_sync_to_async(viewer_of)(
            self.scope["user"], self.scope["session"], secret
        )
        await self.accept()
        self._following = asyncio.create_task(self._send_all(viewer, video_id))

    async def disconnect(self, code: int) -> None:
        if self._following is not None:
            self._following.cancel()

    @classmethod
    async def encode_json(cls, content: Any) -> str:
        return _json(content)

    async def _send_all(self, viewer: Viewer, video_id: uuid.UUID) -> None:
        try:
            async with aclosing(follow(viewer, video_id)) as stream:  # type: ignore[type-var]
                async for message in stream:
                    await self.send_json(message)
            await self.close(1000)
        except Refusal:
            await self.send_json({"type": "error", "code": not_found().code})
            await self.close(CLOSE_NOT_FOUND)
        except Exception:
            log.exception("live stream failed")
            await self.close(CLOSE_FAULT)


def _query_secret(query: bytes) -> str:
    for part in query.decode("ascii", "replace").split("&"):
        name, _, value = part.partition("=")
        if name == "secret":
            return value
    return ""
