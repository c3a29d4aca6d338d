"""Starting a program that is about to read a hostile file, and ending it.

The child is in a session of its own, dies with its parent, has hard limits on memory, processor
time and files, can read its libraries and the named files only, write nothing, open no socket and
start no other program. `videos.media.child` closes those locks; this module is its only caller.

The death signal is tied to the *thread* that starts the child: start it from one that lives at
least as long as the child is wanted.
"""

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from videos.media.errors import MediaError
from videos.media.limits import Limits

EXIT_FAILED = 125
EXIT_NOT_STARTED = 127

_LAUNCHER = str(Path(__file__).with_name("child.py"))
_LIBRARIES = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store", "/gnu/store",
    "/etc/ld.so.cache", "/dev/null", "/dev/urandom",
)  # fmt: skip
# Nothing of the worker's own environment: it holds passwords.
_ENVIRONMENT = {"LC_ALL": "C", "HOME": "/nonexistent", "PATH": "/nonexistent"}


@dataclass(frozen=True)
class SandboxReport:
    """Which locks this machine offers. `landlock_abi` is 0 where the kernel has no Landlock."""

    landlock_abi: int
    seccomp: bool
    parent_death: bool
    limits: bool

    @property
    def whole(self) -> bool:
        """Whether every lock closes; otherwise the operator should be told."""
        return self.landlock_abi > 0 and self.seccomp and self.parent_death and self.limits


@dataclass(frozen=True)
class Usage:
    """How a child ended: exit status (negative: the signal), processor seconds, peak bytes."""

    returncode: int
    cpu_seconds: float
    peak_bytes: int

    def ran_out(self, limit: float) -> bool:
        """Whether the child ended for want of processor time.

        The kernel enforces the limit by ticks and reports by the clock; on a busy machine the two
        were seen 11 % apart, so a child that failed near its limit is taken to have met it.
        """
        failed = self.returncode != 0
        return self.cpu_seconds >= limit * (0.7 if failed else 0.98)


def spawn(
    argv: Sequence[str],
    *,
    readable: Sequence[Path],
    limits: Limits,
    pass_fds: Sequence[int] = (),
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    """Start `argv` (its first word an absolute path) in the sandbox.

    readable   files, and folders with all below, that it may read besides the system's libraries
    limits     memory_bytes and cpu_seconds are enforced by the kernel; the wall-clock limits are
               the caller's to watch
    pass_fds   descriptors it keeps, under their own numbers

    Whether the sandbox was set up shows in the exit status: EXIT_FAILED and EXIT_NOT_STARTED are
    the launcher's own.
    """
    words = _launcher_words(list(argv), readable, limits)
    return subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        pass_fds=tuple(pass_fds),
        env=_ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )


def _launcher_words(argv: list[str], readable: Sequence[Path], limits: Limits) -> list[str]:
    spec = {
        "argv": argv,
        "environment": _ENVIRONMENT,
        "readable": [*_LIBRARIES, *(os.path.abspath(path) for path in readable)],
        "memory_bytes": limits.memory_bytes,
        "cpu_seconds": limits.cpu_seconds,
        "parent": os.getpid(),
    }
    return [sys.executable, "-I", "-S", _LAUNCHER, json.dumps(spec)]


def reap(process: subprocess.Popen[bytes]) -> Usage:
    """Wait for the end of `process` and say what it cost. Call once, instead of `wait`."""
    if process.returncode is not None:
        return Usage(process.returncode, 0.0, 0)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Usage(process.returncode, used.ru_utime + used.ru_stime, peak)


def kill_group(process: subprocess.Popen[bytes]) -> Usage:
    """Kill the child's whole session, stopped or not, reap it and close its pipes."""
    if process.returncode is None:  # not reaped, so its number cannot be another's by now
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    usage = reap(process)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    return usage


@functools.cache
def capabilities() -> SandboxReport:
    """Try every lock once, in a child, and say which closed. Raises MediaError SANDBOX."""
    limits = Limits(cpu_seconds=20)
    words = _launcher_words([], (), limits)
    done = subprocess.run(
        words, capture_output=True, env=_ENVIRONMENT, timeout=30, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        raise MediaError("SANDBOX", detail=done.stderr[-500:].decode("utf-8", "replace"))
    return SandboxReport(**json.loads(done.stdout))
