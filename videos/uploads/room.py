"""Whether there is room for a file: its own size, its owner's quota, the disk."""

from typing import TypeVar

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Now

from videos import storage
from videos.errors import no_space, over_quota, too_large
from videos.models import WITHHELD, DirectUpload, OpenUpload, PartialUpload, Video

Row = TypeVar("Row", bound=OpenUpload)


def check_size(size: int) -> None:
    """Raises TOO_LARGE."""
    options = settings.TVIDZ
    if size > options.max_upload_mb << 20:
        raise too_large(options.max_upload_mb)


def check_room(size: int, promised: int = 0) -> None:
    """Raises NO_SPACE where the disk could not hold `size` bytes more beside those `promised`."""
    if storage.free_bytes() - promised - size < settings.TVIDZ.storage_reserve_mb << 20:
        raise no_space()


def check_quota(owner: User | None, size: int, *, promised: bool = True) -> None:
    """Raises QUOTA where the owner's videos, with what is `promised`, would take too much."""
    left = quota_left(owner, promised=promised)
    if left is not None and size > left:
        raise over_quota(settings.TVIDZ.quota_mb)


def quota_left(owner: User | None, *, promised: bool = True) -> int | None:
    """Bytes that the owner may add, below zero where there are too many; None for no limit.

    Uploads without an account have no quota. Promised is what has been begun and is no video yet.
    """
    quota = settings.TVIDZ.quota_mb
    if owner is None or not quota:
        return None
    kept = taking_room(Video.objects.filter(owner=owner))
    taken = kept.aggregate(bytes=Sum("size_bytes"))["bytes"] or 0
    return (quota << 20) - taken - (_begun_bytes(owner) if promised else 0)


def taking_room(videos: QuerySet[Video]) -> QuerySet[Video]:
    """Those of the videos that count: not what was refused, or locked away, or is about to go."""
    return videos.exclude(storage_key="").exclude(state__in=WITHHELD)


def _begun_bytes(owner: User) -> int:
    """Bytes that the owner has announced, or sent of what has no length yet."""
    direct = open_uploads(DirectUpload).filter(owner=owner)
    resumable = open_uploads(PartialUpload).filter(owner=owner)
    # Parts count until the video that was made of them does, so what joins them does not.
    videos = taking_room(Video.objects.filter(owner=owner)).values("pk")
    joined = Q(kind=PartialUpload.Kind.FINAL) | Q(
        kind=PartialUpload.Kind.PARTIAL, video_id__in=videos
    )
    sums = (
        direct.aggregate(bytes=Sum("length")),
        resumable.exclude(joined).aggregate(bytes=Sum(Coalesce("length", "received"))),
    )
    return sum(each["bytes"] or 0 for each in sums)


def lock_owner(owner: User | None) -> None:
    """Let one transaction at a time add to an owner's videos, so that two do not both just fit."""
    if owner is not None and settings.TVIDZ.quota_mb:
        User.objects.select_for_update(no_key=True).get(pk=owner.pk)


def promised_bytes() -> int:
    """Bytes that unfinished uploads to our disk have announced and not sent yet."""
    left = open_uploads(PartialUpload).aggregate(bytes=Sum(F("length") - F("received")))
    return left["bytes"] or 0


def open_uploads(kind: type[Row]) -> QuerySet[Row]:
    """Uploads that are neither accepted nor refused nor expired."""
    return kind._default_manager.filter(accepted_at=None, error_code="", expires_at__gte=Now())
