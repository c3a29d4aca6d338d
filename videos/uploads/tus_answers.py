"""Answers of the tus server, and how they reach a client that is still sending."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from videos.errors import Refusal
from videos.problems import PROBLEM_TYPE, problem_body
from videos.uploads.bare_request import BareRequest
from videos.uploads.incoming import Receive

VERSION: Final = "1.0.0"
# So long the rest of a refused body is read and thrown away.
LINGER_SECONDS: Final = 2.0

Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass
class Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Body:
    """The body of a request, message by message; `over` when no more of it will come."""

    def __init__(self, receive: Receive, *, over: bool = False) -> None:
        self.over = over
        self._receive = receive

    async def receive(self) -> dict[str, Any]:
        message = await self._receive()
        self.over = message["type"] == "http.disconnect" or not message.get("more_body")
        return message

    async def throw_away(self) -> None:
        """Read on to its end, but not for long, before the line is closed.

        Closing on unread bytes would reset the line, and many clients see that before they see the
        answer: they would try again what is refused for good.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while not self.over:
                    await self.receive()


def refused(refusal: Refusal) -> Answer:
    body = json.dumps(problem_body(refusal)).encode()
    headers = {"Content-Type": PROBLEM_TYPE, "Cache-Control": "no-store"} | refusal.headers
    return Answer(refusal.status, headers, body)


async def reply(request: BareRequest, answer: Answer, body: Body, send: Send) -> None:
    """Send the answer; raises nothing when the client has gone."""
    content = b"" if request.method == "HEAD" else answer.body
    headers = {"Tus-Resumable": VERSION, "X-Content-Type-Options": "nosniff"} | answer.headers
    if answer.status != 204:
        headers["Content-Length"] = str(len(content))
    if answer.status >= 400:
        headers["Connection"] = "close"
    listed = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": listed})
    if answer.status >= 400 and not body.over:
        await send({"type": "http.response.body", "body": content, "more_body": True})
        await body.throw_away()
        content = b""
    await send({"type": "http.response.body", "body": content})
