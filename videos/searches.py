"""The Search row: begin, claim, end, find what was dropped, forget.

As with analyses the row is the queue and every verb one compare-and-swap against the database's
clock. What is searched with lies in the storage, for whichever machine's worker takes it, until
the search has ended.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django_q.tasks import async_task

from videos import storage
from videos.access.visibility import sees_all
from videos.advisory import only_one
from videos.errors import Refusal, no_such_search, search_busy
from videos.leased import LeasedRow, give_up_spent, lease_end, unheard
from videos.models import Search
from videos.queue import waiting_search
from videos.s3 import StorageUnavailable
from videos.uploads.accept import store
from videos.uploads.room import check_room

log = structlog.get_logger(__name__)

State = Search.State
UNFINISHED: Final = (State.WAITING, State.RUNNING)
# When all places are taken, the next may be free after about so many seconds.
COME_AGAIN: Final = 30
# Wake-ups and rows looked at in one go.
MANY: Final = 1000


class SearchLost(Exception):
    """Another worker does this search now, or it was given up: write nothing more."""


@dataclass(frozen=True)
class Held(LeasedRow):
    """A worker's hold on a search; `token` fences its writes."""

    row: Search
    working = State.RUNNING
    lost = SearchLost

    def done(self, answer: dict[str, Any]) -> None:
        self._end(state=State.DONE, answer=answer, progress=1.0)

    def failed(self, refusal: Refusal) -> None:
        self._end(
            state=State.FAILED,
            error_code=refusal.code,
            error_message=refusal.message,
            error_retryable=refusal.retryable,
        )

    def put_back(self) -> bool:
        """Leave the search to another attempt, for a fault of ours; False when none is left."""
        if self.row.attempts >= settings.TVIDZ.max_attempts:
            return False
        self.update(state=State.WAITING, lease_until=None, woken_at=None)
        return True

    def _end(self, **fields: Any) -> None:
        self.update(finished_at=Now(), lease_until=None, **fields)
        try:
            storage.remove(self.row.storage_key)
        except StorageUnavailable as error:
            # It goes with the row.
            log.warning("a searched file is still there", error=str(error))


def begin(path: Path, filename: str, facts: dict[str, Any], owner: User | None) -> Search:
    """A search that waits for a worker; raises SEARCH_BUSY, NO_SPACE, NO_STORAGE."""
    check_room(path.stat().st_size)
    _check_places()
    number = uuid.uuid4()
    key = storage.search_key(number)
    store(key, path)
    try:
        # One after the other, so that together they keep to the limit.
        with only_one("search for a worker"), transaction.atomic():
            _check_places()
            row = Search.objects.create(
                id=number, owner=owner, filename=filename, facts=facts, storage_key=key
            )
            transaction.on_commit(partial(wake, row.pk))
    except BaseException:
        storage.remove(key)
        raise
    return row


def look_up(search_id: uuid.UUID, user: Any) -> Search:
    """The search, for its owner and staff, without an owner for everybody; raises NO_SEARCH."""
    row = Search.objects.filter(pk=search_id).first()
    if row is None or not (row.owner_id in (None, user.pk) or sees_all(user)):
        raise no_such_search()
    return row


def forget(row: Search) -> None:
    """Give the search up with its file; a worker that is at it learns it from SearchLost."""
    row.delete()
    storage.remove(row.storage_key)


def wake(search_id: uuid.UUID) -> None:
    Search.objects.filter(pk=search_id).update(woken_at=Now())
    async_task(settings.TVIDZ_TASKS["search"], str(search_id))


def claim(search_id: uuid.UUID) -> Held | None:
    """Take the search if it waits or its lease ran out, counting the attempt; else None."""
    taken = Search.objects.filter(
        waiting_search(), pk=search_id, attempts__lt=settings.TVIDZ.max_attempts
    ).update(
        state=State.RUNNING,
        attempts=F("attempts") + 1,
        token=F("token") + 1,
        lease_until=lease_end(),
        started_at=Now(),
        progress=0.0,
    )
    row = Search.objects.filter(pk=search_id).first() if taken else None
    return None if row is None else Held(row, row.token)


def look_after() -> None:
    """Give up what was begun too often, wake what waits or lost its worker, forget what is old."""
    waiting = Search.objects.filter(waiting_search())
    told = "This search was begun several times and the worker died each time."
    give_up_spent(waiting, State.FAILED, told)
    dropped = waiting.filter(unheard()).order_by("created_at")
    for search_id in dropped.values_list("pk", flat=True)[:MANY]:
        wake(search_id)
    kept = timedelta(minutes=settings.TVIDZ.search_expiry_minutes)
    for row in Search.objects.filter(finished_at__lt=Now() - kept)[:MANY]:
        try:
            storage.remove(row.storage_key)
        except StorageUnavailable as error:
            log.warning("a search is not forgotten yet", error=str(error))
            return
        row.delete()


def _check_places() -> None:
    if Search.objects.filter(state__in=UNFINISHED).count() >= settings.TVIDZ.searches_waiting:
        raise search_busy(COME_AGAIN)
