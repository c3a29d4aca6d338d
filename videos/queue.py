"""The Analysis row as a queue: claim, renew, finish, give up, find what was dropped.

Each verb is one compare-and-swap UPDATE against the database's clock, so calling the function is
all it takes to test it. A worker that lost its lease learns it from `LeaseLost` at its next write.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django_q.tasks import async_task

from videos.errors import not_found
from videos.heartbeat import beating
from videos.leased import lease_end, unheard
from videos.models import UNFINISHED, Analysis, Search, State, UrlImport, Video

log = structlog.get_logger(__name__)

# How often a lease is renewed before it would run out: two beats may be lost.
BEATS_A_LEASE = 3
# Waiting this long with an idle worker means that nobody listens.
STALLED_AFTER = timedelta(seconds=45)


class LeaseLost(Exception):
    """Another worker holds the analysis now; this one must stop and write nothing more."""


@dataclass(frozen=True)
class Claim:
    """A worker's hold on an analysis; `token` fences its writes."""

    analysis_id: int
    token: int
    worker: str


def wake_after_commit(analysis_id: int) -> None:
    """Tell a worker once the row can be seen. A lost wake-up is repeated by the reconciler."""
    transaction.on_commit(partial(wake, analysis_id))


def wake(analysis_id: int) -> None:
    Analysis.objects.filter(pk=analysis_id).update(woken_at=Now())
    async_task(settings.TVIDZ_TASKS["analyse"], analysis_id)


def claim(analysis_id: int, worker: str) -> Claim | None:
    """Take the analysis if it waits or its lease ran out, counting the attempt; else None."""
    free = Q(state=State.QUEUED) | Q(state=State.PROCESSING, lease_until__lt=Now())
    taken = Analysis.objects.filter(
        free, pk=analysis_id, attempts__lt=settings.TVIDZ.max_attempts
    ).update(
        state=State.PROCESSING,
        attempts=F("attempts") + 1,
        token=F("token") + 1,
        worker=worker,
        lease_until=lease_end(),
        started_at=Now(),
        step="",
        error_code="",
        error_message="",
    )
    if not taken:
        return None
    token, video_id = Analysis.objects.values_list("token", "video_id").get(pk=analysis_id)
    held = Claim(analysis_id, token, worker)
    with fenced(held):
        Video.objects.filter(pk=video_id).update(state=State.PROCESSING)
    return held


def renew(held: Claim, **fields: Any) -> None:
    """Extend the lease and write `fields` (step, progress); raises LeaseLost."""
    kept = _held(held).update(lease_until=lease_end(), **fields)
    if not kept:
        raise LeaseLost(f"analysis {held.analysis_id}, token {held.token}")


@contextmanager
def kept(held: Claim) -> Iterator[None]:
    """Keep the lease while the block runs, however long one of its steps takes."""
    with beating(partial(_renewed, held), settings.TVIDZ.lease_seconds / BEATS_A_LEASE):
        yield


@contextmanager
def fenced(held: Claim) -> Iterator[Analysis]:
    """A transaction that holds only while `held` does: the row is locked and its token checked."""
    with transaction.atomic():
        row = _held(held).select_for_update(of=("self",)).select_related("video").first()
        if row is None:
            raise LeaseLost(f"analysis {held.analysis_id}, token {held.token}")
        yield row


def finish(
    held: Claim,
    state: State,
    *,
    code: str = "",
    message: str = "",
    retryable: bool = False,
    before: Callable[[Analysis], None] | None = None,
) -> None:
    """End the analysis in `state`, on its row and the video's, in one transaction."""
    with fenced(held) as analysis:
        if before is not None:
            before(analysis)
        _end(analysis, state, code, message, retryable)


def put_back(held: Claim) -> bool:
    """Leave the analysis to another attempt, for a fault of ours; False when none is left."""
    with fenced(held) as analysis:
        if analysis.attempts >= settings.TVIDZ.max_attempts:
            return False
        Analysis.objects.filter(pk=analysis.pk).update(
            state=State.QUEUED, lease_until=None, woken_at=None
        )
        Video.objects.filter(pk=analysis.video_id).update(state=State.QUEUED)
    return True


def find_dropped() -> list[int]:
    """Give up what was tried too often, wake what waits or lost its worker; ids woken."""
    expired = Q(state=State.PROCESSING, lease_until__lt=Now())
    for spent in Analysis.objects.filter(
        expired | Q(state=State.QUEUED), attempts__gte=settings.TVIDZ.max_attempts
    ).values_list("pk", flat=True):
        _set_aside(spent)
    dropped = list(
        Analysis.objects.filter(unheard(), expired | Q(state=State.QUEUED))
        .order_by("created_at")
        .values_list("pk", flat=True)[:1000]
    )
    for analysis_id in dropped:
        wake(analysis_id)
    if dropped:
        log.warning("woke dropped analyses", count=len(dropped))
    return dropped


def stalled(workers: int) -> bool:
    """Whether work waits, a worker must be idle, and nobody has begun anything for a while.

    django-q2 can stop in silence behind a healthy-looking process when an idle worker is killed
    while it holds the queue's lock. One look proves little (between two jobs it may be so for a
    moment); only when it stays so is the cluster dead.
    """
    # A worker that fetches a file from elsewhere, or searches, is as busy as one that analyses.
    searching = Search.objects.filter(running_search()).count()
    fetching = UrlImport.objects.filter(running_import()).count()
    analysing = Analysis.objects.filter(state=State.PROCESSING, lease_until__gte=Now()).count()
    waiting = Q(state=State.QUEUED) | Q(state=State.PROCESSING, lease_until__lt=Now())
    woken = Q(attempts__lt=settings.TVIDZ.max_attempts, woken_at__isnull=False)
    work = Analysis.objects.filter(waiting & woken).exists()
    if fetching < settings.TVIDZ.url_imports_at_once:
        work = work or UrlImport.objects.filter(waiting_import() & woken).exists()
    work = work or Search.objects.filter(waiting_search() & woken).exists()
    lately = Q(started_at__gt=Now() - STALLED_AFTER)
    begun = any(
        kind._default_manager.filter(lately).exists() for kind in (Analysis, UrlImport, Search)
    )
    return fetching + searching + analysing < workers and work and not begun


def waiting_import() -> Q:
    """Imports from a URL that a worker may take."""
    state = UrlImport.State
    return Q(state=state.WAITING) | Q(state=state.FETCHING, lease_until__lt=Now())


def running_import() -> Q:
    """Imports from a URL that a living worker fetches."""
    return Q(state=UrlImport.State.FETCHING, lease_until__gte=Now())


def waiting_search() -> Q:
    """Searches that a worker may take."""
    state = Search.State
    return Q(state=state.WAITING) | Q(state=state.RUNNING, lease_until__lt=Now())


def running_search() -> Q:
    """Searches that a living worker does."""
    return Q(state=Search.State.RUNNING, lease_until__gte=Now())


def retry(analysis: Analysis) -> Analysis:
    """A fresh analysis of the same video; the old row stays as history."""
    return again(analysis.video_id)


def again(video_id: uuid.UUID) -> Analysis:
    """Queue the video anew, unless an analysis of it waits or runs: then that one is given.

    Raises NOT_FOUND for one that was deleted.
    """
    with transaction.atomic():
        rows = Video.objects.select_for_update().exclude(state=State.DELETED)
        video = rows.filter(pk=video_id).first()
        if video is None:
            raise not_found()
        unfinished = Analysis.objects.filter(video=video, state__in=UNFINISHED).first()
        if unfinished is not None:
            return unfinished
        video.state, video.error_code, video.error_message = State.QUEUED, "", ""
        video.save(update_fields=["state", "error_code", "error_message"])
        fresh = Analysis.objects.create(video=video)
        wake_after_commit(fresh.pk)
    return fresh


def _renewed(held: Claim) -> bool:
    try:
        renew(held)
    except LeaseLost:
        return False
    return True


def _held(held: Claim) -> Any:
    return Analysis.objects.filter(
        pk=held.analysis_id, token=held.token, worker=held.worker, state=State.PROCESSING
    )


def _set_aside(analysis_id: int) -> None:
    with transaction.atomic():
        analysis = (
            Analysis.objects.select_for_update(of=("self",))
            .select_related("video")
            .filter(pk=analysis_id, state__in=UNFINISHED)
            .filter(Q(state=State.QUEUED) | Q(lease_until__lt=Now()))
            .first()
        )
        if analysis is not None:
            _end(
                analysis,
                State.FAILED,
                "WORKER_LOST",
                f"The analysis was begun {analysis.attempts} times and its worker died each "
                "time. It was set aside; a moderator can start it again.",
                True,
            )


def _end(analysis: Analysis, state: State, code: str, message: str, retryable: bool) -> None:
    error = {"error_code": code, "error_message": message, "error_retryable": retryable}
    fields: dict[str, Any] = {"state": state, "finished_at": Now(), "lease_until": None, **error}
    if not code or state == State.PARTIAL:
        fields["progress"] = 1.0
    Analysis.objects.filter(pk=analysis.pk).update(**fields)
    Video.objects.filter(pk=analysis.video_id).update(state=state, **error)
