"""The PartialUpload row: begin, claim, record, let go, finish, collect.

As with analyses every verb is one compare-and-swap against the database's clock. Bytes are on the
disk before `record` tells of them, so a crash leaves at most bytes that nobody counts.
"""

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from videos.errors import (
    Refusal,
    no_such_upload,
    scan_unavailable,
    upload_busy,
    upload_expired,
    wrong_offset,
)
from videos.heartbeat import beating
from videos.models import PartialUpload, Upload, UploadPart, Video
from videos.uploads import outcome, parts
from videos.uploads.accept import take_in
from videos.uploads.room import (
    check_quota,
    check_room,
    check_size,
    lock_owner,
    promised_bytes,
    quota_left,
)
from videos.uploads.tus_headers import filename

log = structlog.get_logger(__name__)

# A writer that is silent for so long may be overtaken; one that writes renews it all the time.
LEASE = timedelta(seconds=10)
# What has expired is still told to be gone for a while, instead of never having been there.
TOMBSTONE = timedelta(days=7)
# What the virus scanner gave no verdict on is sent to it again after so long.
SCAN_PAUSE = timedelta(minutes=1)
# A folder is there before its row where parts are joined, and no longer than that.
UNKNOWN_SECONDS = 3600.0


class WriterLost(Exception):
    """Another request writes to the upload now; this one must stop and write nothing more."""


@dataclass(frozen=True)
class Hold:
    """A request's right to write from `start` on; `token` names its part.

    `length` is the upload's, as known before or as told with this request; without one, `quota` is
    what its owner has left for all of it, if there is a limit.
    """

    upload_id: uuid.UUID
    token: int
    start: int
    length: int | None
    quota: int | None = None


@dataclass(frozen=True)
class Begun:
    """What a client tells when it begins an upload."""

    length: int | None
    metadata: str = ""
    kind: str = PartialUpload.Kind.WHOLE
    concat: str = ""
    owner: User | None = None
    session_key: str = ""
    secret_sha256: str = ""
    entrance: str = Upload.Entrance.API


def begin(told: Begun) -> PartialUpload:
    """A new upload without bytes; raises TOO_LARGE, QUOTA or NO_SPACE before any come."""
    with transaction.atomic():
        lock_owner(told.owner)
        _check_length(told.length, told.owner)
        return _made(told, told.length)


def begin_final(told: Begun, partial_ids: Sequence[uuid.UUID]) -> PartialUpload:
    """An upload made of finished partial ones, in that order.

    Raises NO_UPLOAD, UPLOAD_EXPIRED, UNFINISHED_PART.
    """
    with transaction.atomic():
        found = PartialUpload.objects.select_for_update().in_bulk(list(partial_ids))
        ordered = [found.get(part) for part in partial_ids]
        for partial in ordered:
            if partial is None or partial.kind != PartialUpload.Kind.PARTIAL:
                raise no_such_upload()
            if partial.owner_id != (told.owner.pk if told.owner else None):
                raise no_such_upload()
            if partial.expires_at < timezone.now():
                raise upload_expired()
            if partial.length is None or partial.received < partial.length:
                raise Refusal("UNFINISHED_PART", "Send all parts first, then join them.", 409)
        total = sum(partial.received for partial in ordered if partial is not None)
        # The parts themselves are what was promised.
        _check_length(total, told.owner, promised=False)
        made = _made(told, total)
        _take_over(made, [partial for partial in ordered if partial is not None])
    return made


def _made(told: Begun, length: int | None) -> PartialUpload:
    return PartialUpload.objects.create(
        kind=told.kind,
        owner=told.owner,
        session_key=told.session_key,
        secret_sha256=told.secret_sha256,
        entrance=told.entrance,
        length=length,
        metadata=told.metadata,
        concat=told.concat,
        expires_at=expiry(),
    )


def _take_over(final: PartialUpload, partials: Sequence[PartialUpload]) -> None:
    """Give the parts of others to one upload: their files by a second name, nothing is copied."""
    parts.folder(final.id).mkdir(parents=True, exist_ok=True)
    place = 0
    for token, part in enumerate(
        part for partial in partials for part in partial.parts.order_by("start")
    ):
        os.link(parts.part_path(part.upload_id, part.token), parts.part_path(final.id, token))
        UploadPart.objects.create(upload=final, token=token, start=place, length=part.length)
        place += part.length
    final.received, final.token = place, len(final.parts.all())
    final.save(update_fields=["received", "token"])
    # So that their bytes do not count twice once they are a video.
    joined = PartialUpload.objects.filter(pk__in=[partial.pk for partial in partials])
    joined.update(video_id=final.video_id)


def claim(upload_id: uuid.UUID, offset: int, length: int | None = None) -> Hold:
    """The right to write from `offset` on.

    `length` is what the request tells of the upload's; it is kept with the first bytes that count.
    Raises WRONG_OFFSET, UPLOAD_BUSY, LENGTH_KNOWN, TOO_LARGE, QUOTA and NO_SPACE, nothing changed.
    """
    rows = PartialUpload.objects.filter(pk=upload_id)
    may = Q(accepted_at=None, error_code="", received=offset) & _free()
    if length is not None:
        untold = rows.filter(length__isnull=True).select_related("owner").first()
        if untold is not None:
            _check_length(length, untold.owner, here=untold.received)
        may &= Q(length__isnull=True, received__lte=length) | Q(length=length)
    taken = rows.filter(may).update(
        token=F("token") + 1, lease_until=Now() + LEASE, asked_to_yield=False
    )
    row = rows.annotate(busy=~_free()).select_related("owner").first()
    if row is None:
        raise no_such_upload()
    if not taken:
        if row.busy and row.received <= offset:
            raise upload_busy()
        if row.received == offset and length not in (None, row.length):
            raise Refusal("LENGTH_KNOWN", "Upload-Length cannot be changed any more.", 400)
        raise wrong_offset(row.received)
    known = row.length if length is None else length
    left = None if known is not None else quota_left(row.owner)
    return Hold(upload_id, row.token, offset, known, None if left is None else offset + left)


def record(hold: Hold, written: int | None, *, last: bool = False) -> bool:
    """`written` bytes of this request are on disk; whether another request asks it to give way.

    With None nothing that the request brought counts. `last` lets go of the upload. Raises
    WriterLost.
    """
    kept: dict[str, Any] = {"lease_until": None if last else Now() + LEASE}
    if written is not None:
        kept |= {"received": hold.start + written, "length": hold.length}
    with transaction.atomic():
        rows = PartialUpload.objects.filter(pk=hold.upload_id, token=hold.token)
        if not rows.update(expires_at=expiry(), **kept):
            raise WriterLost
        if written:
            UploadPart.objects.update_or_create(
                upload_id=hold.upload_id,
                token=hold.token,
                defaults={"start": hold.start, "length": written},
            )
    return PartialUpload.objects.filter(pk=hold.upload_id, asked_to_yield=True).exists()


def why_lost(upload_id: uuid.UUID) -> Refusal:
    """What to tell a writer that is out; where the upload was terminated, its last bytes go."""
    if PartialUpload.objects.filter(pk=upload_id).exists():
        return upload_busy()
    parts.remove(upload_id)
    return no_such_upload()


def ask_to_yield(upload_id: uuid.UUID) -> bool:
    """Ask whoever writes to stop, so that the offset holds still; whether somebody writes.

    Who holds an upload that is all there accepts it: the offset stays as it is.
    """
    writing = PartialUpload.objects.filter(pk=upload_id, lease_until__gte=Now())
    return bool(writing.exclude(received=F("length")).update(asked_to_yield=True))


def finish(upload_id: uuid.UUID) -> PartialUpload:
    """Hand a file that is all there to `accept`, once; a second call finds it done.

    A refusal is kept with the upload. Raises Refusal for what may be tried again, and then again.
    """
    rows = PartialUpload.objects.select_related("owner").filter(pk=upload_id)
    taken = (
        _all_there()
        .filter(_free(), pk=upload_id)
        .update(token=F("token") + 1, lease_until=Now() + LEASE)
    )
    row = rows.first()
    if taken and row is not None:
        mine = PartialUpload.objects.filter(pk=upload_id, token=row.token)
        try:
            with beating(lambda: bool(mine.update(lease_until=Now() + LEASE)), LEASE.seconds / 3):
                _accept(row)
        except Exception:
            if not rows.exists():
                # Terminated meanwhile: of what went wrong with its bytes this is the reason.
                raise why_lost(upload_id) from None
            raise
        finally:
            mine.update(lease_until=None)
    left = rows.first()
    if left is None:
        raise no_such_upload()
    return left


def look_after() -> None:
    """Accept what was left when its server died or had no room, collect what has expired."""
    for upload_id in find_unaccepted():
        try:
            finish(upload_id)
        except Refusal as refusal:
            log.warning("upload not accepted yet", upload=str(upload_id), code=refusal.code)
            if refusal.code == scan_unavailable().code:
                # The next one would wait for the scanner as long and in vain; and this one shall
                # not be sent to it at every look.
                PartialUpload.objects.filter(pk=upload_id).update(lease_until=Now() + SCAN_PAUSE)
                break
    collect()


def is_written(row: PartialUpload) -> bool:
    """Whether a request writes to the upload, or held it when the row was read."""
    return row.lease_until is not None and row.lease_until > timezone.now()


def find_unaccepted() -> list[uuid.UUID]:
    """Uploads whose last byte is here and whose acceptance died or had to wait."""
    return list(_all_there().filter(_free()).values_list("pk", flat=True)[:100])


def terminate(upload_id: uuid.UUID) -> None:
    """Forget the upload and its bytes; a video it became stays."""
    rows = PartialUpload.objects.filter(pk=upload_id)
    with transaction.atomic():
        # A writer may be recording: without the lock its part would come after those that go.
        rows.select_for_update().first()
        rows.delete()
    parts.remove(upload_id)


def collect() -> int:
    """Delete the bytes of what has expired, and in time the rows; how many uploads had some.

    So with what is settled and still has its bytes: its server was killed before it came to that.
    """
    expired = PartialUpload.objects.filter(expires_at__lt=Now()).filter(_free())
    settled = PartialUpload.objects.filter(~Q(accepted_at=None, error_code="")).filter(_free())
    collected = 0
    for row in (expired | settled).filter(parts__isnull=False).distinct():
        _clear(row)
        collected += 1
    expired.filter(expires_at__lt=Now() - TOMBSTONE).delete()
    _clear_away()
    return collected


def _clear_away() -> None:
    """Remove bytes without a row: their account was deleted, or their server died in between."""
    found = parts.quiet(UNKNOWN_SECONDS)
    known = set(PartialUpload.objects.filter(pk__in=found).values_list("pk", flat=True))
    for upload_id in set(found) - known:
        parts.remove(upload_id)


def _accept(row: PartialUpload) -> None:
    video = Video.objects.filter(pk=row.video_id).first()
    if video is None:
        held = [(parts.part_path(row.id, part.token), part.length) for part in row.parts.all()]
        path = parts.join(row.id, held)
        video = take_in(outcome.arrival(row, path, filename(row.metadata)))
    outcome.settle(row, video)
    _clear(row)


def _clear(row: PartialUpload) -> None:
    # The rows last: as long as they are there, somebody will come back to this.
    parts.remove(row.id)
    row.parts.all().delete()


def _free() -> Q:
    return Q(lease_until__isnull=True) | Q(lease_until__lt=Now())


def _all_there() -> Any:
    return PartialUpload.objects.filter(
        received=F("length"), accepted_at=None, error_code=""
    ).exclude(kind=PartialUpload.Kind.PARTIAL)


def expiry() -> datetime:
    """When an upload expires to which bytes come now."""
    return timezone.now() + timedelta(hours=settings.TVIDZ.upload_expiry_hours)


def _check_length(
    length: int | None, owner: User | None, *, promised: bool = True, here: int = 0
) -> None:
    """Refuse what is too large, and what the disk could not hold beside what was promised.

    `here`: bytes of it that have come already, and count already.
    """
    if length is not None:
        check_size(length)
        check_quota(owner, max(length - here, 0), promised=promised)
    check_room(max((length or 0) - here, 0), promised_bytes())
