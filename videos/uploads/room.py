"""Whether there is room for a file: its own size, its owner's quota, the disk."""

from typing import TypeVar

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import F, QuerySet, Sum
from django.db.models.functions import Now

from videos import storage
from videos.errors import no_space, over_quota, too_large
from videos.models import DirectUpload, OpenUpload, PartialUpload, State, Video

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
    """Raises QUOTA where the owner's videos, with what is `promised`, would take too much.

    Uploads without an account have no quota. Promised is what has been begun and is not all here.
    """
    quota = settings.TVIDZ.quota_mb
    if owner is None or not quota:
        return
    kept = Video.objects.filter(owner=owner).exclude(storage_key="").exclude(state=State.DELETED)
    taken = kept.aggregate(bytes=Sum("size_bytes"))["bytes"] or 0
    if promised:
        for kind in (PartialUpload, DirectUpload):
            begun = open_uploads(kind).filter(owner=owner).aggregate(bytes=Sum("length"))
            taken += begun["bytes"] or 0
    if taken + size > quota << 20:
        raise over_quota(quota)


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
