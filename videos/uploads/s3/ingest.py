"""Take an object of a bucket into the library, once, however often one is told of it."""

import shutil
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction

from videos import storage
from videos.advisory import only_one
from videos.deletion import was_deleted
from videos.errors import Refusal, size_differs
from videos.models import DirectUpload, S3Key, Upload, Video
from videos.s3 import ObjectReader, answering, s3
from videos.uploads import outcome
from videos.uploads.accept import Arrival, refuse, take_in
from videos.uploads.room import check_room, check_size
from videos.uploads.s3.events import ObjectEvent, is_older

log = structlog.get_logger(__name__)

# Objects that browsers put into the bucket: each under the id of its upload.
INCOMING = "incoming/"
COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class _Found:
    """An object as it lies in its bucket now; `etag` as S3 tells it, in its quotes."""

    bucket: str
    key: str
    size: int
    etag: str

    @property
    def origin(self) -> str:
        return object_origin(self.bucket, self.key, self.etag)


def handle(event: ObjectEvent) -> None:
    """Do what an event asks for, unless a newer one of the same object has been here.

    Raises Refusal, StorageUnavailable or a database error for what is to be tried again.
    """
    if event.key.startswith(INCOMING):
        # Ours goes when it has been taken in, and no other event of it matters.
        if event.made:
            take_in_object(event.bucket, event.key)
    elif not _note(event):
        log.info("an older event, passed over", bucket=event.bucket, key=event.key)
    elif event.made:
        take_in_object(event.bucket, event.key)


def take_in_object(
    bucket: str, key: str, *, again: bool = False, arrival: Arrival | None = None
) -> Video | None:
    """The video that the object has become; None for no such object or a deleted video.

    What is refused becomes a failed video, which `again` tries anew. The object stays where it is,
    but for one that a browser put there. `arrival` tells entrance, owner, title and visibility,
    where somebody has said them; its path and origin are not looked at. Raises as `handle`.
    """
    with only_one(f"s3://{bucket}/{key}"):
        try:
            with answering():
                head = s3().head_object(Bucket=bucket, Key=key)
        except FileNotFoundError:
            log.info("no such object any more", bucket=bucket, key=key)
            return None
        size = head["ContentLength"]
        found = _Found(bucket, key, size, head["ETag"])
        known = Video.objects.filter(upload__origin=found.origin).first()
        # Who names it on purpose, as in a backfill, has it taken in once more.
        if known is None and not again and was_deleted(found.origin):
            log.info("an object whose video was deleted, passed over", bucket=bucket, key=key)
            if key.startswith(INCOMING):
                _delete(found)
            return None
        if key.startswith(INCOMING):
            return _direct(found, known)
        if known is None or (again and not known.storage_key):
            told = arrival or Arrival(Path(), key, Upload.Entrance.S3)
            known = _fetch(found, replace(told, path=Path(), origin=found.origin))
        return known


def object_origin(bucket: str, key: str, etag: str) -> str:
    """Where a video came from, of an object's content; `etag` as S3 tells it, in its quotes."""
    return f"s3://{bucket}/{key}#{etag.strip(chr(34))}"


def direct_key(upload_id: uuid.UUID) -> str:
    """Where the sender of a DirectUpload puts its file."""
    return f"{INCOMING}{upload_id}"


def _note(event: ObjectEvent) -> bool:
    """Keep the event as the newest of its object; False when a newer one is known."""
    with transaction.atomic():
        row, _ = S3Key.objects.select_for_update().get_or_create(bucket=event.bucket, key=event.key)
        if is_older(event.sequencer, row.sequencer):
            return False
        row.sequencer, row.removed = event.sequencer or row.sequencer, not event.made
        row.save()
    return True


def _direct(found: _Found, known: Video | None) -> Video | None:
    """The video of a browser's object, which goes then; None for an upload that nobody began."""
    upload = _upload_of(found)
    if upload is None:
        log.info("an object of no upload, passed over", bucket=found.bucket, key=found.key)
        return known
    # What was sent once more before we could say that it is in changes nothing.
    known = known or Video.objects.filter(pk=upload.video_id).first()
    if upload.accepted_at or upload.error_code:
        # It was not deleted when that was settled, or came afterwards.
        _delete(found)
        return known
    if known is None:
        arrival = outcome.arrival(upload, Path(), upload.declared_name, found.origin)
        try:
            known = _fetch(found, arrival, upload.length)
        except Refusal:
            if DirectUpload.objects.filter(pk=upload.pk).exists():
                raise
            log.info("an upload given up meanwhile, passed over", upload=str(upload.pk))
            return None
    outcome.settle(upload, known)
    _delete(found)
    return known


def _delete(found: _Found) -> None:
    with answering():
        s3().delete_object(Bucket=found.bucket, Key=found.key)


def _upload_of(found: _Found) -> DirectUpload | None:
    if found.bucket != settings.TVIDZ.s3_bucket:
        return None
    try:
        upload_id = uuid.UUID(found.key.removeprefix(INCOMING))
    except ValueError:
        return None
    return DirectUpload.objects.select_related("owner").filter(pk=upload_id).first()


def _fetch(found: _Found, arrival: Arrival, declared: int | None = None) -> Video:
    """Take in what lies there; what is refused by its size alone is not fetched."""
    try:
        check_size(found.size)
        if declared not in (None, found.size):
            raise size_differs(declared, found.size)
    except Refusal as refusal:
        return refuse(arrival, refusal, found.size)
    check_room(found.size)
    with storage.work_folder() as folder:
        path = folder / "object"
        reader = ObjectReader(found.bucket, found.key, found.size, found.etag)
        with path.open("wb") as file:
            shutil.copyfileobj(reader, file, COPY_BYTES)
        return take_in(replace(arrival, path=path))
