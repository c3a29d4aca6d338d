"""Where the bytes of unfinished uploads lie: a folder each, a file for each request that wrote."""

import os
import shutil
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

COPY_BYTES = 1 << 20


def folder(upload_id: uuid.UUID) -> Path:
    return Path(settings.TVIDZ.var, "partial", upload_id.hex[:2], str(upload_id))


def part_path(upload_id: uuid.UUID, token: int) -> Path:
    """The file of the request that claimed the upload with `token`."""
    return folder(upload_id) / f"{token:08d}"


def open_part(upload_id: uuid.UUID, token: int) -> BinaryIO:
    """A new file to write to; a FileExistsError would mean that a token was given twice."""
    path = part_path(upload_id, token)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without a buffer of ours: what was written is the system's, even if we are killed.
    return path.open("xb", buffering=0)


def write_all(file: BinaryIO, content: bytes) -> None:
    """A system may write less than it was given."""
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def settle(file: BinaryIO) -> None:
    """Make sure that what was written survives a power cut."""
    os.fdatasync(file.fileno())


def join(upload_id: uuid.UUID, pieces: Iterable[tuple[Path, int]]) -> Path:
    """One file of the first so many bytes of each of `pieces`, in their order."""
    pieces = list(pieces)
    whole = folder(upload_id) / "whole"
    if len(pieces) == 1 and pieces[0][0].stat().st_size == pieces[0][1]:
        return pieces[0][0]
    whole.parent.mkdir(parents=True, exist_ok=True)
    with whole.open("wb") as target:
        for path, length in pieces:
            with path.open("rb") as source:
                _copy(source, target, length)
    return whole


def drop(upload_id: uuid.UUID, token: int) -> None:
    """Delete one file of an upload; none is no error."""
    part_path(upload_id, token).unlink(missing_ok=True)


def quiet(seconds: float) -> list[uuid.UUID]:
    """Uploads with a folder on this machine in which no file was begun for so long."""
    found = []
    for path in Path(settings.TVIDZ.var, "partial").glob("??/*"):
        try:
            if time.time() - path.stat().st_mtime > seconds:
                found.append(uuid.UUID(path.name))
        except (ValueError, FileNotFoundError):
            continue
    return found


def remove(upload_id: uuid.UUID) -> None:
    """Delete all files of an upload; none is no error."""
    shutil.rmtree(folder(upload_id), ignore_errors=True)


def _copy(source: BinaryIO, target: BinaryIO, length: int) -> None:
    left = length
    while left:
        block = source.read(min(left, COPY_BYTES))
        if not block:
            raise OSError(f"{source.name} is {left} bytes shorter than was recorded")
        target.write(block)
        left -= len(block)
