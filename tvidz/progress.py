"""What is told while a video is analysed: typed messages, sent from here and nowhere else.

Messages carry ids and progress only (a NOTIFY holds less than 8,000 bytes); who may see what is
decided where they are delivered, in `tvidz/live.py`.
"""

import json
import uuid
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection

CHANNEL = "tvidz_live"


@dataclass(frozen=True)
class Progress:
    """Share done (0 to 1), the step at work and the analysis's state."""

    type: ClassVar[str] = "progress"
    progress: float
    step: str
    state: str


@dataclass(frozen=True)
class Facts:
    """What the video is, or who may see it, is another than before: look again."""

    type: ClassVar[str] = "facts"


@dataclass(frozen=True)
class Cut:
    """A scene cut was found at `timestamp` seconds."""

    type: ClassVar[str] = "cut"
    timestamp: float


@dataclass(frozen=True)
class Thumbnail:
    """There is a thumbnail, or a better one."""

    type: ClassVar[str] = "thumbnail"


@dataclass(frozen=True)
class Duplicate:
    """A link was found or changed."""

    type: ClassVar[str] = "duplicate"
    link_id: int


@dataclass(frozen=True)
class Gone:
    """A link that was told before did not hold, or a newer engine's link shows its pair."""

    type: ClassVar[str] = "gone"
    link_id: int


@dataclass(frozen=True)
class StateChanged:
    """The analysis came to an end, or began anew."""

    type: ClassVar[str] = "state"
    state: str


Message = Progress | Facts | Cut | Thumbnail | Duplicate | Gone | StateChanged


def group_of(video_id: uuid.UUID | str) -> str:
    """The channel layer's group of a video; made from its id, never from what a client sent."""
    return f"video.{uuid.UUID(str(video_id)).hex}"


def look_again(video_id: uuid.UUID) -> None:
    """Have everybody who follows the video asked whether they may."""
    publish(video_id, Facts())


def publish(video_id: uuid.UUID, message: Message) -> None:
    """Send to everybody who follows the video; within a transaction, when it commits."""
    body: dict[str, Any] = {"type": message.type, **asdict(message)}
    if settings.TVIDZ.redis_url:
        layer = get_channel_layer()
        async_to_sync(layer.group_send)(group_of(video_id), {"type": "live.message", "body": body})
        return
    payload = json.dumps({"video": str(video_id), "body": body})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])
