"""A video of exactly the same bytes: what was made of the one is as good for the other."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.core.files import File
from django.db import connection, models

from videos import storage
from videos.models import FrameInfo, SceneCuts, State, Video

SETTLED = (State.READY, State.PARTIAL)
SAME_FRAME = """
JOIN videos_frameinfo AS old ON old.id = held.frame_id
JOIN videos_frameinfo AS new ON new.video_id = %(target)s
 AND new.extraction_version = old.extraction_version AND new.frame_number = old.frame_number
"""


def twins_of(video: Video) -> models.QuerySet[Video]:
    """Videos with the same SHA-256 whose analysis ended well, the oldest first."""
    same = Video.objects.filter(sha256=video.sha256, state__in=SETTLED).exclude(pk=video.pk)
    return same.order_by("uploaded_at", "pk")


def copy_frames(video: Video, twin: Video) -> None:
    """Give the video its twin's frames, scene cuts and warnings.

    Call it inside the fencing transaction; `copy_pictures` has been called before.
    """
    FrameInfo.objects.filter(video=video).delete()
    copy_rows(FrameInfo, twin.pk, video.pk)
    cuts = SceneCuts.objects.filter(video=twin).values_list("timestamps", flat=True).first()
    SceneCuts.objects.update_or_create(video=video, defaults={"timestamps": cuts or []})
    video.thumbnail_key = storage.thumbnail_key(video.id) if twin.thumbnail_key else ""
    video.pictures_key = storage.pictures_key(video.id) if twin.pictures_key else ""
    video.warnings = twin.warnings
    video.save(update_fields=["thumbnail_key", "pictures_key", "warnings"])


def copy_pictures(video: Video, twin: Video) -> None:
    """Store the twin's thumbnail and pictures for the video; FileNotFoundError if they are gone."""
    for theirs, ours in (
        (twin.thumbnail_key, storage.thumbnail_key(video.id)),
        (twin.pictures_key, storage.pictures_key(video.id)),
    ):
        if theirs:
            with storage.open_stored(theirs) as file:
                storage.put(ours, File(file))


def copy_rows(
    model: type[models.Model],
    source: uuid.UUID,
    target: uuid.UUID,
    where: Sequence[tuple[str, Any]] = (),
) -> None:
    """Copy a video's rows of a table to another video within the database.

    `where` limits them by (column, value). A row that belongs to a frame goes to the frame of the
    same number, which must be there.
    """
    columns = [str(field.column) for field in model._meta.concrete_fields if not field.primary_key]
    of_frame = "frame_id" in columns
    taken = {"video_id": "%(target)s", "frame_id": "new.id", "created_at": "now()"}
    chosen = ", ".join(taken.get(column, f"held.{column}") for column in columns)
    limits = "".join(f" AND held.{column} = %({column})s" for column, _ in where)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) "
            f"SELECT {chosen} FROM {model._meta.db_table} AS held "
            f"{SAME_FRAME if of_frame else ''} WHERE held.video_id = %(source)s{limits}",
            {"source": source, "target": target, **dict(where)},
        )
