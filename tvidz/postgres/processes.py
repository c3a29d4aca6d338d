"""Which process is the server over a data folder: postmaster.pid alone does not tell.

The number in it may be stale, and the kernel may have given it to somebody else since.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path

from tvidz.postgres.programs import Account, run

PROC = Path("/proc/self/cmdline")


def postmaster(data: Path, account: Account | None) -> int | None:
    """The process id of the running server over `data`, or None."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        words = _command(pid)
    except (FileNotFoundError, NotADirectoryError, ProcessLookupError, ValueError, IndexError):
        return None
    if not words or "postgres" not in words[0]:
        return None  # gone, a zombie, or another program under a used number
    if str(data) in words or (not PROC.exists() and str(data) in words[0]):
        return pid
    # The folder may have been moved under the running server, whose own folder moves along.
    return pid if pid in _inside(data, account) else None


def end_orphans(data: Path, account: Account | None) -> None:
    """End the backends that outlived their postmaster; they would keep a new one from starting.

    Only to be called when there is no postmaster. What they had not committed is lost; what they
    had is in the write-ahead log, from which the new server recovers as after any crash.
    """
    for pid in _inside(data, account):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _command(pid: int) -> list[str]:
    """The words of the command line of `pid` (without /proc: the whole line as one word)."""
    if PROC.exists():
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
        return [os.fsdecode(word) for word in line.split(b"\0") if word]
    return [run(["ps", "-o", "command=", "-p", str(pid)], None).stdout.strip()]


def _inside(data: Path, account: Account | None) -> list[int]:
    """The server processes working in `data`.

    Asked as the server's account: in a container even root may not look at others' folders.
    """
    if not PROC.exists():
        return []
    script = 'for p in /proc/[0-9]*; do [ "$p/cwd" -ef "$0" ] && echo "${p#/proc/}"; done'
    pids = [int(word) for word in run(["/bin/sh", "-c", script, data], account).stdout.split()]
    found = []
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == "postgres":
                found.append(pid)
    return found
