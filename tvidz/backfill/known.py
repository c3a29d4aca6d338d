"""What the library knows of sources already, asked of many at once and without reading a file."""

import hashlib
import os
import stat
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from moderation.models import Reference
from tvidz.backfill.sources import InBucket, OnDisk, Source
from videos.models import UNFINISHED, State, Upload
from videos.uploads.s3.ingest import object_origin


@dataclass(frozen=True, slots=True)
class Known:
    """A video that a source became; `holders` have rights in it."""

    video_id: uuid.UUID
    state: str
    stored: bool
    code: str
    message: str
    retryable: bool
    holders: frozenset[int] = frozenset()

    @property
    def settled(self) -> bool:
        """Whether another try would change nothing."""
        again = not self.stored or (self.state == State.FAILED and self.retryable)
        return not again and self.state not in UNFINISHED


def look_up(sources: Sequence[Source]) -> dict[Source, Known]:
    """Those of the sources that became videos, as they lie there now.

    A file is known by path, size and time of change, an object by the etag it was listed with.
    """
    marks = {mark: source for source in sources if (mark := _mark(source))}
    stamps = [mark for mark, source in marks.items() if isinstance(source, OnDisk)]
    origins = [mark for mark, source in marks.items() if isinstance(source, InBucket)]
    rows = [*uploads_by("stamp", stamps), *uploads_by("origin", origins)]
    holders: dict[uuid.UUID, set[int]] = {}
    pairs = Reference.objects.filter(video__in=[row.video_id for row in rows])
    for video_id, holder in pairs.values_list("video_id", "holder_id"):
        holders.setdefault(video_id, set()).add(holder)
    return {
        marks[mark]: Known(
            row.video_id,
            row.video.state,
            bool(row.video.storage_key),
            row.video.error_code,
            row.video.error_message,
            row.video.error_retryable,
            frozenset(holders.get(row.video_id, ())),
        )
        for row in rows
        if (mark := row.stamp if row.stamp in marks else row.origin) in marks
    }


def uploads_by(column: str, values: Sequence[str]) -> QuerySet[Upload]:
    """Uploads with one of many stamps or origins, and their videos."""
    # That none is empty must be said: among more than a hundred values PostgreSQL does not see it,
    # and leaves the index of those that are not empty unused.
    found = Upload.objects.filter(~Q((column, "")), (f"{column}__in", values))
    return found.select_related("video").only(
        *("stamp", "origin", "video__state", "video__storage_key", "video__error_code"),
        *("video__error_message", "video__error_retryable"),
    )


def stamp_of(text: str, there: os.stat_result) -> str:
    """A file by path, size and time of change: 64 hexadecimal digits."""
    told = f"{text}\0{there.st_size}\0{there.st_mtime_ns}"
    return hashlib.sha256(told.encode()).hexdigest()


def _mark(source: Source) -> str:
    """What its upload is found by; "" for what is not there or has to be asked for."""
    if isinstance(source, InBucket):
        return object_origin(source.bucket, source.key, source.etag) if source.etag else ""
    try:
        there = os.stat(source.path)
    except OSError:
        return ""
    return stamp_of(source.text, there) if stat.S_ISREG(there.st_mode) else ""
