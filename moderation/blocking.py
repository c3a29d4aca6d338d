"""A video is kept from the public as long as a claim under "block" has its effect on it.

What the claims say is the truth. The video follows in a transaction of its own, right after theirs;
what a crash left undone the look finds by `Claim.settled`.

Territories are on record with the claim. Nobody tells us from which country somebody looks, so a
block that is for some countries holds in all.
"""

import uuid
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.module_loading import import_string

from moderation.models import Claim, Policy
from moderation.states import APPLIED
from videos.models import State, Video

log = structlog.get_logger(__name__)

# Videos that one look settles.
AT_ONCE: Final = 500


def settle(video_id: uuid.UUID) -> None:
    """Block the video or give it back, as its claims say now."""
    claims = Claim.objects.filter(query_id=video_id)
    with transaction.atomic():
        rows = Video.objects.select_for_update(no_key=True).exclude(state=State.DELETED)
        video = rows.filter(pk=video_id).first()
        # Read after the lock: of two that settle, the second sees what the first did.
        seen = list(claims.filter(policy=Policy.BLOCK).values_list("pk", "version", "state"))
        blocked = any(state in APPLIED for _, _, state in seen)
        changed = video is not None and blocked != (video.blocked_at is not None)
        if changed:
            Video.objects.filter(pk=video_id).update(blocked_at=Now() if blocked else None)
    for pk, version, _ in seen:
        claims.filter(pk=pk, version=version, settled=False).update(settled=True)
    if changed:
        log.info("blocked" if blocked else "no longer blocked", video=str(video_id))
        for path in settings.TVIDZ_LOOK_AGAIN:
            import_string(path)(video_id)


def look_after() -> None:
    """Settle what was left between a claim's turn and the video."""
    left = Claim.objects.filter(settled=False).order_by("query_id")
    for video_id in left.values_list("query_id", flat=True).distinct()[:AT_ONCE]:
        settle(video_id)
