"""A body that is too large is refused before it is read."""

import json
import socket
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import Site, open_folder, start_site, stop_site
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


def declared(wire: socket.socket, content: bytes) -> None:
    wire.sendall(b"Content-Length: %d\r\n\r\n" % len(content) + content)


def in_chunks(wire: socket.socket, content: bytes) -> None:
    wire.sendall(b"Transfer-Encoding: chunked\r\n\r\n")
    for start in range(0, len(content), 1 << 16):
        chunk = content[start : start + (1 << 16)]
        wire.sendall(b"%x\r\n" % len(chunk) + chunk + b"\r\n")
    wire.sendall(b"0\r\n\r\n")


def test_the_refusal_reaches_a_sender_that_sends_all_of_it_first() -> None:
    content = b"--b\r\nContent-Disposition: form-data; name=file; filename=a.mp4\r\n\r\n"
    content += bytes(8 * MIB) + b"\r\n--b--\r\n"
    with open_folder() as folder:
        site = start_site(folder, TVIDZ_MAX_UPLOAD_MB="1")
        try:
            sends: list[Callable[[socket.socket, bytes], None]] = [declared, in_chunks]
            for send in [each for each in sends for _ in range(3)]:
                answer = answer_to(site, send, content)
                assert answer.startswith(b"HTTP/1.1 413 "), send
                assert answer.endswith(b"}")
        finally:
            stop_site(site)


def answer_to(site: Site, send: Callable[[socket.socket, bytes], None], content: bytes) -> bytes:
    address = urlsplit(site.url)
    begun = f"POST /api/v1/videos/ HTTP/1.1\r\nHost: {address.netloc}\r\n"
    begun += "Content-Type: multipart/form-data; boundary=b\r\n"
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=20) as wire:
        wire.sendall(begun.encode())
        send(wire, content)
        return b"".join(iter(lambda: wire.recv(1000), b""))


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
