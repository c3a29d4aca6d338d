"""A real web server on loopback that does what hostile ones do."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

LOOPBACK = "127.0.0.1"


@dataclass
class Web:
    """What stands at each path (headers, body), and what was asked: path and Host."""

    port: int
    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    # Of what was posted: bodies as they came, and the headers with them.
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    # Blocks that /held has sent, and what lets it go on.
    go_on: threading.Event = field(default_factory=threading.Event)
    server_names: list[str | None] = field(default_factory=list)

    def url(self, path: str, host: str = LOOPBACK, scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def page(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> str:
        """Put something there; its address."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        self.pages[path] = (status, named, body)
        return self.url(path)

    def redirect(self, path: str, to: str, status: int = 302) -> str:
        return self.page(path, status=status, Location=to)

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


def _handler(web: Web) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.asked.append((self.path, self.headers.get("Host", "")))
            try:
                self._answer()
            except OSError:
                # The other side has gone, which is what is tested.
                self.close_connection = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            web.asked.append((f"POST {self.path} {body.decode()}", self.headers.get("Host", "")))
            web.bodies.append(body)
            web.headers.append(dict(self.headers.items()))
            self._answer()

        def _answer(self) -> None:
            first = self.path.partition("?")[0]
            unusual = getattr(self, f"_{first.strip('/').replace('-', '_')}", None)
            if unusual is not None:
                unusual()
                return
            page = web.pages.get(unquote(first), (404, {}, b"nothing here"))
            status, headers, body = page
            self._begin(status, {"Content-Length": str(len(body))} | headers)
            self.wfile.write(body)

        def _begin(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.end_headers()

        def _echo(self) -> None:
            body = json.dumps({name.lower(): text for name, text in self.headers.items()}).encode()
            self._begin(200, {"Content-Length": str(len(body))})
            self.wfile.write(body)

        def _loop(self) -> None:
            self._begin(302, {"Location": "/loop"})

        def _silence(self) -> None:
            web.go_on.wait(30)

        def _drip(self) -> None:
            self._begin(200, {"Content-Length": "1000"})
            self._drops(b"x")

        def _slow_headers(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
            self._drops(b"x")

        def _drops(self, drop: bytes) -> None:
            until = time.monotonic() + 30
            while time.monotonic() < until and not web.go_on.is_set():
                self.wfile.write(drop)
                time.sleep(0.05)

        def _endless(self) -> None:
            self._begin(200, {})
            while not web.go_on.is_set():
                self.wfile.write(b"\0" * 65536)

        def _endless_headers(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not web.go_on.is_set():
                self.wfile.write(b"X-More: " + b"x" * 60000 + b"\r\n")

        def _cut(self) -> None:
            self._begin(200, {"Content-Length": "1000"})
            self.wfile.write(b"x" * 500)

        def _garbage(self) -> None:
            self.wfile.write(b"220 mail.example ESMTP\r\n" * 10)

        def _held(self) -> None:
            """Half of the page /half, and the rest when it may go on."""
            status, _, body = web.pages["/half"]
            self._begin(status, {"Content-Length": str(len(body))})
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            web.go_on.wait(60)
            self.wfile.write(body[len(body) // 2 :])

        def log_message(self, *words: Any) -> None:
            pass

    return Handler


@contextmanager
def serving(tls: ssl.SSLContext | None = None, host: str = LOOPBACK) -> Iterator[Web]:
    """The server on a free port, as long as the block runs."""
    web = Web(0)
    server = ThreadingHTTPServer((host, 0), _handler(web))
    server.daemon_threads = True
    web.port = server.server_address[1]
    if tls is not None:
        # What name each client asks for, before any certificate is shown.
        tls.sni_callback = lambda _socket, name, _context: web.server_names.append(name)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield web
    finally:
        web.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
