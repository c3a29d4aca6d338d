"""Uploads that a browser sends straight to the bucket, by addresses that we sign.

What is signed names the key, the size and the minutes; keys to the bucket never leave this server.
A file of up to one part goes as a form, a larger one by S3's own upload in parts, which a client
can go on with after a break: S3 tells which parts are there.
"""

import math
import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from botocore.exceptions import ClientError
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django_q.tasks import async_task

from videos.errors import Refusal, from_media, incomplete
from videos.media.errors import MediaError
from videos.models import DirectUpload, Upload
from videos.s3 import StorageUnavailable, answering, code_of, s3, s3_for_browsers
from videos.uploads.room import check_quota, check_room, check_size, lock_owner
from videos.uploads.s3.ingest import direct_key, take_in_object

log = structlog.get_logger(__name__)

# S3's own limits.
MOST_PARTS: Final = 10_000
# A wake-up that was lost is repeated.
WAKE_AGAIN: Final = timedelta(seconds=60)
# As with resumable uploads: what has expired is told to be gone for a while.
TOMBSTONE: Final = timedelta(days=7)
TYPE: Final = re.compile(r"(?:video|image)/[\w.+-]{1,100}|application/octet-stream", re.ASCII)


@dataclass(frozen=True)
class Announced:
    """A file somebody wants to send: its name, bytes and type, and who that is."""

    name: str
    length: int
    content_type: str = "application/octet-stream"
    owner: User | None = None
    secret_sha256: str = ""
    entrance: str = Upload.Entrance.API


def begin(announced: Announced) -> tuple[DirectUpload, dict[str, Any]]:
    """The upload, and how to send it: a form, or the size and number of its parts.

    Raises EMPTY, UNSUP, TOO_LARGE, QUOTA, NO_SPACE, StorageUnavailable.
    """
    options = settings.TVIDZ
    upload = DirectUpload(
        owner=announced.owner,
        secret_sha256=announced.secret_sha256,
        entrance=announced.entrance,
        declared_name=announced.name.replace("\x00", "")[:4096],
        length=announced.length,
        content_type=announced.content_type,
        expires_at=_expiry(),
    )
    with transaction.atomic():
        # One after the other, so that two do not both just fit.
        lock_owner(announced.owner)
        _check(announced)
        upload.save()
    if announced.length <= options.s3_part_mb << 20:
        return upload, {"form": _form(upload)}
    try:
        _begin_parts(upload)
    except BaseException:
        upload.delete()
        raise
    return upload, {"parts": {"bytes": upload.part_bytes, "count": _part_count(upload)}}


def _begin_parts(upload: DirectUpload) -> None:
    upload.part_bytes = _part_bytes(upload.length)
    with answering():
        made = s3().create_multipart_upload(
            Bucket=settings.TVIDZ.s3_bucket,
            Key=direct_key(upload.id),
            ContentType=upload.content_type,
        )
    upload.multipart_id = made["UploadId"]
    upload.save()


def part_addresses(upload: DirectUpload, numbers: list[int]) -> dict[str, str]:
    """Signed addresses to PUT the parts of these numbers (from 1) to, by number; raises PARTS."""
    if not upload.multipart_id or not all(1 <= n <= _part_count(upload) for n in numbers):
        raise Refusal("PARTS", "There is no part of that number in this upload.", 400)
    _open(upload)
    return {
        str(number): s3_for_browsers().generate_presigned_url(
            "upload_part",
            Params={
                "Bucket": settings.TVIDZ.s3_bucket,
                "Key": direct_key(upload.id),
                "UploadId": upload.multipart_id,
                "PartNumber": number,
                "ContentLength": _bytes_of_part(upload, number),
            },
            ExpiresIn=60 * settings.TVIDZ.s3_url_minutes,
        )
        for number in numbers
    }


def parts_there(upload: DirectUpload) -> list[dict[str, Any]]:
    """The parts that S3 has, by number: `number`, `bytes` and `etag`."""
    if not upload.multipart_id or upload.sent_at is not None:
        return []
    pages = s3().get_paginator("list_parts")
    with answering():
        return [
            {"number": part["PartNumber"], "bytes": part["Size"], "etag": part["ETag"]}
            for page in pages.paginate(**_multipart(upload))  # type: ignore[arg-type]
            for part in page.get("Parts", [])
        ]


def complete(upload: DirectUpload) -> DirectUpload:
    """The sender has sent it all: join the parts and have it taken in; a second call is the same.

    Raises INCOMPLETE.
    """
    if upload.sent_at is None and not (upload.accepted_at or upload.error_code):
        _open(upload)
        if upload.multipart_id:
            _join(upload)
        _check_there(upload)
        DirectUpload.objects.filter(pk=upload.pk, sent_at=None).update(
            sent_at=Now(), expires_at=_expiry()
        )
        wake(upload.pk)
        upload.refresh_from_db()
    return upload


def finish(upload_id: uuid.UUID) -> None:
    """Task: take in what was sent. The bucket's event does the same, whichever comes first."""
    take_in_object(settings.TVIDZ.s3_bucket, direct_key(upload_id))


def wake(upload_id: uuid.UUID) -> None:
    DirectUpload.objects.filter(pk=upload_id).update(woken_at=Now())
    transaction.on_commit(lambda: async_task(settings.TVIDZ_TASKS["finish_direct"], upload_id))


def abandon(upload: DirectUpload) -> None:
    """Forget the upload and what was sent of it; a video it became stays."""
    if not (upload.accepted_at or upload.error_code):
        _forget_bytes(upload)
    DirectUpload.objects.filter(pk=upload.pk).delete()


def look_after() -> None:
    """Wake a worker for what waits too long, and forget what has expired."""
    opened = DirectUpload.objects.filter(accepted_at=None, error_code="")
    unheard = Q(woken_at__isnull=True) | Q(woken_at__lt=Now() - WAKE_AGAIN)
    for upload_id in opened.filter(unheard, sent_at__isnull=False).values_list("pk", flat=True):
        wake(upload_id)
    for upload in opened.filter(sent_at=None, expires_at__lt=Now()):
        try:
            _forget_bytes(upload)
        except StorageUnavailable as error:
            log.warning("an expired upload stays", upload=str(upload.pk), error=str(error))
            return
        DirectUpload.objects.filter(pk=upload.pk).update(multipart_id="", error_code="EXPIRED")
    DirectUpload.objects.filter(expires_at__lt=Now() - TOMBSTONE).delete()


def _expiry() -> datetime:
    """Later than the last address that we sign now, as its bytes may be on their way then."""
    options = settings.TVIDZ
    kept = timedelta(hours=options.upload_expiry_hours)
    return timezone.now() + max(kept, timedelta(minutes=options.s3_url_minutes, hours=1))


def _check(announced: Announced) -> None:
    if announced.length == 0:
        raise from_media(MediaError("EMPTY"))
    if not TYPE.fullmatch(announced.content_type):
        raise from_media(MediaError("UNSUP"))
    check_size(announced.length)
    check_quota(announced.owner, announced.length)
    check_room(announced.length)


def _form(upload: DirectUpload) -> dict[str, Any]:
    """Address and fields of a form that S3 takes this one file from, under this one key."""
    fields = {"Content-Type": upload.content_type}
    signed = s3_for_browsers().generate_presigned_post(
        settings.TVIDZ.s3_bucket,
        direct_key(upload.id),
        Fields=dict(fields),
        Conditions=[fields, ["content-length-range", upload.length, upload.length]],
        ExpiresIn=60 * settings.TVIDZ.s3_url_minutes,
    )
    return {"url": signed["url"], "fields": signed["fields"]}


def _part_bytes(length: int) -> int:
    """As the setting says, or more where there would be too many parts."""
    least = math.ceil(length / MOST_PARTS)
    return max(settings.TVIDZ.s3_part_mb, math.ceil(least / (1 << 20))) << 20


def _part_count(upload: DirectUpload) -> int:
    return math.ceil(upload.length / upload.part_bytes)


def _bytes_of_part(upload: DirectUpload, number: int) -> int:
    return min(upload.part_bytes, upload.length - (number - 1) * upload.part_bytes)


def _open(upload: DirectUpload) -> None:
    if upload.sent_at is not None or upload.accepted_at or upload.error_code:
        raise Refusal("UPLOAD_OVER", "This upload is over. Begin a new one.", 409)


def _multipart(upload: DirectUpload) -> dict[str, str]:
    return {
        "Bucket": settings.TVIDZ.s3_bucket,
        "Key": direct_key(upload.id),
        "UploadId": upload.multipart_id,
    }


def _join(upload: DirectUpload) -> None:
    """Have S3 make one object of the parts, unless it has."""
    try:
        there = parts_there(upload)
    except StorageUnavailable as error:
        # Joined before, and we died before we could say so.
        if isinstance(error.__cause__, ClientError) and code_of(error.__cause__) == "NoSuchUpload":
            return
        raise
    if sum(part["bytes"] for part in there) != upload.length:
        raise incomplete(sum(part["bytes"] for part in there), upload.length)
    listed = [{"PartNumber": part["number"], "ETag": part["etag"]} for part in there]
    with answering():
        s3().complete_multipart_upload(
            **_multipart(upload),  # type: ignore[arg-type]
            MultipartUpload={"Parts": listed},  # type: ignore[typeddict-item]
        )


def _check_there(upload: DirectUpload) -> None:
    try:
        with answering():
            head = s3().head_object(Bucket=settings.TVIDZ.s3_bucket, Key=direct_key(upload.id))
    except FileNotFoundError:
        # Unless the bucket's event was quicker, and it has been taken in.
        upload.refresh_from_db()
        if not (upload.accepted_at or upload.error_code):
            raise incomplete(0, upload.length) from None
    else:
        if head["ContentLength"] != upload.length:
            raise incomplete(head["ContentLength"], upload.length)


def _forget_bytes(upload: DirectUpload) -> None:
    try:
        with answering():
            if upload.multipart_id:
                s3().abort_multipart_upload(**_multipart(upload))  # type: ignore[arg-type]
            s3().delete_object(Bucket=settings.TVIDZ.s3_bucket, Key=direct_key(upload.id))
    except FileNotFoundError:
        pass
    except StorageUnavailable as error:
        if not isinstance(error.__cause__, ClientError):
            raise
        if code_of(error.__cause__) != "NoSuchUpload":
            raise
