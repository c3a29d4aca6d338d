"""What may still speak of a video that was deleted: rows, files, pages."""

import uuid
from pathlib import Path

from django.conf import settings as django_settings
from django.db import connection

# A name that occurs nowhere else.
NAME = "harbour-at-dawn-7031.mp4"


def mentions(*words: str) -> dict[str, list[str]]:
    """Rows of all tables that hold one of the words anywhere, by table."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            like = " OR ".join(["lower(t::text) LIKE %s"] * len(words))
            cursor.execute(
                f'SELECT t::text FROM "{table}" AS t WHERE {like}',
                [f"%{word.lower()}%" for word in words],
            )
            if rows := [row[0] for row in cursor.fetchall()]:
                found[table] = rows
    return found


def files_of(video_id: uuid.UUID) -> list[Path]:
    folder = Path(django_settings.TVIDZ.var)
    return [path for path in folder.rglob("*") if path.is_file() and str(video_id) in str(path)]
