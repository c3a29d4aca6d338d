"""A whole site of its own to measure: `manage.py run` on loopback, uploads and live events by HTTP.

Only the standard library's client: what measures should cost little itself.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tvidz.options import BASE_DIR
from tvidz.postgres.configuration import DATABASE, ROLE
from tvidz.postgres.place import PORT, find_place

HOST = "127.0.0.1"
_BLOCK = 1 << 20
_PATIENCE = 300.0
_START = 120.0
_STOP = 30.0


class SiteFailed(Exception):
    """The site did not start, or answered an upload with something else than 201."""


@dataclass
class Sent:
    """One upload, in seconds of the wall clock; the live ones are 0 until they were seen."""

    video: str
    last_byte: float
    accepted: float
    verdict: float = 0.0
    ended: float = 0.0
    state: str = ""
    steps_before_verdict: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RunningSite:
    """A running site: `port` on loopback, everything it writes below `var`, its supervisor."""

    port: int
    var: Path
    supervisor: int

    def upload(self, path: Path, name: str, *, as_it_is: bool = False) -> Sent:
        """Send a file as a browser does; raises SiteFailed when it is not accepted.

        An empty MP4 box makes each another file, as the same one twice is not analysed twice;
        not with `as_it_is`.
        """
        seam = uuid.uuid4().hex
        head = (
            f'--{seam}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        box = (24).to_bytes(4, "big") + b"free" + uuid.uuid4().bytes
        tail = (b"" if as_it_is else box) + f"\r\n--{seam}--\r\n".encode()
        link = http.client.HTTPConnection(HOST, self.port, timeout=_PATIENCE)
        try:
            link.putrequest("POST", "/api/v1/videos/")
            link.putheader("Content-Type", f"multipart/form-data; boundary={seam}")
            link.putheader("Content-Length", str(len(head) + path.stat().st_size + len(tail)))
            link.endheaders(head)
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    link.send(block)
            link.send(tail)
            last_byte = time.time()
            answer = link.getresponse()
            body = answer.read()
            if answer.status != http.client.CREATED:
                raise SiteFailed(f"{answer.status}: {body[:300]!r}")
            return Sent(str(json.loads(body)["id"]), last_byte, time.time())
        finally:
            link.close()

    def follow(self, sent: Sent) -> None:
        """Read the video's events until its analysis is over, noting when what was told."""
        link = http.client.HTTPConnection(HOST, self.port, timeout=_PATIENCE)
        try:
            link.request("GET", f"/api/v1/videos/{sent.video}/events")
            answer = link.getresponse()
            if answer.status != http.client.OK:
                raise SiteFailed(f"{answer.status}: {answer.read()[:300]!r}")
            while line := answer.readline():
                if line.startswith(b"data:"):
                    _note(sent, json.loads(line[5:]), time.time())
        finally:
            link.close()

    def upload_and_follow(self, path: Path, name: str) -> Sent:
        """Both; returns once the analysis is over."""
        sent = self.upload(path, name)
        self.follow(sent)
        return sent

    def child(self, words: str) -> int:
        """The process id of what the supervisor runs with these words in its command.

        Raises SiteFailed when there is none.
        """
        for path in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == self.supervisor and words.encode() in (path / "cmdline").read_bytes():
                    return int(path.name)
            except OSError:
                continue
        raise SiteFailed(f"the site runs no {words}")

    @contextmanager
    def workers_paused(self) -> Iterator[None]:
        """Nothing is analysed meanwhile. Not for long: the supervisor replaces stalled workers."""
        cluster = self.child("qcluster")
        os.killpg(cluster, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(cluster, signal.SIGCONT)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Look into the site's database."""
        host = str(find_place(self.var).socket)
        with psycopg.connect(
            host=host, port=PORT, user=ROLE, dbname=DATABASE, autocommit=True
        ) as connection:
            return connection.execute(statement.encode(), values).fetchall()


def _note(sent: Sent, told: dict[str, Any], now: float) -> None:
    kind = told["type"]
    duplicates = kind == "duplicate" or (kind == "snapshot" and told["video"]["duplicates"])
    if duplicates and not sent.verdict:
        sent.verdict = now
    state = told["video"]["state"] if kind == "snapshot" else told.get("state", "")
    step = told["video"].get("step") if kind == "snapshot" else told.get("step")
    if step and not sent.verdict:
        sent.steps_before_verdict.append(step)
    if state and state not in ("queued", "processing"):
        sent.state, sent.ended = state, now


@contextmanager
def running_site(**environment: str) -> Iterator[RunningSite]:
    """Start a site with a passing folder and database, and end it with everything it started."""
    # A short path that others may enter: the database's socket lies in it, and for root the
    # server runs as somebody else.
    with tempfile.TemporaryDirectory(prefix="tvidz-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        var = Path(folder) / "var"
        output = Path(folder) / "output.txt"
        with socket.socket() as free:
            free.bind((HOST, 0))
            port = free.getsockname()[1]
        full = {**os.environ, "TVIDZ_DEFAULT_VISIBILITY": "public", **environment}
        full |= {"TVIDZ_VAR": str(var), "TVIDZ_DATABASE_URL": "", "TVIDZ_REDIS_URL": ""}
        full.pop("DATABASE_URL", None)
        with output.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "run", "--port", str(port)],
                cwd=BASE_DIR,
                env=full,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _wait(process, port, output)
            yield RunningSite(port, var, process.pid)
        finally:
            _stop(process)


def _wait(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            link = http.client.HTTPConnection(HOST, port, timeout=2)
            link.request("GET", "/healthz")
            if link.getresponse().status == http.client.OK:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            link.close()
    raise SiteFailed(f"the site did not start:\n{output.read_text()[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def together(site: RunningSite, files: Sequence[tuple[Path, str]]) -> list[Sent]:
    """Upload all files at once and follow each to its end."""
    with ThreadPoolExecutor(len(files)) as pool:
        return list(pool.map(lambda each: site.upload_and_follow(*each), files))
