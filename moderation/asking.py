"""Who asks, looked up once a request: the admin asks for every button."""

from django.http import HttpRequest

from moderation.roles import Actor, moderator
from videos.errors import Refusal

_KEPT = "_moderation_actor"


def actor_of(request: HttpRequest) -> Actor | None:
    """The moderator or lead behind the request, or None."""
    if not hasattr(request, _KEPT):
        try:
            actor: Actor | None = moderator(request.user)
        except Refusal:
            actor = None
        setattr(request, _KEPT, actor)
    kept: Actor | None = getattr(request, _KEPT)
    return kept
