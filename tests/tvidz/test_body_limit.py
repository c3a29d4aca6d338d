"""A body that is too large is refused before it is read."""

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import Site
from tvidz.body_limit import OVERHEAD, BodyLimit

MIB = 1 << 20


@pytest.mark.xdist_group("site")
def test_the_running_site_refuses_by_the_declared_length_before_a_byte_is_sent(site: Site) -> None:
    address = urlsplit(site.url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=10)
    connection.putrequest("POST", "/api/v1/videos/")
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", str(10**13))
    connection.endheaders()

    answer = connection.getresponse()

    assert answer.status == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert json.loads(answer.read())["code"] == "TOO_LARGE"
    connection.close()


async def swallow(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads the whole body and answers 200."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def status_of(sizes: list[int]) -> int:
    """The status that a chunked body of parts of these sizes is answered with."""
    parts = [
        {"type": "http.request", "body": b"x" * size, "more_body": number < len(sizes) - 1}
        for number, size in enumerate(sizes)
    ]
    answers: list[Any] = []

    async def receive() -> Any:
        return parts.pop(0)

    async def send(message: Any) -> None:
        answers.append(message)

    await BodyLimit(swallow)({"type": "http", "headers": []}, receive, send)
    return int(answers[0]["status"])


async def test_a_body_without_a_length_is_cut_off_at_the_limit(change_settings: Any) -> None:
    change_settings(max_upload_mb=1)

    assert await status_of([MIB, OVERHEAD]) == 200
    assert await status_of([MIB, OVERHEAD, 1]) == 413
