"""Refuses a request body that is too large before Django reads it: 413 with a problem body."""

import json
from typing import Any

from django.conf import settings

from videos.errors import Refusal, too_large
from videos.problems import PROBLEM_TYPE, problem_body
from videos.uploads.tus_answers import Body

# What multipart adds around a file: boundaries, headers, the other fields of the form.
OVERHEAD = 64 << 10


class _TooLarge(Exception):
    pass


class BodyLimit:
    """ASGI middleware: bounds the body by its declared length and by the bytes that arrive."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = (settings.TVIDZ.max_upload_mb << 20) + OVERHEAD
        body = Body(receive)
        if _declared(scope) > limit:
            await _refuse(body, send, too_large(settings.TVIDZ.max_upload_mb))
            return
        seen = 0

        async def counted() -> Any:
            nonlocal seen
            message = await body.receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _TooLarge
            return message

        try:
            await self._app(scope, counted, send)
        except _TooLarge:
            await _refuse(body, send, too_large(settings.TVIDZ.max_upload_mb))


def _declared(scope: Any) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _refuse(body: Body, send: Any, refusal: Refusal) -> None:
    content = json.dumps(problem_body(refusal)).encode()
    headers = [
        (b"content-type", PROBLEM_TYPE.encode()),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": True})
    await body.throw_away()
    await send({"type": "http.response.body"})
