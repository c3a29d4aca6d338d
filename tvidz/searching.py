"""A search with a file that does not stay: at once where that is quick, else by a worker."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, connection

from tvidz.answers import Answer, answer, facts_of, kept
from videos import searches, storage
from videos.errors import Refusal, from_media, malware_searched, no_storage, search_busy
from videos.heartbeat import beating
from videos.limits import media_limits
from videos.media.errors import MediaError
from videos.media.probe import Probe, probe
from videos.models import Search
from videos.names import shown_name
from videos.queue import BEATS_A_LEASE
from videos.s3 import StorageUnavailable
from videos.searches import Held, SearchLost
from videos.uploads.accept import recognise_path
from videos.uploads.malware import found_in
from videos.uploads.room import check_size

log = structlog.get_logger(__name__)

# A sender waits so long for others' searches to end, and is told to come again after that.
PLACE_SECONDS: Final = 5.0
COME_AGAIN: Final = 2
# Pixels a second that a second of video counts as one for: 720p, 25 frames a second.
USUAL_PIXELS: Final = 1280 * 720 * 25.0
RECORD_SECONDS: Final = 1.0
# Reading the file takes nearly all the time; what follows shares the rest of the bar.
READ_SHARE: Final = 0.9


@dataclass(frozen=True)
class Asked:
    """A file to search with: `facts` of it are what its sender is shown, as a video's are named."""

    facts: dict[str, Any]
    answer: Answer


class _Places:
    """So many at a time in this process; the limit is looked up each time."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """A place while the block runs; raises SEARCH_BUSY."""
        with self._free:
            most = settings.TVIDZ.searches_at_once
            if not self._free.wait_for(lambda: self._taken < most, PLACE_SECONDS):
                raise search_busy(COME_AGAIN)
            self._taken += 1
        try:
            yield
        finally:
            with self._free:
                self._taken -= 1
                self._free.notify()


places = _Places()


def ask(path: Path, declared_name: str, owner: User | None) -> Asked | Search:
    """What the library has of the file, or the search that a worker will do.

    Raises Refusal or MediaError for what would not be accepted either; nothing of it is kept.
    """
    size = path.stat().st_size
    check_size(size)
    if found_in(path):
        log.warning("malware searched with")
        raise malware_searched()
    name = shown_name(declared_name)
    named = {"filename": name, "size_bytes": size}
    if known := kept(path, name):
        return Asked(named | known.facts, known)
    with places.one():
        told = probe(path, recognise_path(path), media_limits())
        found = _at_once(path, name, told)
    if found is not None:
        return Asked(named | found.facts, found)
    return searches.begin(path, name, named | facts_of(told), owner)


def is_long(told: Probe) -> bool:
    """Whether a search with the file is left to a worker."""
    weight = max(1.0, told.width * told.height * told.frame_rate / USUAL_PIXELS)
    return not told.duration_known or told.duration * weight > settings.TVIDZ.search_seconds


def run(search_id: str) -> str:
    """Task: do the search if nobody else does; returns how it ended."""
    held = searches.claim(uuid.UUID(search_id))
    if held is None:
        return "not free"
    structlog.contextvars.bind_contextvars(search=search_id, token=held.token)
    try:
        with beating(held.renewed, settings.TVIDZ.lease_seconds / BEATS_A_LEASE):
            return _end(held)
    except SearchLost:
        log.warning("search lost or given up, stopped")
        return "lost"
    except (OperationalError, InterfaceError):
        log.exception("database lost, leaving the search to its lease")
        connection.close()
        return "lost"
    finally:
        structlog.contextvars.unbind_contextvars("search", "token")


def _at_once(path: Path, name: str, told: Probe) -> Answer | None:
    """The answer, or None when finding it takes too long to wait for."""
    if is_long(told):
        return None
    patience = settings.TVIDZ.search_patience
    try:
        return answer(path, name, _until(patience), told=told, patience=patience)
    except MediaError as error:
        if error.code != "TIMEOUT":
            raise
        log.info("not answered at once", seconds=patience)
        return None


def _until(patience: float) -> Callable[[float], None]:
    deadline = time.monotonic() + patience

    def look(_share: float) -> None:
        if time.monotonic() > deadline:
            raise MediaError("TIMEOUT")

    return look


def _end(held: Held) -> str:
    """Search, and bring the row to a state one can see, whatever happens."""
    try:
        with storage.local_copy(held.row.storage_key) as path:
            found = answer(path, held.row.filename, _Told(held))
        held.done(asdict(found))
        return str(Search.State.DONE)
    except MediaError as error:
        log.warning("not read", code=error.code, detail=error.detail)
        refusal = from_media(error)
    except FileNotFoundError:
        told = "The file to search with is gone. Send it again."
        refusal = Refusal("FILE_MISSING", told, retryable=True)
    except StorageUnavailable as error:
        log.warning("no storage", error=str(error))
        refusal = no_storage()
    except (SearchLost, OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("search failed")
        message = "Something went wrong on our side. Trying again may help."
        refusal = Refusal("INTERNAL", message, retryable=True)
    ours = refusal.retryable and refusal.code not in ("FILE_MISSING", "INTERNAL")
    if ours and held.put_back():
        return str(Search.State.WAITING)
    held.failed(refusal)
    return refusal.code


class _Told:
    """Writes how far a search is, as often as it helps; raises SearchLost."""

    def __init__(self, held: Held) -> None:
        self._tell: Callable[..., None] = partial(held.update)
        self._told_at = 0.0

    def __call__(self, share: float) -> None:
        if time.monotonic() - self._told_at >= RECORD_SECONDS:
            self._told_at = time.monotonic()
            self._tell(progress=READ_SHARE * share)
