"""Keeps a lease while a block runs, however long one of its steps takes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from django.db import InterfaceError, OperationalError, connection

log = structlog.get_logger(__name__)

# A beat in the middle of a statement is waited for, but not for a database that hangs.
JOIN_SECONDS = 10.0


@contextmanager
def beating(renew: Callable[[], bool], every: float) -> Iterator[None]:
    """Call `renew` each `every` seconds until the block ends or it returns False.

    In a thread of its own, on its own connection to the database: a stopped or dead process falls
    silent, a busy one does not. That a lease was lost is told by the next write, not here; a
    process that hangs is ended by its time limit.
    """
    over = threading.Event()
    beats = threading.Thread(target=_beat, args=(renew, every, over), name="lease", daemon=True)
    beats.start()
    try:
        yield
    finally:
        over.set()
        beats.join(JOIN_SECONDS)


def _beat(renew: Callable[[], bool], every: float, over: threading.Event) -> None:
    try:
        while not over.wait(every):
            try:
                if not renew():
                    return
            except (OperationalError, InterfaceError):
                log.warning("lease not renewed: no database")
                connection.close()
    finally:
        connection.close()
