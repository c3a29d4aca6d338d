"""Who else is looking at a flag: a word for the screen, no lock."""

from datetime import timedelta
from typing import Final

from django.db.models.functions import Now

from moderation.models import Looking
from moderation.roles import Actor

# A screen says so every time it renews its lease or looks again, at least twice in this time.
SEEN_LATELY: Final = timedelta(seconds=40)


def seen(actor: Actor, flag_id: int) -> None:
    """The actor has this flag on the screen now."""
    Looking.objects.update_or_create(
        flag_id=flag_id,
        moderator_id=actor.id or 0,
        defaults={"name": actor.name, "seen_at": Now()},
    )


def left(actor: Actor, flag_id: int) -> None:
    Looking.objects.filter(flag_id=flag_id, moderator_id=actor.id or 0).delete()


def others_at(flag_id: int, moderator_id: int | None) -> list[str]:
    """Names of the others who had it on their screens just now."""
    lately = Looking.objects.filter(flag_id=flag_id, seen_at__gt=Now() - SEEN_LATELY)
    others = lately.exclude(moderator_id=moderator_id or 0).order_by("name")
    return list(others.values_list("name", flat=True))


def look_after() -> None:
    """Forget who looked a while ago."""
    Looking.objects.filter(seen_at__lt=Now() - 10 * SEEN_LATELY).delete()
