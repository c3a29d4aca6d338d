"""What there is to take in: files on disk, objects in S3, the lines of a manifest."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from django.conf import settings

from tvidz.backfill.manifest import S3_URL, Line
from videos.s3 import StorageUnavailable, answering, code_of, s3
from videos.uploads.s3.ingest import INCOMING

BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")


class NotPossible(Exception):
    """What was asked for cannot be done, as a sentence; nothing has been taken in."""


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A file, by its path without links."""

    path: str
    line: Line | None = None

    @property
    def text(self) -> str:
        return printable(self.path)


@dataclass(frozen=True, slots=True)
class InBucket:
    """An object; `etag` in its quotes and `size` in bytes as they were listed, if they were."""

    bucket: str
    key: str
    etag: str = ""
    size: int | None = None
    line: Line | None = None

    @property
    def text(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


Source = OnDisk | InBucket


def printable(path: str) -> str:
    """A path as text; the bytes of a name that is no UTF-8 as they are written in Python."""
    # Of a million paths most are the same text, which then is kept once.
    plain = path.isascii()
    return path if plain else os.fsencode(path).decode("utf-8", "backslashreplace")


def gather(places: Iterable[str], lines: Iterable[Line], folder: Path) -> list[Source]:
    """Every source once, in order; raises NotPossible.

    `places` are files, folders and s3:// addresses; paths of the manifest's `lines` begin at
    `folder`. What is both below a place and in a line is what the line says.
    """
    found: dict[str, Source] = {}
    for place in places:
        for source in _below(place):
            found[source.text] = source
    for line in lines:
        source = _of_line(line, folder)
        before = found.get(source.text)
        if before is not None and before.line is not None:
            told = f"line {line.number}: the same file as in line {before.line.number}."
            raise NotPossible(f"The manifest cannot be used:\n  {told}")
        found[source.text] = source
    return list(found.values())


def _below(place: str) -> Iterator[Source]:
    if place.startswith("s3://"):
        bucket, _, prefix = place.removeprefix("s3://").partition("/")
        yield from objects_below(bucket, prefix)
        return
    if not os.path.exists(place):
        raise NotPossible(f"{printable(place)} does not exist.")
    path = os.path.realpath(place)
    if os.path.isdir(path):
        yield from _files_below(path)
    else:
        yield OnDisk(path)


def _files_below(folder: str) -> Iterator[OnDisk]:
    """Files below a folder without links; hidden ones are left out, links to folders not taken."""
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError as error:
        raise NotPossible(f"{printable(folder)} cannot be read: {error.strerror}.") from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_symlink():
            if not entry.is_dir():
                yield OnDisk(os.path.realpath(entry.path))
        elif entry.is_dir():
            yield from _files_below(entry.path)
        elif entry.is_file():
            yield OnDisk(entry.path)


def objects_below(bucket: str, prefix: str) -> Iterator[InBucket]:
    """Objects at or below a prefix, as with folders; raises NotPossible.

    Hidden ones are left out, and so are those that browsers are putting there.
    """
    _refuse_our_own(bucket)
    if prefix and not prefix.endswith("/"):
        # The object of just that name comes first among those that begin with it.
        first = next(_listed(bucket, prefix), None)
        if first is not None and first["Key"] == prefix:
            yield InBucket(bucket, prefix, first["ETag"], first["Size"])
        prefix += "/"
    for listed in _listed(bucket, prefix):
        key = listed["Key"]
        hidden = any(part.startswith(".") for part in key[len(prefix) :].split("/"))
        if not (hidden or key.endswith("/") or _is_incoming(bucket, key)):
            yield InBucket(bucket, key, listed["ETag"], listed["Size"])


def _listed(bucket: str, prefix: str) -> Iterator[Any]:
    more: dict[str, Any] = {}
    while True:
        with _told(bucket):
            answer = s3().list_objects_v2(Bucket=bucket, Prefix=prefix, **more)
        yield from answer.get("Contents", [])
        if not answer.get("IsTruncated"):
            return
        more = {"ContinuationToken": answer["NextContinuationToken"]}


@contextmanager
def _told(bucket: str) -> Iterator[None]:
    """What S3 refuses, as a sentence."""
    try:
        with answering():
            yield
    except StorageUnavailable as error:
        if isinstance(error.__cause__, ClientError):
            code = code_of(error.__cause__)
            if code == "NoSuchBucket":
                raise NotPossible(f"S3 has no bucket {bucket}.") from None
            raise NotPossible(f"S3 does not let us look into {bucket}: {code}.") from None
        reason = str(error).partition("\n")[0]
        raise NotPossible(f"S3 cannot be reached: {reason}") from None


def _of_line(line: Line, folder: Path) -> Source:
    match = S3_URL.fullmatch(line.source)
    if match is None:
        return OnDisk(os.path.realpath(folder / line.source), line)
    bucket, key = match["bucket"], match["key"]
    _refuse_our_own(bucket)
    if _is_incoming(bucket, key):
        raise NotPossible(f"line {line.number}: what lies below {INCOMING} is being uploaded.")
    return InBucket(bucket, key, line=line)


def _refuse_our_own(bucket: str) -> None:
    if not BUCKET.fullmatch(bucket):
        raise NotPossible(f"s3://{bucket}: write s3://bucket/prefix.")
    options = settings.TVIDZ
    if options.storage == "s3" and bucket == options.s3_library_bucket:
        raise NotPossible(f"In the bucket {bucket} tvidz keeps the files that it has taken in.")


def _is_incoming(bucket: str, key: str) -> bool:
    return bucket == settings.TVIDZ.s3_bucket and key.startswith(INCOMING)
