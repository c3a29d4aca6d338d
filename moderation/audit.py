"""What of the record somebody may read: leads and the site's admins all, moderators their own."""

from django.db.models import Q, QuerySet

from moderation.models import Decision, Event
from moderation.queues import visible_to
from moderation.roles import Actor, AnyUser, moderator
from videos.errors import Refusal


def events_for(user: AnyUser) -> QuerySet[Event]:
    """The events that the user may read; whether they may read any, their permissions say."""
    actor = _limited(user)
    return Event.objects.all() if actor is None else Event.objects.filter(actor_id=actor.id)


def decisions_for(user: AnyUser, *, listed: bool) -> QuerySet[Decision]:
    """A list has a moderator's own; one by one also those about flags that they may look at."""
    actor = _limited(user)
    if actor is None:
        return Decision.objects.all()
    own = Q(moderator_id=actor.id)
    return Decision.objects.filter(own if listed else own | Q(flag__in=visible_to(actor)))


def _limited(user: AnyUser) -> Actor | None:
    """The moderator who reads their own, or None."""
    try:
        actor = moderator(user)
    except Refusal:
        return None
    return None if actor.is_lead else actor
