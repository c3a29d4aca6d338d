"""A client of the tus protocol that can cut its own line, with nothing but sockets."""

import base64
import http.client
import json
import socket
import struct
from dataclasses import dataclass
from typing import Final

from tvidz.benchmarks.site import HOST

PLACE: Final = "/api/v1/uploads"
TUS: Final = {"Tus-Resumable": "1.0.0"}
BYTES: Final = {"Content-Type": "application/offset+octet-stream"}
_PATIENCE = 300.0
_BLOCK = 1 << 18


class Refused(Exception):
    """The site answered with an error; the text is its status and code."""

    def __init__(self, status: int, body: bytes) -> None:
        try:
            code = json.loads(body)["code"]
        except (ValueError, KeyError):
            code = ""
        super().__init__(f"{status} {code}".strip())
        self.status = status


@dataclass(frozen=True)
class Tus:
    """Speaks to the site on `port` of loopback; each request has a connection of its own."""

    port: int

    def begin(self, length: int, name: str) -> str:
        """The path of a new upload."""
        told = base64.b64encode(name.encode()).decode()
        headers = {"Upload-Length": str(length), "Upload-Metadata": f"filename {told}"}
        location = self._ask("POST", PLACE, headers)["location"]
        return PLACE + "/" + location.rpartition("/")[2]

    def offset(self, place: str) -> int:
        return int(self._ask("HEAD", place, {})["upload-offset"])

    def send(self, place: str, offset: int, content: bytes) -> str:
        """All bytes from `offset` on; the id of the video, empty while it is not accepted."""
        headers = BYTES | {"Upload-Offset": str(offset)}
        return self._ask("PATCH", place, headers, content[offset:]).get("upload-video", "")

    def send_and_cut(
        self, place: str, offset: int, content: bytes, until: int, *, asks: bool, reset: bool
    ) -> bool:
        """Announce all bytes from `offset` on, send those up to `until`, and hang up.

        By FIN, or with `reset` by RST, which also throws away what the system has not sent yet.
        With `asks` the site is asked before anything is sent; False when it wants nothing now.
        """
        headers = TUS | BYTES | {"Upload-Offset": str(offset), "Host": f"{HOST}:{self.port}"}
        headers["Content-Length"] = str(len(content) - offset)
        if asks:
            headers["Expect"] = "100-continue"
        head = [f"PATCH {place} HTTP/1.1", *(f"{name}: {told}" for name, told in headers.items())]
        with socket.create_connection((HOST, self.port), timeout=_PATIENCE) as wire:
            wire.sendall("\r\n".join([*head, "", ""]).encode())
            if asks and not wire.recv(1000).startswith(b"HTTP/1.1 100 "):
                return False
            rest = memoryview(content)[offset:until]
            for start in range(0, len(rest), _BLOCK):
                wire.sendall(rest[start : start + _BLOCK])
            if reset:
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return True

    def _ask(
        self, method: str, place: str, headers: dict[str, str], body: bytes = b""
    ) -> dict[str, str]:
        """The headers of the answer, named in lower case; raises Refused."""
        link = http.client.HTTPConnection(HOST, self.port, timeout=_PATIENCE)
        try:
            link.request(method, place, body=body, headers=TUS | headers)
            answer = link.getresponse()
            content = answer.read()
            if answer.status >= http.client.BAD_REQUEST:
                raise Refused(answer.status, content)
            return {name.lower(): told for name, told in answer.getheaders()}
        finally:
            link.close()
