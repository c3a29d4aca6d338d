"""accept(): the one way in. Every entrance ends here.

What can be refused is refused here, before anything is stored: an empty or unknown file, one too
large or too long, one nothing can be read of. What is accepted becomes a stored file, a Video, an
Upload and a queued Analysis in one transaction; a worker is woken after the commit.
"""

import hashlib
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from videos import storage
from videos.access.visibility import new_secret
from videos.errors import no_space, too_large
from videos.limits import media_limits
from videos.media.containers import HEAD_BYTES, Container, recognise
from videos.media.probe import Probe, probe
from videos.models import Analysis, Upload, Video
from videos.names import shown_name
from videos.queue import wake_after_commit

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Arrival:
    """A file that somebody hands in: where it lies now and what was said of it.

    `video_id` and `secret_sha256` are for who has told the uploader of them already.
    """

    path: Path
    declared_name: str
    entrance: Upload.Entrance
    owner: User | None = None
    origin: str = ""
    visibility: str = ""
    video_id: uuid.UUID = field(default_factory=uuid.uuid4)
    secret_sha256: str = ""


@dataclass(frozen=True)
class Accepted:
    """`secret` lets an anonymous uploader come back; it is shown this once, empty if it was."""

    video: Video
    analysis: Analysis
    secret: str


def accept(arrival: Arrival) -> Accepted:
    """Take the file in, or raise Refusal or MediaError with nothing stored."""
    size = arrival.path.stat().st_size
    _check_room(size)
    container = recognise_path(arrival.path)
    told = probe(arrival.path, container, media_limits())
    video_id = arrival.video_id
    key = storage.original_key(video_id, container.suffix)
    secret, digest = ("", arrival.secret_sha256) if arrival.secret_sha256 else new_secret()
    sha256 = sha256_of(arrival.path)
    try:
        storage.put_path(key, arrival.path)
    except OSError as error:
        storage.remove(key)
        log.error("storing failed", key=key, error=str(error))
        raise no_space() from error
    try:
        with transaction.atomic():
            video = Video.objects.create(
                id=video_id,
                owner=arrival.owner,
                secret_sha256=digest,
                filename=shown_name(arrival.declared_name),
                visibility=arrival.visibility or settings.TVIDZ.default_visibility,
                storage_key=key,
                mime=container.mime,
                demuxer=container.demuxer,
                media_type=container.media_type,
                size_bytes=size,
                sha256=sha256,
                **probed_fields(told),
            )
            Upload.objects.create(
                video=video,
                entrance=arrival.entrance,
                declared_name=arrival.declared_name.replace("\x00", "")[:4096],
                origin=arrival.origin,
            )
            analysis = Analysis.objects.create(video=video, probed=told.facts())
            wake_after_commit(analysis.pk)
    except BaseException:
        storage.remove(key)
        raise
    log.info("accepted", video=str(video.id), entrance=str(arrival.entrance), bytes=size)
    return Accepted(video, analysis, secret)


def recognise_path(path: Path) -> Container:
    """The container by its magic bytes; raises MediaError EMPTY or UNSUP."""
    with path.open("rb") as file:
        return recognise(file.read(HEAD_BYTES))


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


def _check_room(size: int) -> None:
    options = settings.TVIDZ
    if size > options.max_upload_mb << 20:
        raise too_large(options.max_upload_mb)
    free = storage.free_bytes()
    if free is not None and free - size < options.storage_reserve_mb << 20:
        raise no_space()
