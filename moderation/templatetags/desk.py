"""The moderators' part of the admin's first page."""

from typing import Any, Final

from django import template
from django.utils import timezone

from moderation import statistics
from moderation.models import Flag, Lease
from moderation.queues import WAITING, counts
from moderation.roles import AnyUser, moderator
from moderation.statistics_page import (
    may_read_statistics,
    overturn_rate,
    percent,
    throughput,
)
from videos.errors import Refusal

register = template.Library()
DAYS: Final = 14


@register.simple_tag
def desk(user: AnyUser) -> dict[str, Any] | None:
    """What waits for a moderator and what was done; None for whoever is none.

    Moderators are told of their own decisions, leads of everybody's.
    """
    try:
        actor = moderator(user)
    except Refusal:
        return None
    waiting = counts(actor)
    states = [
        {**waiting[state], "state": state, "words": Flag.State(state).label.lower()}
        for state in WAITING
        if state in waiting
    ]
    held = Lease.objects.filter(moderator_id=actor.person, expires_at__gt=timezone.now())
    opened = [row["oldest"] for row in states if row["oldest"]]
    days = statistics.daily(statistics.last_days(DAYS), None if actor.is_lead else actor.id)
    decided, overturned = sum(day.whole for day in days), sum(day.part for day in days)
    return {
        "states": states,
        "waiting": sum(row["count"] for row in states),
        "overdue": sum(row["overdue"] for row in states),
        "oldest": min(opened, default=None),
        "mine": held.count(),
        "whose": "everybody" if actor.is_lead else "you",
        "days": DAYS,
        "decided": decided,
        "overturned": percent(overturned / decided if decided else None),
        "plots": [throughput(days), overturn_rate(days)],
        "statistics": may_read_statistics(user),
    }
