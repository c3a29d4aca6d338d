"""A video is deleted: its flags and claims end, its frozen pictures go, decisions and events stay.

`videos.deletion` calls this by a dotted path of the settings, in the transaction that hides the
video, and imports nothing upward.
"""

import uuid

from moderation import claims
from moderation.facts import flags_about
from moderation.ledger import moved
from moderation.models import Draft, FrozenPicture, Lease
from moderation.reasons import BySystem
from moderation.roles import SYSTEM


def video_deleted(video_id: uuid.UUID) -> None:
    """End every flag of a pair with the video; a second time finds none."""
    flags = list(flags_about([video_id]).select_for_update(of=("self",)))
    Lease.objects.filter(flag__in=flags).delete()
    Draft.objects.filter(flag__in=flags).delete()
    for flag in flags:
        facts = {"deleted": str(video_id)}
        moved(flag, "supersede", SYSTEM, reason=BySystem.VIDEO_DELETED, facts=facts)
    claims.end_all_of(flags, BySystem.VIDEO_DELETED)
    FrozenPicture.objects.filter(video_id=video_id).delete()
