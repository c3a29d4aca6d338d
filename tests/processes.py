"""What /proc tells of processes: the tests that kill some look at what is left."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A living process; `session` is the process id of its session's leader."""

    pid: int
    parent: int
    session: int
    name: str

    def command(self) -> str:
        try:
            return Path(f"/proc/{self.pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            return ""


def processes() -> list[Process]:
    """All that live; zombies are dead."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, tail = path.read_text().rpartition(")")
        except OSError:
            continue
        state, parent, _, session = tail.split()[:4]
        if state not in "ZX":
            pid, _, name = head.partition(" (")
            found.append(Process(int(pid), int(parent), int(session), name))
    return found


def below(pid: int) -> list[Process]:
    """The children of `pid`, their children, and so on."""
    known, line = processes(), [pid]
    found: list[Process] = []
    while line:
        above = line.pop()
        children = [process for process in known if process.parent == above]
        found += children
        line += [process.pid for process in children]
    return found


def of_session(leader: int) -> list[Process]:
    return [process for process in processes() if process.session == leader]


def alive(pid: int) -> bool:
    return any(process.pid == pid for process in processes())


def gone_within(pid: int, seconds: float) -> bool:
    """Whether the process ends in that time."""
    deadline = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
