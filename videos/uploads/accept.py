"""accept(): the one way in. Every entrance ends here.

What can be refused is refused here, before anything is stored: an empty or unknown file, one too
large or too long, one nothing can be read of. What is accepted becomes a stored file, a Video, an
Upload and a queued Analysis in one transaction; a worker is woken after the commit.
"""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import Error as DatabaseError
from django.db import transaction

from videos import storage
from videos.access.visibility import new_secret
from videos.errors import Refusal, from_media, malware, no_space, no_storage
from videos.limits import media_limits
from videos.media.containers import HEAD_BYTES, Container, recognise
from videos.media.errors import MediaError
from videos.media.probe import Probe, probe
from videos.models import Analysis, State, Upload, Video
from videos.names import shown_name, shown_text
from videos.queue import wake_after_commit
from videos.s3 import StorageUnavailable
from videos.uploads.malware import found_in
from videos.uploads.room import check_quota, check_room, check_size, lock_owner

log = structlog.get_logger(__name__)

# The columns of Video that the first bytes would tell.
UNRECOGNISED = {"mime": "application/octet-stream", "demuxer": "", "media_type": "video"}


@dataclass(frozen=True)
class Arrival:
    """A file that somebody hands in: where it lies now and what was said of it.

    `origin` names where it was taken from, once: a second arrival from there is an IntegrityError,
    unless the first was refused. `video_id` and `secret_sha256` are for who has told the uploader
    of them already, `sha256` for who has read the file already; `stamp` see Upload. `confirm` is
    called in the transaction that makes the video and raises where it is not wanted any more.
    """

    path: Path
    declared_name: str
    entrance: Upload.Entrance
    owner: User | None = None
    origin: str = ""
    visibility: str = ""
    title: str = ""
    stamp: str = ""
    sha256: str = ""
    video_id: uuid.UUID = field(default_factory=uuid.uuid4)
    secret_sha256: str = ""
    confirm: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Accepted:
    """`secret` lets an anonymous uploader come back; it is shown this once, empty if it was."""

    video: Video
    analysis: Analysis
    secret: str


def accept(arrival: Arrival) -> Accepted:
    """Take the file in, or raise Refusal or MediaError.

    Nothing is stored of what is refused, but malware is kept in quarantine.
    """
    size = arrival.path.stat().st_size
    check_size(size)
    check_room(size)
    check_quota(arrival.owner, size, promised=False)
    if found := found_in(arrival.path):
        _set_aside(arrival, size, found)
        raise malware()
    container = recognise_path(arrival.path)
    told = probe(arrival.path, container, media_limits())
    key = storage.original_key(arrival.video_id, container.suffix)
    secret, digest = ("", arrival.secret_sha256) if arrival.secret_sha256 else new_secret()
    sha256 = arrival.sha256 or sha256_of(arrival.path)
    store(key, arrival.path)
    try:
        with transaction.atomic():
            lock_owner(arrival.owner)
            check_quota(arrival.owner, size, promised=False)
            video = _record(
                arrival,
                secret_sha256=digest,
                storage_key=key,
                size_bytes=size,
                sha256=sha256,
                **container_fields(container),
                **probed_fields(told),
            )
            analysis = Analysis.objects.create(video=video, probed=told.facts())
            wake_after_commit(analysis.pk)
    except BaseException:
        take_back(key)
        raise
    log.info("accepted", video=str(video.id), entrance=str(arrival.entrance), bytes=size)
    return Accepted(video, analysis, secret)


def take_in(arrival: Arrival) -> Video:
    """accept() where nobody waits for the answer: a refusal stands on a failed video.

    So it is with resumable uploads, S3 and backfill. Raises Refusal only for what may be tried
    again.
    """
    try:
        return accept(arrival).video
    except (Refusal, MediaError) as error:
        refusal = from_media(error) if isinstance(error, MediaError) else error
        if refusal.retryable:
            raise refusal from error
    # Malware stands already, in quarantine.
    known = Video.objects.filter(pk=arrival.video_id).first()
    return known or refuse(arrival, refusal, arrival.path.stat().st_size)


def refuse(arrival: Arrival, refusal: Refusal, size: int) -> Video:
    """A failed video without a stored file, of `size` bytes; `arrival.path` need not be there."""
    with transaction.atomic():
        video = _record(
            arrival,
            secret_sha256=arrival.secret_sha256,
            size_bytes=size,
            state=State.FAILED,
            error_code=refusal.code,
            error_message=refusal.message,
            **_recognised_fields(arrival.path),
        )
    log.info("refused", video=str(video.id), entrance=str(arrival.entrance), code=refusal.code)
    return video


def recognise_path(path: Path) -> Container:
    """The container by its magic bytes; raises MediaError EMPTY or UNSUP."""
    with path.open("rb") as file:
        return recognise(file.read(HEAD_BYTES))


def container_fields(container: Container) -> dict[str, str]:
    """The columns of Video that the first bytes tell."""
    return {
        "mime": container.mime,
        "demuxer": container.demuxer,
        "media_type": container.media_type,
    }


def probed_fields(told: Probe) -> dict[str, object]:
    """The columns of Video that probing fills."""
    still = told.container.media_type == "image"
    return {
        "duration": 0.0 if still else told.duration,
        "codec": told.codec,
        "width": told.width,
        "height": told.height,
        "frame_rate": None if still else told.frame_rate,
    }


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _set_aside(arrival: Arrival, size: int, found: str) -> None:
    """Keep malware where no address serves it, on a quarantined video that says what it is."""
    if arrival.origin and Upload.objects.filter(origin=arrival.origin).exists():
        # A folder that is backfilled again brings the same file again.
        return
    key = storage.quarantine_key(arrival.video_id)
    store(key, arrival.path)
    try:
        with transaction.atomic():
            _record(
                arrival,
                secret_sha256=arrival.secret_sha256,
                storage_key=key,
                size_bytes=size,
                sha256=sha256_of(arrival.path),
                state=State.QUARANTINED,
                error_code=malware().code,
                # For staff; others are told without the name, see serializers.error_json.
                error_message=f"clamd found {found[:200]}.",
                **UNRECOGNISED,
            )
    except BaseException:
        take_back(key)
        raise
    log.warning("malware found", video=str(arrival.video_id), found=found)


def store(key: str, path: Path) -> None:
    """Put the file into the storage; raises NO_STORAGE, NO_SPACE."""
    try:
        storage.put_path(key, path)
    except StorageUnavailable as error:
        log.error("no storage", key=key, error=str(error))
        raise no_storage() from error
    except OSError as error:
        storage.remove(key)
        log.error("storing failed", key=key, error=str(error))
        raise no_space() from error


def take_back(key: str) -> None:
    """Remove a video's file that was stored in vain; one that a row may name stays.

    Where the connection broke at the commit, the rows can be there though we were not told: a file
    too many does less harm than one too few.
    """
    try:
        if not Video.objects.filter(storage_key=key).exists():
            storage.remove(key)
    except (DatabaseError, OSError) as error:
        log.error("a stored file may belong to nobody", key=key, error=str(error))


def _record(arrival: Arrival, **fields: Any) -> Video:
    """The Video and Upload of an arrival, in place of an earlier refusal of the same origin."""
    arrival.confirm()
    if arrival.origin:
        Video.objects.filter(
            upload__origin=arrival.origin, state=State.FAILED, storage_key=""
        ).delete()
    video = Video.objects.create(
        id=arrival.video_id,
        owner=arrival.owner,
        filename=shown_name(arrival.declared_name),
        title=shown_text(arrival.title)[:255],
        visibility=arrival.visibility or settings.TVIDZ.default_visibility,
        **fields,
    )
    Upload.objects.create(
        video=video,
        entrance=arrival.entrance,
        declared_name=arrival.declared_name.replace("\x00", "")[:4096],
        origin=arrival.origin,
        stamp=arrival.stamp,
    )
    return video


def _recognised_fields(path: Path) -> dict[str, str]:
    try:
        return container_fields(recognise_path(path))
    except (MediaError, OSError):
        return UNRECOGNISED
