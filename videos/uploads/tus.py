"""The tus protocol 1.0 as a bare ASGI application: bytes are stored as they arrive.

Django collects a whole body before a view runs, so a cut request would leave nothing. Extensions:
creation, creation-with-upload, creation-defer-length, checksum, termination, expiration,
concatenation. https://tus.io/protocols/resumable-upload
"""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from videos.access.visibility import new_secret
from videos.errors import (
    Refusal,
    no_such_upload,
    over_length,
    sign_in_first,
)
from videos.models import PartialUpload, Upload
from videos.problems import PROBLEM_TYPE, problem_body
from videos.uploads import outcome, resumable
from videos.uploads.bare_request import BareRequest, Visitor, visitor
from videos.uploads.incoming import Incoming, Receive
from videos.uploads.resumable import Begun
from videos.uploads.threads import ACCEPTING, in_database, in_thread
from videos.uploads.tus_headers import (
    ALGORITHMS,
    bad_header,
    checksum,
    concat,
    metadata,
    number,
)

log = structlog.get_logger(__name__)

PREFIX: Final = "/api/v1/uploads"
VERSION: Final = "1.0.0"
EXTENSIONS: Final = (
    "creation,creation-with-upload,creation-defer-length,checksum,termination,expiration,"
    "concatenation"
)
BYTES: Final = "application/offset+octet-stream"
# A HEAD waits for the writer it asked to stop, but not for one that hangs.
YIELD_SECONDS: Final = 0.9

Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass
class _Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Tus:
    """ASGI application for PREFIX."""

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        request = BareRequest(scope)
        try:
            answer = await _answer(request, receive)
        except Refusal as refusal:
            answer = _refused(refusal)
        except (OperationalError, InterfaceError):
            log.warning("no database for an upload")
            answer = _refused(
                Refusal(
                    "UNAVAILABLE",
                    "The database cannot be reached. Go on in a moment.",
                    503,
                    retryable=True,
                    headers={"Retry-After": "5"},
                )
            )
        except Exception:
            log.exception("unforeseen error in an upload")
            told = "Something went wrong on our side. Trying again may help."
            answer = _refused(Refusal("INTERNAL", told, 500, retryable=True))
        if answer is not None:
            await _reply(request, answer, send)


async def _answer(request: BareRequest, receive: Receive) -> _Answer | None:
    if request.method == "OPTIONS":
        return _Answer(204, _abilities())
    if request.method != "GET" and request.header("tus-resumable") != VERSION:
        told = f"This server speaks tus {VERSION}; say so in Tus-Resumable."
        raise Refusal("TUS_VERSION", told, 412, headers={"Tus-Version": VERSION})
    if not request.host_is_ours():
        raise bad_header("Host", "is not a name of this site")
    who = await in_database(visitor, request)
    if request.path == PREFIX:
        if request.method != "POST":
            raise Refusal("METHOD", "Begin an upload with POST.", 405, headers={"Allow": "POST"})
        return await _create(request, who, receive)
    row = await in_database(outcome.look_up, PartialUpload, _upload_id(request), who.user)
    if request.method == "PATCH":
        return await _patch(request, row, receive)
    if request.method == "HEAD":
        return await _head(row)
    if request.method == "GET":
        return _status(row)
    if request.method == "DELETE":
        await in_database(resumable.terminate, row.id)
        return _Answer(204)
    allowed = "HEAD, PATCH, DELETE, GET, OPTIONS"
    raise Refusal("METHOD", "An upload knows no such method.", 405, headers={"Allow": allowed})


async def _create(request: BareRequest, who: Visitor, receive: Receive) -> _Answer | None:
    if who.user is None and not settings.TVIDZ.anonymous_uploads:
        raise sign_in_first()
    if request.has_body and request.header("content-type") != BYTES:
        raise Refusal("CONTENT_TYPE", f"Send bytes as {BYTES}.", 415)
    joined = concat(request.header("upload-concat")) if "upload-concat" in request.headers else None
    metadata(request.header("upload-metadata"))
    secret, digest = new_secret()
    begun = Begun(
        length=None if joined is not None and joined.final else _length(request),
        metadata=request.header("upload-metadata"),
        kind=_kind(joined),
        concat=request.header("upload-concat"),
        owner=who.user,
        session_key=who.session_key,
        secret_sha256=digest,
        entrance=Upload.Entrance.SITE if who.session_key else Upload.Entrance.API,
    )
    if joined is not None and joined.final:
        if "upload-length" in request.headers or request.has_body:
            raise bad_header("Upload-Concat", "makes an upload of parts: no Upload-Length, no body")
        row = await in_database(resumable.begin_final, begun, joined.partials)
    else:
        row = await in_database(resumable.begin, begun)
    headers = {"Location": f"{request.origin}{PREFIX}/{row.id}"}
    if who.user is None and not who.session_key:
        headers["X-Upload-Secret"] = secret
    answer = _Answer(201)
    if request.has_body:
        stored = await _store(request, row, 0, receive)
        if stored is None:
            return None
        answer = stored
    elif row.received == row.length:
        answer.headers |= await _finished(row.id)
    answer.status = 201
    answer.headers |= headers | _expires(row.expires_at)
    return answer


def _kind(joined: Any) -> str:
    if joined is None:
        return PartialUpload.Kind.WHOLE
    return PartialUpload.Kind.FINAL if joined.final else PartialUpload.Kind.PARTIAL


def _length(request: BareRequest) -> int | None:
    told, deferred = "upload-length" in request.headers, request.header("upload-defer-length")
    if deferred and deferred != "1":
        raise bad_header("Upload-Defer-Length", "must be 1")
    if told == bool(deferred):
        raise bad_header("Upload-Length", "or Upload-Defer-Length must be there, one of them")
    return number("Upload-Length", request.header("upload-length")) if told else None


async def _patch(request: BareRequest, row: PartialUpload, receive: Receive) -> _Answer | None:
    if request.header("content-type") != BYTES:
        raise Refusal("CONTENT_TYPE", f"Send bytes as {BYTES}.", 415)
    if "upload-offset" not in request.headers:
        raise bad_header("Upload-Offset", "must say where these bytes begin")
    offset = number("Upload-Offset", request.header("upload-offset"))
    if row.kind == PartialUpload.Kind.FINAL:
        raise Refusal("FINAL_UPLOAD", "This upload is made of parts; send those.", 403)
    if "upload-length" in request.headers:
        length = number("Upload-Length", request.header("upload-length"))
        await in_database(resumable.set_length, row, length)
    return await _store(request, row, offset, receive)


async def _store(
    request: BareRequest, row: PartialUpload, offset: int, receive: Receive
) -> _Answer | None:
    """Take the bytes of a request; None when the client has gone."""
    wanted = (
        checksum(request.header("upload-checksum")) if request.header("upload-checksum") else None
    )
    hold = await in_database(resumable.claim, row.id, offset)
    declared = request.header("content-length")
    if hold.length is not None and declared.isdigit() and offset + int(declared) > hold.length:
        await in_database(resumable.record, hold, 0, last=True)
        raise over_length(hold.length)
    came = await Incoming(hold, wanted, receive).take()
    if came is None:
        return None
    answer = _Answer(204, {"Upload-Offset": str(offset + came)} | _expires(resumable.expiry()))
    if offset + came == hold.length:
        answer.headers |= await _finished(row.id)
    return answer


async def _finished(upload_id: uuid.UUID) -> dict[str, str]:
    """Hand the whole file on; what became of it, for whoever asks in headers."""
    row = await in_thread(ACCEPTING, _finish, upload_id)
    if not (row.accepted_at or row.error_code):
        return {}
    refused = {"Upload-Refused": row.error_code} if row.error_code else {}
    return {"Upload-Video": str(row.video_id)} | refused


def _finish(upload_id: uuid.UUID) -> PartialUpload:
    try:
        return resumable.finish(upload_id)
    finally:
        connection.close()


async def _head(row: PartialUpload) -> _Answer:
    # The connection of whoever wrote may be dead without our knowing: the offset must hold still.
    if await in_database(resumable.ask_to_yield, row.id):
        until = time.monotonic() + YIELD_SECONDS
        while time.monotonic() < until:
            await asyncio.sleep(0.05)
            await in_database(row.refresh_from_db)
            if row.lease_until is None:
                break
    headers = {"Upload-Offset": str(row.received), "Cache-Control": "no-store"}
    headers |= _expires(row.expires_at)
    if row.length is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(row.length)
    if row.metadata:
        headers["Upload-Metadata"] = row.metadata
    if row.concat:
        headers["Upload-Concat"] = row.concat
    return _Answer(200, headers)


def _status(row: PartialUpload) -> _Answer:
    """What became of the upload, as JSON."""
    told = outcome.standing(row, "receiving" if row.received != row.length else "received")
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    body = json.dumps(told | {"offset": row.received, "length": row.length})
    return _Answer(200, headers, body.encode())


def _most() -> int:
    return int(settings.TVIDZ.max_upload_mb << 20)


def _upload_id(request: BareRequest) -> uuid.UUID:
    try:
        return uuid.UUID(request.path.removeprefix(PREFIX + "/"))
    except ValueError:
        raise no_such_upload() from None


def _abilities() -> dict[str, str]:
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(_most()),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }


def _expires(moment: datetime) -> dict[str, str]:
    return {"Upload-Expires": format_datetime(moment, usegmt=True)}


def _refused(refusal: Refusal) -> _Answer:
    body = json.dumps(problem_body(refusal)).encode()
    headers = {"Content-Type": PROBLEM_TYPE, "Cache-Control": "no-store"} | refusal.headers
    return _Answer(refusal.status, headers, body)


async def _reply(request: BareRequest, answer: _Answer, send: Send) -> None:
    headers = {"Tus-Resumable": VERSION, "X-Content-Type-Options": "nosniff"} | answer.headers
    if answer.status != 204:
        headers["Content-Length"] = str(len(answer.body))
    if answer.status >= 400:
        # What is left of the body is not read.
        headers["Connection"] = "close"
    listed = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": listed})
    body = b"" if request.method == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})
