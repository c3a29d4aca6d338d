"""The machine a benchmark ran on, and processor time told apart by process."""

import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection

from videos.media.ffmpeg import find_ffmpeg

TICKS = os.sysconf("SC_CLK_TCK")


def describe() -> dict[str, str]:
    """What one must know to read the figures."""
    ffmpeg = find_ffmpeg(settings.TVIDZ.ffmpeg or None)
    told = subprocess.run([ffmpeg.path, "-version"], capture_output=True, text=True, check=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version')")
        [server] = cursor.fetchone()
        cursor.execute("SELECT current_setting('shared_buffers')")
        [buffers] = cursor.fetchone()
    return {
        "processor": _from("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": _from("/proc/meminfo", "MemTotal"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "ffmpeg": told.stdout.split()[2],
        "postgresql": f"{server}, shared_buffers {buffers}",
        "load at the start": f"{os.getloadavg()[0]:.2f}",
    }


def _from(file: str, key: str) -> str:
    try:
        lines = Path(file).read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")


def backend() -> int:
    """The process id of the database server's side of our connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    return int(pid)


def cpu_seconds(pid: int) -> float:
    """Processor seconds, user and system, that a living process has used; to 10 ms."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / TICKS


@dataclass
class Spent:
    """Processor seconds of a block: our own process, and children it waited for."""

    own: float = 0.0
    children: float = 0.0

    @property
    def total(self) -> float:
        return self.own + self.children


@contextmanager
def spending() -> Iterator[Spent]:
    """Fill `Spent` with what the block used."""
    spent = Spent()
    began = os.times()
    yield spent
    ended = os.times()
    spent.own = ended.user - began.user + ended.system - began.system
    spent.children = (
        ended.children_user - began.children_user + ended.children_system - began.children_system
    )
