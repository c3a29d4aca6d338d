"""The tus protocol 1.0 as a bare ASGI application: bytes are stored as they arrive.

Django collects a whole body before a view runs, so a cut request would leave nothing. Extensions:
creation, creation-with-upload, creation-defer-length, checksum, termination, expiration,
concatenation. https://tus.io/protocols/resumable-upload
"""

import asyncio
import json
import time
import uuid
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, connection

from videos.access.visibility import new_secret
from videos.errors import (
    Refusal,
    no_such_upload,
    over_length,
    sign_in_first,
)
from videos.models import PartialUpload, Upload
from videos.uploads import outcome, resumable
from videos.uploads.bare_request import BareRequest, Visitor, visitor
from videos.uploads.incoming import Incoming, Receive, most, too_many
from videos.uploads.resumable import Begun
from videos.uploads.threads import ACCEPTING, in_database, in_thread
from videos.uploads.tus_answers import VERSION, Answer, Body, Send, refused, reply
from videos.uploads.tus_headers import (
    ALGORITHMS,
    Checksum,
    bad_header,
    checksum,
    concat,
    metadata,
    number,
)

log = structlog.get_logger(__name__)

PREFIX: Final = "/api/v1/uploads"
EXTENSIONS: Final = (
    "creation,creation-with-upload,creation-defer-length,checksum,termination,expiration,"
    "concatenation"
)
BYTES: Final = "application/offset+octet-stream"
# A HEAD waits for the writer it asked to stop, but not for one that hangs.
YIELD_SECONDS: Final = 0.9


class Tus:
    """ASGI application for PREFIX."""

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        request = BareRequest(scope)
        body = Body(receive, over=not request.has_body)
        try:
            answer = await _answer(request, body.receive)
        except Refusal as refusal:
            answer = refused(refusal)
        except (OperationalError, InterfaceError):
            log.warning("no database for an upload")
            answer = refused(
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
            answer = refused(Refusal("INTERNAL", told, 500, retryable=True))
        if answer is not None:
            await reply(request, answer, body, send)


async def _answer(request: BareRequest, receive: Receive) -> Answer | None:
    if request.method == "OPTIONS":
        return Answer(204, _abilities())
    if request.method != "GET" and request.header("tus-resumable") != VERSION:
        told = f"This server speaks tus {VERSION}; say so in Tus-Resumable."
        raise Refusal("TUS_VERSION", told, 412, headers={"Tus-Version": VERSION})
    if not request.host_is_ours():
        raise bad_header("Host", "is not a name of this site")
    who = await in_database(visitor, request)
    if request.path == PREFIX:
        if request.method != "POST":
            raise _other_method("Begin an upload with POST.", "POST, OPTIONS")
        return await _create(request, who, receive)
    row = await in_database(outcome.look_up, PartialUpload, _upload_id(request), who.user)
    if request.method == "PATCH":
        try:
            return await _patch(request, row, receive)
        except Refusal as refusal:
            if refusal.status != 404:
                refusal.headers |= _expires(row.expires_at)
            raise
    if request.method == "HEAD":
        return await _head(row.id, who.user)
    if request.method == "GET":
        return _status(row)
    if request.method == "DELETE":
        await in_database(resumable.terminate, row.id)
        return Answer(204)
    raise _other_method("An upload knows no such method.", "HEAD, PATCH, DELETE, GET, OPTIONS")


async def _create(request: BareRequest, who: Visitor, receive: Receive) -> Answer | None:
    if who.user is None and not settings.TVIDZ.anonymous_uploads:
        raise sign_in_first()
    if request.has_body and request.content_type != BYTES:
        raise _other_type()
    wanted = _checksum(request)
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
        if {"upload-length", "upload-defer-length"} & request.headers.keys() or request.has_body:
            raise bad_header("Upload-Concat", "makes an upload of parts: no length, no body")
        row = await in_database(resumable.begin_final, begun, joined.partials)
    else:
        row = await in_database(resumable.begin, begun)
    headers = {"Location": f"{request.origin}{PREFIX}/{row.id}"}
    if who.user is None and not who.session_key:
        headers["X-Upload-Secret"] = secret
    if request.has_body:
        answer = await _store_first(request, row, wanted, receive)
        if answer is None:
            return None
    else:
        answer = Answer(201)
        if request.content_type == BYTES:
            answer.headers["Upload-Offset"] = str(row.received)
        if row.received == row.length:
            answer.headers |= await _finished(row.id)
    answer.status = 201
    answer.headers |= headers | _expires(row.expires_at)
    return answer


async def _store_first(
    request: BareRequest, row: PartialUpload, wanted: Checksum | None, receive: Receive
) -> Answer | None:
    """The bytes that come with a beginning: without its answer nobody knows where to go on."""
    try:
        answer = await _store(request, row, 0, None, wanted, receive)
    except Refusal:
        await in_database(resumable.terminate, row.id)
        raise
    if answer is None:
        await in_database(resumable.terminate, row.id)
    return answer


def _kind(joined: Any) -> str:
    if joined is None:
        return PartialUpload.Kind.WHOLE
    return PartialUpload.Kind.FINAL if joined.final else PartialUpload.Kind.PARTIAL


def _length(request: BareRequest) -> int | None:
    told, deferred = (name in request.headers for name in ("upload-length", "upload-defer-length"))
    if deferred and request.header("upload-defer-length") != "1":
        raise bad_header("Upload-Defer-Length", "must be 1")
    if told == deferred:
        raise bad_header("Upload-Length", "or Upload-Defer-Length must be there, one of them")
    return number("Upload-Length", request.header("upload-length")) if told else None


async def _patch(request: BareRequest, row: PartialUpload, receive: Receive) -> Answer | None:
    if row.kind == PartialUpload.Kind.FINAL:
        raise Refusal("FINAL_UPLOAD", "This upload is made of parts; send those.", 403)
    if request.content_type != BYTES:
        raise _other_type()
    if "upload-offset" not in request.headers:
        raise bad_header("Upload-Offset", "must say where these bytes begin")
    offset = number("Upload-Offset", request.header("upload-offset"))
    told = "upload-length" in request.headers
    length = number("Upload-Length", request.header("upload-length")) if told else None
    settled = row.accepted_at is not None or bool(row.error_code)
    if settled and offset == row.received and length in (None, row.length):
        if request.has_body:
            raise over_length(row.received)
        return Answer(204, {"Upload-Offset": str(offset)} | _became(row))
    return await _store(request, row, offset, length, _checksum(request), receive)


async def _store(
    request: BareRequest,
    row: PartialUpload,
    offset: int,
    length: int | None,
    wanted: Checksum | None,
    receive: Receive,
) -> Answer | None:
    """Take the bytes of a request; None when the client has gone."""
    hold = await in_database(resumable.claim, row.id, offset, length)
    declared = request.header("content-length")
    if declared.isdigit() and offset + int(declared) > most(hold):
        await in_database(resumable.record, hold, None, last=True)
        raise too_many(hold)
    came = await Incoming(hold, wanted, receive).take()
    if came is None:
        return None
    answer = Answer(204, {"Upload-Offset": str(offset + came)} | _expires(resumable.expiry()))
    if offset + came == hold.length:
        answer.headers |= await _finished(row.id)
    return answer


async def _finished(upload_id: uuid.UUID) -> dict[str, str]:
    """Hand the whole file on; what became of it, for whoever asks in headers."""
    try:
        return _became(await in_thread(ACCEPTING, _finish, upload_id))
    except Refusal as refusal:
        if not refusal.retryable:
            raise
        # The bytes are stored all the same, and it is tried again by ourselves.
        log.warning("upload not accepted yet", upload=str(upload_id), code=refusal.code)
        return {}


def _became(row: PartialUpload) -> dict[str, str]:
    if not (row.accepted_at or row.error_code):
        return {}
    why = {"Upload-Refused": row.error_code} if row.error_code else {}
    return {"Upload-Video": str(row.video_id)} | why


def _finish(upload_id: uuid.UUID) -> PartialUpload:
    try:
        return resumable.finish(upload_id)
    finally:
        connection.close()


async def _head(upload_id: uuid.UUID, user: User | None) -> Answer:
    # The connection of whoever wrote may be dead without our knowing: the offset must hold still.
    writing = await in_database(resumable.ask_to_yield, upload_id)
    until = time.monotonic() + YIELD_SECONDS
    # Read after that, as a writer may just have ended: what it brought need not be sent again.
    row = await in_database(outcome.look_up, PartialUpload, upload_id, user)
    while writing and row.lease_until is not None and time.monotonic() < until:
        await asyncio.sleep(0.02)
        row = await in_database(outcome.look_up, PartialUpload, upload_id, user)
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
    return Answer(200, headers)


def _status(row: PartialUpload) -> Answer:
    """What became of the upload, as JSON."""
    told = outcome.standing(row, "receiving" if row.received != row.length else "received")
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    told |= {"offset": row.received, "length": row.length, "writing": resumable.is_written(row)}
    body = json.dumps(told)
    return Answer(200, headers, body.encode())


def _checksum(request: BareRequest) -> Checksum | None:
    told = "upload-checksum" in request.headers
    return checksum(request.header("upload-checksum")) if told else None


def _other_method(told: str, allowed: str) -> Refusal:
    return Refusal("METHOD", told, 405, headers={"Allow": allowed})


def _other_type() -> Refusal:
    return Refusal("CONTENT_TYPE", f"Send bytes as {BYTES}.", 415)


def _upload_id(request: BareRequest) -> uuid.UUID:
    try:
        return uuid.UUID(request.path.removeprefix(PREFIX + "/"))
    except ValueError:
        raise no_such_upload() from None


def _abilities() -> dict[str, str]:
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(settings.TVIDZ.max_upload_mb << 20),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }


def _expires(moment: datetime) -> dict[str, str]:
    return {"Upload-Expires": format_datetime(moment, usegmt=True)}
