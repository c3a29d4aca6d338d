"""Where files lie. No other module knows; they hold keys.

Keys are made from the video's id alone, never from a name that somebody sent.
"""

import fcntl
import io
import os
import secrets
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO, cast

from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage

from videos.s3 import LibraryBucket, ObjectReader, answering, s3

WORKING = "work-"
FORM_SECONDS = 24 * 3600.0


def original_key(video_id: uuid.UUID, suffix: str) -> str:
    """A new key each time: who stores a video's file in vain takes away nobody's but his own."""
    return f"videos/{video_id.hex[:2]}/{video_id}-{secrets.token_hex(4)}{suffix}"


def thumbnail_key(video_id: uuid.UUID) -> str:
    return f"thumbnails/{video_id.hex[:2]}/{video_id}.jpg"


def pictures_key(video_id: uuid.UUID) -> str:
    return f"pictures/{video_id.hex[:2]}/{video_id}.pack"


def search_key(search_id: uuid.UUID) -> str:
    """Where the file of a search waits for its worker; no address serves what is below."""
    return f"searches/{search_id.hex[:2]}/{search_id}"


def quarantine_key(video_id: uuid.UUID) -> str:
    """Where malware lies: without a suffix, and no address serves what is below."""
    return f"quarantine/{video_id.hex[:2]}/{video_id}"


def put(key: str, content: File) -> None:
    """Store `content` under exactly `key`, replacing what was there; raises StorageUnavailable."""
    with answering():
        # S3 writes over what is there, and all at once.
        if _on_disk() and default_storage.exists(key):
            default_storage.delete(key)
        stored = default_storage.save(key, content)
    if stored != key:
        default_storage.delete(stored)
        raise RuntimeError(f"storage renamed {key} to {stored}")


def put_bytes(key: str, content: bytes) -> None:
    put(key, ContentFile(content))


def put_path(key: str, path: Path) -> None:
    with path.open("rb") as file:
        put(key, File(file))


def open_stored(key: str) -> BinaryIO:
    """Open for reading; FileNotFoundError when there is no such file."""
    if isinstance(default_storage, LibraryBucket):
        reader = ObjectReader(default_storage.bucket_name, key, size_of(key))
        return cast(BinaryIO, io.BufferedReader(reader))
    return cast(BinaryIO, default_storage.open(key, "rb").file)


def size_of(key: str) -> int:
    """Bytes of a stored file; FileNotFoundError when there is none."""
    if not key:
        raise FileNotFoundError("a file that was refused is not stored")
    with answering():
        return int(default_storage.size(key))


def remove(*keys: str) -> None:
    """Delete what exists of `keys`."""
    for key in keys:
        if key:
            with answering():
                default_storage.delete(key)


def free_bytes() -> int:
    """Free space where files are worked on, and where they are stored if that is a disk, too."""
    free = shutil.disk_usage(_work()).free
    if isinstance(default_storage, FileSystemStorage):
        folder = Path(default_storage.location)
        folder.mkdir(parents=True, exist_ok=True)
        free = min(free, shutil.disk_usage(folder).free)
    return free


@contextmanager
def local_copy(key: str) -> Iterator[Path]:
    """A path to read the file at: its own on a local disk, else a copy that goes afterwards."""
    if isinstance(default_storage, LibraryBucket):
        with work_folder() as folder:
            path = folder / Path(key).name
            with answering():
                s3().download_file(default_storage.bucket_name, key, str(path))
            yield path
    else:
        yield Path(default_storage.path(key))


@contextmanager
def work_folder() -> Iterator[Path]:
    """A folder for working files, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=WORKING, dir=_work()) as folder:
        # The lock ends with the process, however that ends: see clear_work.
        held = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_SH)
            yield Path(folder)
        finally:
            os.close(held)


def clear_work(seconds: float = 60.0) -> None:
    """Remove what killed processes left: working folders older than that, files of old forms."""
    for path in _work().glob(f"{WORKING}*"):
        try:
            if time.time() - path.stat().st_mtime < seconds:
                # It may have been made this moment, and be locked the next.
                continue
            folder = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(folder)
    for path in Path(settings.FILE_UPLOAD_TEMP_DIR).glob("*.upload*"):
        # Django's; nobody holds a lock on it, but no form is written to for so long.
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > FORM_SECONDS:
                path.unlink()


def work_file() -> IO[bytes]:
    """A file without a name to write and read, gone with its last user."""
    return tempfile.TemporaryFile(dir=_work())


def _work() -> Path:
    parent = settings.TVIDZ.var / "work"
    parent.mkdir(parents=True, exist_ok=True)
    return Path(parent)


def _on_disk() -> bool:
    return isinstance(default_storage, FileSystemStorage)
