"""Deleting a video: one verb for pages, REST and admin, and nothing stays but a tombstone.

First the video is marked, which hides it from everybody, ends its analysis, writes the tombstone
with the list of its files, and tells those whom the settings name. Then its rows go in one
transaction, and then the files. The list is what is left to do: `look_after` finishes what a crash
cut off, and what takes long. Deleting again finds nothing left to do.
"""

import hashlib
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.cache import caches
from django.db import connection, transaction
from django.db.models import TextField
from django.db.models.functions import Cast, Now
from django.utils import timezone
from django.utils.module_loading import import_string

from videos import storage
from videos.access.visibility import Viewer, deleted_one, may_delete
from videos.models import (
    Analysis,
    DirectUpload,
    FrameInfo,
    PartialUpload,
    Search,
    State,
    Tombstone,
    Upload,
    UrlImport,
    Video,
    Visibility,
)
from videos.queue import LeaseLost
from videos.uploads import parts

log = structlog.get_logger(__name__)

# A worker whose analysis went may store something more for as many leases.
LEASES_TO_LOOK = 3
# A frame's rows take some milliseconds to go, most of them its word postings.
FEW_FRAMES = 600
# Seconds that somebody who deletes many videos is kept waiting.
PATIENCE = 5.0


def delete_for(viewer: Viewer, video_ids: Sequence[uuid.UUID]) -> int:
    """Delete those of the videos that are the viewer's to delete; how many they were.

    What was deleted already counts, so that asking twice is asking once. All are gone for everybody
    at once; the rows of long or many videos are left to the next look.
    """
    theirs = [number for number in video_ids if _may(viewer, number)]
    for number in theirs:
        _mark(number)
    begun = time.monotonic()
    for number in theirs:
        if time.monotonic() - begun < PATIENCE and _is_quick(number):
            _finish(number)
    return len(theirs)


def delete(video_id: uuid.UUID) -> None:
    """Delete the video with all that was made of it; a second time does nothing.

    Not for use within a transaction: files go when the rows are gone for good.
    """
    _mark(video_id)
    _finish(video_id)


def look_after() -> None:
    """Finish deletions that were cut off or left; remove what a worker stored meanwhile."""
    unfinished = Tombstone.objects.exclude(keys=[]).order_by("look_until")
    for number in unfinished.values_list("pk", flat=True)[:1000]:
        _finish(number)


@contextmanager
def leaving_nothing(video_id: uuid.UUID) -> Iterator[None]:
    """Where a worker loses its claim as the video is deleted, what it stored since goes, too."""
    try:
        yield
    except LeaseLost:
        if Tombstone.objects.filter(pk=video_id).exists():
            storage.remove(*_made_keys(video_id))
        raise


def staying(video_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the videos that are there; they are not deleted before the transaction ends.

    Whoever writes rows that name another video asks here first, in the same transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM videos_video WHERE id = ANY(%s) AND state <> %s ORDER BY id"
            " FOR KEY SHARE",
            [list(video_ids), str(State.DELETED)],
        )
        return {row[0] for row in cursor.fetchall()}


def was_deleted(origin: str) -> bool:
    """Whether a video that came from there was deleted: being told of it again is no arrival."""
    return Tombstone.objects.filter(origin_sha256=_sha256(origin)).exists()


def _may(viewer: Viewer, video_id: uuid.UUID) -> bool:
    video = Video.objects.filter(pk=video_id).first()
    if video is None:
        return deleted_one(viewer, video_id) is not None
    return may_delete(viewer, video)


def _is_quick(video_id: uuid.UUID) -> bool:
    return FrameInfo.objects.filter(video_id=video_id).count() <= FEW_FRAMES


def _mark(video_id: uuid.UUID) -> None:
    """Hide the video from everybody, take its analysis away, write the tombstone."""
    with transaction.atomic():
        # In the order in which a claim and every fenced write lock them.
        analyses = Analysis.objects.select_for_update().filter(video_id=video_id)
        running = State.PROCESSING in [analysis.state for analysis in analyses.order_by("pk")]
        video = Video.objects.select_for_update().filter(pk=video_id).first()
        if video is None or video.state == State.DELETED:
            return
        _tombstone(video, running)
        analyses.delete()
        _forget_arrival(video_id)
        _forget_name(video_id)
        for path in settings.TVIDZ_DELETION:
            import_string(path)(video_id)
        Video.objects.filter(pk=video_id).update(
            state=State.DELETED, visibility=Visibility.PRIVATE, filename="deleted", title=""
        )
    log.info("deleted", video=str(video_id))


def _finish(video_id: uuid.UUID) -> None:
    """Take away the rows of a marked video, then its files; another look ends what is left."""
    with transaction.atomic():
        # One at a time: two videos with links between them would wait for each other.
        if not _only_one():
            return
        if not Tombstone.objects.filter(pk=video_id).exists():
            return
        for row in Video.objects.select_for_update().filter(pk=video_id):
            row.delete()
            _forget_answers(video_id)
    _remove_files(Tombstone.objects.get(pk=video_id))


def _forget_answers(video_id: uuid.UUID) -> None:
    # The library has another version now, so nobody asks for kept ones any more; some tell of it.
    caches["answers"].clear()
    told = Search.objects.annotate(text=Cast("answer", TextField()))
    for search in told.filter(text__contains=str(video_id)):
        answer: Any = search.answer
        answer["rows"] = [row for row in answer["rows"] if row["ref"] != str(video_id)]
        Search.objects.filter(pk=search.pk).update(answer=answer)


def _only_one() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('tvidz deletion', 0))")
        return bool(cursor.fetchone()[0])


def _forget_arrival(video_id: uuid.UUID) -> None:
    Upload.objects.filter(video_id=video_id).delete()
    for kind in (PartialUpload, DirectUpload, UrlImport):
        for upload in kind._default_manager.filter(video_id=video_id):
            # The file came in whole long ago, so these bytes serve nobody, whatever happens next.
            if isinstance(upload, PartialUpload):
                parts.remove(upload.pk)
            upload.delete()


def _tombstone(video: Video, running: bool) -> None:
    origin = Upload.objects.filter(video=video).values_list("origin", flat=True).first()
    own = {video.storage_key, video.thumbnail_key, video.pictures_key} - {""}
    patience = timedelta(seconds=LEASES_TO_LOOK * settings.TVIDZ.lease_seconds)
    Tombstone.objects.create(
        id=video.pk,
        owner_id=video.owner_id,
        secret_sha256=video.secret_sha256,
        sha256=video.sha256,
        origin_sha256=_sha256(origin) if origin else "",
        uploaded_at=video.uploaded_at,
        keys=sorted(own | set(_made_keys(video.pk))),
        look_until=timezone.now() + (patience if running else timedelta()),
    )


def _forget_name(video_id: uuid.UUID) -> None:
    """The admin's history keeps who did what to which id, and no longer the name."""
    kind = ContentType.objects.get_for_model(Video)
    LogEntry.objects.filter(content_type=kind, object_id=str(video_id)).update(
        object_repr=str(video_id)
    )


def _remove_files(tombstone: Tombstone) -> None:
    """Remove what is listed, and the list once nobody can add to it; a later look ends the rest."""
    try:
        storage.remove(*tombstone.keys)
    except OSError as error:
        log.warning("files not removed yet", video=str(tombstone.pk), error=str(error))
        return
    Tombstone.objects.filter(pk=tombstone.pk, look_until__lte=Now()).update(keys=[])


def _made_keys(video_id: uuid.UUID) -> list[str]:
    """Where an analysis stores what it makes, whether or not the row tells of it yet."""
    return [storage.thumbnail_key(video_id), storage.pictures_key(video_id)]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
