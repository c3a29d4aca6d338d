"""Two locks: who starts or stops the server just now, and which processes still need it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tvidz.postgres.errors import EmbeddedPostgresError


def open_lock(path: Path) -> int:
    """A descriptor of the lock file `path`, made when missing, owned like its folder."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    owner = path.parent.lstat()
    if os.geteuid() == 0 and os.fstat(descriptor).st_uid != owner.st_uid:
        # Root must not lock an ordinary user out of a folder that is theirs.
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


@contextmanager
def alone(path: Path, patience: float) -> Iterator[None]:
    """Hold the lock file `path` exclusively; waits up to `patience` seconds, then raises.

    A flock belongs to the opened file, so threads of one process exclude each other too.
    """
    descriptor = open_lock(path)
    try:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise EmbeddedPostgresError(
                        f"Another process has been starting or stopping PostgreSQL for more than "
                        f"{patience:.0f} s ({path} is locked)."
                    ) from None
                time.sleep(0.02)
        try:
            yield
        finally:
            # A child forked meanwhile holds a copy of the descriptor: closing would not unlock.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


class Users:
    """The lock every process using the server shares. The last one can get it for itself alone.

    A POSIX record lock belongs to the process: a fork does not inherit it and the kernel frees it
    even after kill -9, so no list of owners can go stale. Its trap: closing *any* descriptor of
    the file drops the process's lock, so one is opened and never closed again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def join(self) -> None:
        """Count this process among the users; waits while somebody stops the server."""
        fcntl.lockf(self._opened(), fcntl.LOCK_SH)

    def only_us(self) -> bool:
        """Try to turn our share into the whole, without waiting; False when others hold one."""
        try:
            fcntl.lockf(self._opened(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # POSIX allows EAGAIN and EACCES
            return False
        return True

    def leave(self) -> None:
        """Give up whatever this process holds."""
        fcntl.lockf(self._opened(), fcntl.LOCK_UN)

    def _opened(self) -> int:
        if self._descriptor is None:
            # Two threads may both get here; the loser's descriptor stays open on purpose.
            self._descriptor = open_lock(self._path)
        return self._descriptor
