"""Accounts, and what a browser uploaded before it had one."""

import uuid

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Sum

from videos.access.visibility import Viewer
from videos.models import State, Video
from videos.uploads.room import check_quota, lock_owner, taking_room


def unclaimed(viewer: Viewer) -> list[uuid.UUID]:
    """Uploads of this browser that belong to no account; for who is signed in."""
    if not viewer.user.is_authenticated or not viewer.session_uploads:
        return []
    rows = Video.objects.filter(pk__in=viewer.session_uploads, owner=None)
    return list(rows.exclude(state=State.DELETED).values_list("pk", flat=True))


def keep(viewer: Viewer) -> int:
    """Give what this browser uploaded to the account; how many they were. Raises QUOTA."""
    user = viewer.user
    if not isinstance(user, User):
        return 0
    with transaction.atomic():
        lock_owner(user)
        rows = Video.objects.filter(pk__in=unclaimed(viewer), owner=None)
        size = taking_room(rows).aggregate(bytes=Sum("size_bytes"))["bytes"] or 0
        check_quota(user, size, promised=False)
        return rows.update(owner=user)
