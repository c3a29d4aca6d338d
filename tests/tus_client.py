"""A client of the tus protocol, and the bytes it sends."""

import base64
import hashlib
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg

from tests.conftest import Site

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}
HELLO = b"Hello, tus!\n"
OURS = "/api/v1/uploads"


class Client:
    """Speaks tus to the site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        # Without `verify` no certificates are loaded, which takes longer than a whole upload here.
        self.http = httpx.Client(base_url=site.url, timeout=30, verify=False)
        self._line: psycopg.Connection[Any] | None = None

    def create(self, length: int | None, *, body: bytes = b"", **headers: str) -> httpx.Response:
        told = TUS | {name.replace("_", "-"): value for name, value in headers.items()}
        if length is not None:
            told["Upload-Length"] = str(length)
        return self.http.post(f"{OURS}/", headers=told | (BYTES if body else {}), content=body)

    def begun(self, length: int, **headers: str) -> str:
        answer = self.create(length, body=b"", **headers)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    def patch(self, place: str, offset: int, body: bytes, **headers: str) -> httpx.Response:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        all_headers = TUS | BYTES | {"Upload-Offset": str(offset)} | told
        return self.http.patch(place, headers=all_headers, content=body)

    def head(self, place: str) -> httpx.Response:
        return self.http.head(place, headers=TUS)

    def offset(self, place: str) -> int:
        return int(self.head(place).headers["Upload-Offset"])

    def status(self, place: str) -> dict[str, Any]:
        answer = self.http.get(place)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def stored(self, place: str) -> bytes:
        """What the database counts of the bytes on disk."""
        upload = uuid.UUID(place.rpartition("/")[2])
        ask = "SELECT token, length FROM videos_uploadpart WHERE upload_id = %s ORDER BY start"
        if self._line is None:
            self._line = self.site.line()
        rows = self._line.execute(ask, [upload]).fetchall()
        folder = self.site.var / "partial" / upload.hex[:2] / str(upload)
        return b"".join((folder / f"{token:08d}").read_bytes()[:length] for token, length in rows)

    @contextmanager
    def writing(
        self, place: str, body: bytes, sent: int, *, offset: int = 0, **headers: str
    ) -> Iterator[None]:
        """A PATCH that hangs after so many bytes of its body, and is cut at the end."""
        url = urlsplit(self.site.url)
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        told |= TUS | BYTES | {"Upload-Offset": str(offset), "Content-Length": str(len(body))}
        lines = [f"PATCH {urlsplit(place).path} HTTP/1.1", f"Host: {url.netloc}"]
        lines += [f"{name}: {value}" for name, value in told.items()]
        with socket.create_connection((url.hostname or "", url.port or 0), timeout=30) as wire:
            wire.sendall("\r\n".join([*lines, "", ""]).encode() + body[:sent])
            yield


def digest(algorithm: str, content: bytes) -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


def some_bytes(count: int, seed: int = 1) -> bytes:
    block = hashlib.shake_256(str(seed).encode()).digest(4096)
    return (block * (count // 4096 + 1))[:count]
