"""The UrlImport row: begin, claim, fetch, find what was dropped.

As with analyses the row is the queue and every verb one compare-and-swap against the database's
clock. A worker that dies loses what it fetched: another begins from the first byte.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils.http import parse_header_parameters
from django_q.tasks import async_task

from videos import outgoing
from videos.access.visibility import sees_all
from videos.advisory import only_one
from videos.errors import (
    Refusal,
    no_space,
    no_such_import,
    too_large,
    too_many_imports,
    url_import_off,
    url_refused,
    url_status,
    url_unreachable,
)
from videos.heartbeat import beating
from videos.leased import LeasedRow, give_up_spent, lease_end, unheard
from videos.models import State as VideoState
from videos.models import Upload, UrlImport, Video
from videos.queue import BEATS_A_LEASE, running_import, waiting_import
from videos.serializers import error_json
from videos.uploads.accept import Arrival, take_in
from videos.uploads.room import check_quota, check_room

log = structlog.get_logger(__name__)

State = UrlImport.State
UNFINISHED: Final = (State.WAITING, State.FETCHING)
# How often a fetch tells how far it is, learns whether it is still its own, and looks for room.
RECORD_SECONDS: Final = 1.0
# A refused one stands on its owner's page so long, unless they take it away.
SHOWN: Final = timedelta(days=1)
# Rows of what has ended go after a while, and the addresses in them.
KEPT: Final = timedelta(days=7)


class ImportLost(Exception):
    """Another worker fetches this now; this one must stop and write nothing more."""


@dataclass(frozen=True)
class Held(LeasedRow):
    """A worker's hold on an import; `token` fences its writes and names its folder."""

    row: UrlImport
    working = State.FETCHING
    lost = ImportLost


def begin(url: str, owner: User) -> UrlImport:
    """An import that waits for a worker; raises URL_REFUSED, TOO_MANY_IMPORTS."""
    try:
        outgoing.read_url(url)
    except outgoing.AddressRefused as error:
        log.info("import refused", reason=str(error))
        raise url_refused() from error
    limit = settings.TVIDZ.url_imports_waiting
    with transaction.atomic():
        # One request of a person after the other, so that together they keep to the limit.
        User.objects.select_for_update(no_key=True).get(pk=owner.pk)
        if UrlImport.objects.filter(owner=owner, state__in=UNFINISHED).count() >= limit:
            raise too_many_imports(limit)
        made = UrlImport.objects.create(url=url, owner=owner)
        transaction.on_commit(partial(wake, made.pk))
    return made


def look_up(import_id: uuid.UUID, user: Any) -> UrlImport:
    """The import, for whoever began it and for staff; raises NO_IMPORT."""
    row = UrlImport.objects.filter(pk=import_id).first()
    if row is None or not (sees_all(user) or row.owner_id == user.pk):
        raise no_such_import()
    return row


def open_imports(owner: User) -> QuerySet[UrlImport]:
    """What the owner may wait for, or try again: not finished, or refused a short while ago."""
    lately = Q(state=State.REFUSED, finished_at__gt=Now() - SHOWN)
    return UrlImport.objects.filter(Q(state__in=UNFINISHED) | lately, owner=owner)


def give_up(row: UrlImport) -> None:
    """Forget it; a worker that fetches it stops. What was taken in by then stays, as a video."""
    UrlImport.objects.filter(pk=row.pk).delete()


def wake(import_id: uuid.UUID) -> None:
    UrlImport.objects.filter(pk=import_id).update(woken_at=Now())
    async_task(settings.TVIDZ_TASKS["import"], str(import_id))


def claim(import_id: uuid.UUID) -> Held | None:
    """Take the import if it waits or its lease ran out and there is a place, else None."""
    with only_one("claim of an import"), transaction.atomic():
        others = UrlImport.objects.exclude(pk=import_id)
        if others.filter(running_import()).count() >= settings.TVIDZ.url_imports_at_once:
            return None
        taken = UrlImport.objects.filter(
            waiting_import(), pk=import_id, attempts__lt=settings.TVIDZ.max_attempts
        ).update(
            state=State.FETCHING,
            attempts=F("attempts") + 1,
            token=F("token") + 1,
            lease_until=lease_end(),
            started_at=Now(),
            received=0,
            length=None,
        )
        if not taken:
            return None
        row = UrlImport.objects.select_related("owner").get(pk=import_id)
    return Held(row, row.token)


def fetch(import_id: str) -> str:
    """Task: fetch and accept the file if nobody else does; returns how it ended."""
    held = claim(uuid.UUID(import_id))
    if held is None:
        return "not free"
    structlog.contextvars.bind_contextvars(url_import=import_id, token=held.token)
    try:
        with beating(held.renewed, settings.TVIDZ.lease_seconds / BEATS_A_LEASE):
            ended = _end(held)
        _wake_next()
    except ImportLost:
        log.warning("import lost to another worker, stopped")
        return "lost"
    except (OperationalError, InterfaceError):
        log.exception("database lost, leaving the import to its lease")
        connection.close()
        return "lost"
    finally:
        shutil.rmtree(_folder(held), ignore_errors=True)
        structlog.contextvars.unbind_contextvars("url_import", "token")
    return ended


def look_after() -> None:
    """Give up what was begun too often, wake what waits or lost its worker, clear away."""
    waiting = UrlImport.objects.filter(waiting_import())
    told = "Fetching this was begun several times and the worker died each time."
    give_up_spent(waiting, State.REFUSED, told)
    _wake_some(unheard())
    UrlImport.objects.filter(finished_at__lt=Now() - KEPT).delete()
    _clear_away()


def _end(held: Held) -> str:
    """Fetch and accept, and bring the row to a state one can see, whatever happens."""
    try:
        video = _taken_in(held)
    except Refusal as refusal:
        return _refuse(held, refusal)
    except (ImportLost, OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("import failed")
        told = "Something went wrong on our side. Trying again may help."
        return _refuse(held, Refusal("INTERNAL", told, 500, retryable=True))
    if not video.storage_key or video.state == VideoState.QUARANTINED:
        error = error_json(video) or {}
        return _refuse(held, Refusal(video.error_code, error.get("message", "")))
    held.update(state=State.ACCEPTED, finished_at=Now(), lease_until=None)
    log.info("imported", video=str(video.id))
    return str(State.ACCEPTED)


def _refuse(held: Held, refusal: Refusal) -> str:
    held.update(
        state=State.REFUSED,
        finished_at=Now(),
        lease_until=None,
        error_code=refusal.code,
        error_message=refusal.message,
        error_retryable=refusal.retryable,
    )
    log.info("import refused", code=refusal.code)
    return refusal.code


def _taken_in(held: Held) -> Video:
    """The video that the file has become, be it a failed one; raises Refusal."""
    row = held.row
    # If there is a video, whoever had it taken in died before telling it here.
    video = Video.objects.filter(pk=row.video_id).first()
    if video is None:
        if not settings.TVIDZ.url_import:
            raise url_import_off()
        with _as_refusals():
            path, name = _fetched(held)
        held.update()
        arrival = Arrival(path, name, Upload.Entrance.URL, row.owner, video_id=row.video_id)
        video = take_in(arrival)
    return video


def _fetched(held: Held) -> tuple[Path, str]:
    """The file in a folder of this attempt, and the name it goes by; raises OutgoingError."""
    options = settings.TVIDZ
    limits = outgoing.Limits(options.max_upload_mb << 20, options.url_import_seconds)
    with outgoing.get(held.row.url, limits) as answer:
        if answer.status != 200:
            raise url_status(answer.status)
        check_room(answer.length or 0)
        check_quota(held.row.owner, answer.length or 0)
        held.update(length=answer.length)
        folder = _folder(held)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "file"
        try:
            _write(held, path, answer.blocks)
        except OSError as error:
            log.error("storing failed", error=str(error))
            raise no_space() from error
        return path, declared_name(answer)


def _write(held: Held, path: Path, blocks: Iterator[bytes]) -> None:
    received, recorded_at = 0, monotonic()
    with path.open("wb") as file:
        for block in blocks:
            file.write(block)
            received += len(block)
            if monotonic() - recorded_at >= RECORD_SECONDS:
                recorded_at = monotonic()
                held.update(received=received)
                check_room(0)
    held.update(received=received)


@contextmanager
def _as_refusals() -> Iterator[None]:
    """What went wrong outside, as it is told; the log has the reason."""
    try:
        yield
    except outgoing.AddressRefused as error:
        log.warning("address refused", reason=str(error))
        raise url_refused() from error
    except outgoing.Unreachable as error:
        log.info("address not reached", reason=str(error))
        raise url_unreachable() from error
    except outgoing.TooManyBytes as error:
        raise too_large(settings.TVIDZ.max_upload_mb) from error


def declared_name(answer: outgoing.Answer) -> str:
    """The file's name as the server tells it, else the last part of its address's path."""
    try:
        told = parse_header_parameters(answer.headers.get("content-disposition", "")[:4096])[1]
        name = str(told.get("filename", ""))
    except (ValueError, LookupError):
        # An encoding that nobody knows.
        name = ""
    name = name or unquote(urlsplit(answer.url).path.rpartition("/")[2])
    # Some encodings make halves of characters, which no database takes.
    return name.encode("utf-8", "replace").decode()


def _folder(held: Held) -> Path:
    return _folders() / f"{held.row.pk}-{held.token}"


def _folders() -> Path:
    return Path(settings.TVIDZ.var, "work", "imports")


def _clear_away() -> None:
    """Remove what dead workers of this machine left."""
    if not _folders().is_dir():
        return
    # Before the rows: a folder is made after its claim.
    found = os.listdir(_folders())
    fetching = UrlImport.objects.filter(state=State.FETCHING).values_list("pk", "token")
    kept = {f"{pk}-{token}" for pk, token in fetching}
    for name in set(found) - kept:
        shutil.rmtree(_folders() / name, ignore_errors=True)


def _wake_next() -> None:
    """There is a place again."""
    _wake_some(Q())


def _wake_some(which: Q) -> None:
    """Wake the oldest of those that are free, no more than there are places."""
    places = settings.TVIDZ.url_imports_at_once
    oldest = UrlImport.objects.filter(waiting_import()).filter(which).order_by("created_at")
    for import_id in oldest.values_list("pk", flat=True)[:places]:
        wake(import_id)
