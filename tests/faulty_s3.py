"""S3 on a bad day: a proxy before the emulator that does to requests what a test asks for."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

# 500 and 503: the emulator never hears of it. "cut": half of the answer, and the line is closed.
# "unsaid": it is done and nobody is told. "silent": no answer until the client gives up.
Kind = Literal["500", "503", "cut", "unsaid", "silent"]

ERROR = '<?xml version="1.0"?><Error><Code>{}</Code><Message>On a bad day.</Message></Error>'
CODES = {500: "InternalError", 503: "SlowDown"}
OF_THE_LINE = ("connection", "keep-alive", "transfer-encoding")


@dataclass
class Fault:
    """What becomes of the next `times` requests of a method with `words` in address or target."""

    kind: Kind
    method: str
    words: str
    times: int = 10**9
    happened: int = 0


@dataclass
class FaultyS3:
    """Forwards to `port` but for its faults."""

    port: int
    faults: list[Fault] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def does(self, kind: Kind, method: str, words: str = "", times: int = 10**9) -> Fault:
        fault = Fault(kind, method, words, times)
        self.faults.append(fault)
        return fault

    def heals(self) -> None:
        self.faults.clear()

    def next_fault(self, method: str, address: str) -> Kind | None:
        with self._lock:
            for fault in self.faults:
                meant = fault.method == method and fault.words in address
                if meant and fault.happened < fault.times:
                    fault.happened += 1
                    return fault.kind
        return None


def _handler(faulty: FaultyS3) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            with suppress(OSError):
                self._pass_on()
                return
            self.close_connection = True

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve

        def _pass_on(self) -> None:
            body = self._body()
            target = self.headers.get("X-Amz-Target", "")
            kind = faulty.next_fault(self.command, f"{self.path} {target}")
            if kind in ("500", "503"):
                content = ERROR.format(CODES[int(kind)]).encode()
                self._answer(int(kind), [("Content-Type", "application/xml")], content)
                return
            if kind == "silent":
                faulty.over.wait(60)
                raise OSError
            status, headers, content = self._asked(body)
            if kind == "unsaid":
                raise OSError
            self._answer(status, headers, content, cut=kind == "cut")

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _asked(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in OF_THE_LINE}
            headers["Content-Length"] = str(len(body))
            upstream = http.client.HTTPConnection("127.0.0.1", faulty.port, timeout=60)
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            content = answer.read()
            kept = [each for each in answer.getheaders() if each[0].lower() not in OF_THE_LINE]
            upstream.close()
            return answer.status, kept, content

        def _answer(
            self,
            status: int,
            headers: list[tuple[str, str]],
            content: bytes,
            cut: bool = False,
        ) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() != "content-length" or self.command == "HEAD":
                    self.send_header(name, value)
            if self.command != "HEAD" and status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if cut else content)
            if cut:
                self.wfile.flush()
                raise OSError

        def log_message(self, *words: Any) -> None:
            pass

    return Handler


@contextmanager
def faulty_s3(url: str) -> Iterator[FaultyS3]:
    """The proxy before the emulator at `url`, as long as the block runs."""
    faulty = FaultyS3(int(url.rpartition(":")[2]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(faulty))
    server.daemon_threads = True
    faulty.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield faulty
    finally:
        faulty.over.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
