"""Keeps the web server and the workers running from one terminal, and leaves nothing behind.

Each child has a session of its own, so that ending it ends what it started. A child that dies is
started again after a pause that grows while it keeps dying; a worker cluster that stopped working
in silence is noticed by the work that waits, and replaced.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType

import structlog
from django.conf import settings
from django.db import (
    Error,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
)

from moderation import blocking, claim_clocks, notices, presence, review, rules
from videos import deletion, queue, searches, storage
from videos.access import mail
from videos.uploads import resumable, url_import
from videos.uploads.s3 import direct

log = structlog.get_logger(__name__)

TICK = 0.25
LONGEST_PAUSE = 30.0
# A child that lived this long is healthy again: its next death is answered at once.
HEALTHY_AFTER = 60.0
# Time to finish in peace before the whole session is killed; the lease gives the work back.
GRACE = 8.0
PR_SET_PDEATHSIG = 1
WORKERS = "workers"

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass
class Child:
    """A process that should always run."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = 0.0
    due: float = 0.0

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self.command, start_new_session=True, preexec_fn=_follow_parent
        )
        log.info("started", child=self.name, pid=self.process.pid)

    def ask_to_stop(self) -> None:
        """Ask the child alone, which ends its own: a cluster whose guard dies first waits for it
        for ever."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def kill_session(self) -> None:
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


def _follow_parent() -> None:
    """In the child before exec: be asked to stop when the supervisor is gone."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Supervisor:
    """Runs until SIGINT or SIGTERM; `run()` returns once every child is gone."""

    children: list[Child]
    watches_workers: bool
    _stop: threading.Event = field(default_factory=threading.Event)
    _stalled_since: float | None = None

    def run(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        every = (self._look_after_work, _look_after_uploads, _look_after_flags)
        looks = every if self.watches_workers else ()
        keepers = [
            threading.Thread(target=self._again_and_again, args=(look,), daemon=True)
            for look in looks
        ]
        for keeper in keepers:
            keeper.start()
        try:
            while not self._stop.is_set():
                for child in self.children:
                    self._keep(child)
                self._stop.wait(TICK)
        finally:
            self._end()
            for keeper in keepers:
                keeper.join(timeout=5)

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop.set()

    def _keep(self, child: Child) -> None:
        if child.is_running():
            return
        now = time.monotonic()
        if child.process is not None:
            lived = now - child.started
            status = child.process.returncode
            # Whatever the dead one started must not go on beside its successor.
            child.kill_session()
            child.process = None
            child.pause = 0.0 if lived > HEALTHY_AFTER else min(LONGEST_PAUSE, child.pause * 2 + 1)
            child.due = now + child.pause
            log.error("died", child=child.name, status=status, restart_in=child.pause)
        if now >= child.due:
            child.start()

    def _look_after_work(self) -> None:
        queue.find_dropped()
        if self._dead(queue.stalled(settings.TVIDZ.workers), time.monotonic()):
            self._replace_workers()

    def _again_and_again(self, look: Callable[[], object]) -> None:
        """In a thread of its own: neither a slow database nor a large file delays a restart."""
        while not self._stop.wait(settings.TVIDZ.reconcile_seconds):
            try:
                close_old_connections()
                look()
            except Error as error:
                log.warning("database not reachable", error=str(error))
            except Exception:
                # Whatever it was, what is dropped next must be found.
                log.exception("looking around failed")
        connection.close()

    def _dead(self, stalled: bool, now: float) -> bool:
        """Whether the workers have looked stalled for long; begins anew once it says so."""
        if not stalled:
            self._stalled_since = None
            return False
        if self._stalled_since is None:
            self._stalled_since = now
        dead = now - self._stalled_since >= queue.STALLED_AFTER.total_seconds()
        if dead:
            self._stalled_since = None
        return dead

    def _replace_workers(self) -> None:
        log.error("workers do not take work, replacing them")
        for child in self.children:
            if child.name == WORKERS:
                child.kill_session()

    def _end(self) -> None:
        for child in self.children:
            child.ask_to_stop()
        deadline = time.monotonic() + GRACE
        for child in self.children:
            if child.process is not None:
                try:
                    child.process.wait(max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    log.warning("did not stop in time", child=child.name)
                child.kill_session()
                child.process.wait()
        log.info("stopped")


def _look_after_uploads() -> None:
    """Finish what was left behind, and forget what has expired, was deleted or is nobody's."""
    _each(
        resumable.look_after,
        direct.look_after,
        url_import.look_after,
        searches.look_after,
        mail.look_after,
        deletion.look_after,
        storage.clear_work,
    )


def _look_after_flags() -> None:
    """What leases, allow rules and the clocks of claims bring about; what is still to be told."""
    _each(
        review.look_after,
        rules.look_after,
        presence.look_after,
        claim_clocks.look_after,
        blocking.look_after,
        notices.look_after,
    )


def _each(*looks: Callable[[], object]) -> None:
    """One that goes wrong each time, over one row, does not keep the others from theirs."""
    for look in looks:
        try:
            look()
        except (OperationalError, InterfaceError):
            # Of the database itself: there is nothing to be done for the others either.
            raise
        except Exception:
            log.exception("looking around failed", look=look.__module__)


def web(host: str, port: int) -> Child:
    """The site, the API, websockets and Server-Sent Events.

    uvicorn, because daphne reads a whole body before the application sees it and buffers answers
    without bound: one upload of 394 MB took it from 129 to 980 MB of memory, uvicorn to 112. No
    access log: the secret of an upload may stand in an address.
    """
    words = ["--host", host, "--port", str(port), "--lifespan", "off", "--log-level", "warning"]
    words += ["--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "5"]
    return Child("web", [sys.executable, "-m", "uvicorn", *words, "tvidz.asgi:application"])


def workers() -> Child:
    """django-q2's cluster of worker processes."""
    return Child(WORKERS, [sys.executable, "manage.py", "qcluster", "--skip-checks"])


def s3_events() -> Child:
    """Takes in what comes into the S3 bucket."""
    return Child("s3 events", [sys.executable, "manage.py", "s3_events", "--setup"])


def port_is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
