"""Signed, short-lived URLs of stored media, and the view that serves them with byte ranges.

A URL is made for somebody who may see the video and works for whoever holds it, for a while. The
end of its life is rounded, so that the same picture keeps its address and the browser its copy.
"""

import math
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.csrf import csrf_exempt

from videos import storage
from videos.access.visibility import kept_from
from videos.errors import Refusal, no_storage, not_found
from videos.models import WITHHELD, FrameInfo, Video
from videos.problems import problem
from videos.requests import viewer
from videos.s3 import StorageUnavailable

BLOCK = 256 << 10
# Seconds after which an answer under way is cut off when the video is blocked or deleted.
LOOK_AGAIN = 5.0
# More digits than any file has bytes are no range but an attack on the conversion.
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


@dataclass(frozen=True)
class Piece:
    """A stretch of a stored file: `length` bytes from `offset`."""

    key: str
    mime: str
    offset: int
    length: int
    filename: str = ""
    video_id: uuid.UUID | None = None
    blocked: bool = False


def original_url(video: Video) -> str | None:
    there = video.storage_key and video.state not in WITHHELD
    return _url("original", video.id) if there else None


def thumbnail_url(video: Video) -> str | None:
    if not video.thumbnail_key or video.state in WITHHELD:
        return None
    return _url("thumbnail", video.id)


def picture_url(video: Video, frame: FrameInfo) -> str | None:
    if not video.pictures_key or frame.picture_size is None or video.state in WITHHELD:
        return None
    return _url("picture", video.id, frame.frame_number)


def _signer() -> Signer:
    return Signer(salt="videos.media", sep="~")


def signed(*words: object) -> str:
    """A token that stands for these words, without "~" in them, and is good for a while."""
    life = settings.TVIDZ.media_url_seconds
    end = (math.floor(time.time() / life) + 2) * life
    return _signer().sign("~".join(map(str, (*words, end))))


def read_signed(token: str) -> list[str]:
    """The words of a token; raises Refusal for one that is forged or too old."""
    try:
        *words, end = _signer().unsign(token).split("~")
    except BadSignature:
        raise not_found() from None
    if int(end) < time.time():
        raise Refusal("LINK_EXPIRED", "This link has expired. Load the page again.", 410, True)
    return words


def _url(kind: str, video_id: uuid.UUID, number: int = 0) -> str:
    return reverse("videos:media", args=[signed(kind, video_id.hex, number)])


def _read_token(token: str) -> tuple[str, uuid.UUID, int]:
    try:
        kind, video, number = read_signed(token)
    except ValueError:
        # Signed for something else than media.
        raise not_found() from None
    return kind, uuid.UUID(video), int(number)


def _find(token: str, request: HttpRequest) -> Piece:
    """The stored bytes a token stands for; raises Refusal.

    A video that is blocked is served to who may see it all the same, and not for holding a token.
    """
    kind, video_id, number = _read_token(token)
    video = _served(video_id, request)
    if video is None:
        raise not_found()
    blocked = video.blocked_at is not None
    if kind == "picture":
        frame = FrameInfo.objects.filter(video=video, frame_number=number).first()
        if frame is None or frame.picture_offset is None or frame.picture_size is None:
            raise not_found()
        where = (video.pictures_key, "image/jpeg", frame.picture_offset, frame.picture_size)
        return Piece(*where, video_id=video.pk, blocked=blocked)
    if kind == "thumbnail":
        key, mime, name = video.thumbnail_key, "image/jpeg", ""
    else:
        key, mime, name = video.storage_key, video.mime, video.filename
    try:
        return Piece(key, mime, 0, storage.size_of(key), name, video.pk, blocked)
    except FileNotFoundError:
        raise not_found() from None
    except StorageUnavailable:
        raise no_storage() from None


def _served(video_id: uuid.UUID, request: HttpRequest) -> Video | None:
    """The video, if its files are for who asks."""
    video = Video.objects.filter(pk=video_id).exclude(state__in=WITHHELD).first()
    # Who asks is looked up where it matters only: most requests need no session.
    if video is None or (video.blocked_at is not None and kept_from(viewer(request), video)):
        return None
    return video


@csrf_exempt
async def media(request: HttpRequest, token: str) -> HttpResponseBase:
    """GET or HEAD of a signed media URL; answers one byte range with 206."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    try:
        piece = await sync_to_async(_find)(token, request)
    except Refusal as refusal:
        return problem(refusal)
    asked = _asked_range(request.headers.get("Range", ""))
    start, stop = _span(asked, piece.length)
    if start >= stop and piece.length:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{piece.length}"})
    in_part = asked is not None
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Length": str(stop - start),
        "Cache-Control": f"private, max-age={settings.TVIDZ.media_url_seconds}"
        if not piece.blocked
        else "private, no-store",
    }
    if piece.filename:
        headers["Content-Disposition"] = content_disposition_header(False, piece.filename) or ""
    if in_part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{piece.length}"
    status = 206 if in_part else 200
    if request.method == "HEAD":
        return HttpResponse(status=status, content_type=piece.mime, headers=headers)
    try:
        file = await sync_to_async(storage.open_stored)(piece.key)
    except FileNotFoundError:
        return problem(not_found())
    except StorageUnavailable:
        return problem(no_storage())
    body = _blocks(file, piece.offset + start, stop - start, partial(_goes_on, piece, request))
    return StreamingHttpResponse(body, status=status, content_type=piece.mime, headers=headers)


def _asked_range(header: str) -> tuple[str, str] | None:
    """First and last byte as written; None for no, several or unreadable ranges (RFC 9110)."""
    match = RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first and last and int(first) > int(last):
        return None
    return first, last


def _span(asked: tuple[str, str] | None, length: int) -> tuple[int, int]:
    """The half-open byte span that is asked for; empty when it lies outside the file."""
    if asked is None:
        return 0, length
    first, last = asked
    if not first:
        return max(0, length - int(last)), length
    return int(first), min(int(last) + 1, length) if last else length


def _goes_on(piece: Piece, request: HttpRequest) -> bool:
    return piece.video_id is None or _served(piece.video_id, request) is not None


async def _blocks(
    file: BinaryIO, offset: int, length: int, goes_on: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """The bytes; players take hours for an answer, so it is asked again whether they may."""
    try:
        await sync_to_async(file.seek)(offset)
        looked = time.monotonic()
        while length > 0:
            if time.monotonic() - looked > LOOK_AGAIN:
                if not await sync_to_async(goes_on)():
                    return
                looked = time.monotonic()
            block = await sync_to_async(file.read)(min(BLOCK, length))
            if not block:
                return
            length -= len(block)
            yield block
    finally:
        file.close()
