"""The querysets behind each queue: who sees which flags, in which order, by which filters."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth.models import Group
from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from moderation.models import Flag, Lease, Queue
from moderation.roles import Actor, involving

ORDER: Final = ("-place", "due_at", "pk")
WAITING: Final = (
    *(Flag.State.OPEN, Flag.State.LEASED),
    *(Flag.State.SECOND_REVIEW, Flag.State.ESCALATED),
)


@dataclass(frozen=True)
class Wanted:
    """Filters of a queue; None or empty for all of it. Ages are hours since it was opened.

    `after` is a flag: only what comes after it in the queue's order.
    """

    state: str = Flag.State.OPEN
    policy: str | None = None
    holder: int | None = None
    kind: str = ""
    least_score: float = 0.0
    most_score: float = 1.0
    older_than: float = 0.0
    overdue: bool = False
    held_by: int | None = None
    after: int | None = None


def visible_to(actor: Actor) -> QuerySet[Flag]:
    """The flags that the actor's groups allow; a lead sees every one.

    Several queues add up; who is in no group that has one sees all.
    """
    flags = Flag.objects.all()
    if actor.is_lead:
        return flags
    groups = Group.objects.filter(user=actor.id)
    queues = Queue.objects.filter(group__in=groups).prefetch_related("holders")
    seen = [_scope(queue) for queue in queues]
    if not seen:
        return flags
    either = Q()
    for scope in seen:
        either |= scope
    return flags.filter(either)


def _scope(queue: Queue) -> Q:
    holders = [holder.pk for holder in queue.holders.all()]
    scope = Q(pk__isnull=False)
    if holders:
        scope &= Q(holder_id__in=holders)
    if queue.policies:
        scope &= Q(policy__in=queue.policies)
    return scope


def queue(actor: Actor, wanted: Wanted) -> QuerySet[Flag]:
    """What the actor may look at of a queue, in its order."""
    flags = visible_to(actor).filter(score__gte=wanted.least_score, score__lte=wanted.most_score)
    told: dict[str, Any] = {"state": wanted.state, "holder_id": wanted.holder}
    told["lease__moderator_id"] = wanted.held_by
    flags = flags.filter(**{name: value for name, value in told.items() if value})
    if wanted.policy is not None:
        flags = flags.filter(policy=wanted.policy)
    if wanted.kind:
        flags = flags.filter(kinds__contains=[wanted.kind])
    if wanted.older_than:
        flags = flags.filter(opened_at__lt=Now() - timedelta(hours=wanted.older_than))
    if wanted.overdue:
        flags = flags.filter(due_at__lt=Now())
    return _beyond(flags, wanted.after).order_by(*ORDER)


def _beyond(flags: QuerySet[Flag], after: int | None) -> QuerySet[Flag]:
    last = Flag.objects.filter(pk=after).first() if after is not None else None
    if last is None:
        return flags
    # What has ended may have no due time; in the order of the database that comes last.
    later = Q(due_at__isnull=True) | Q(due_at__gt=last.due_at) if last.due_at else Q(pk__in=[])
    same = Q(due_at=last.due_at) if last.due_at else Q(due_at__isnull=True)
    tie = Q(place=last.place) & (later | (same & Q(pk__gt=last.pk)))
    return flags.filter(Q(place__lte=last.place) & (Q(place__lt=last.place) | tie))


def free_for(actor: Actor, wanted: Wanted) -> QuerySet[Flag]:
    """Of these the ones the actor may take: not held, not their own, no proposal of theirs."""
    return queue(actor, wanted).filter(
        ~Exists(Lease.objects.filter(flag=OuterRef("pk"), expires_at__gt=Now())),
        ~involving(actor.person),
        Q(proposer_id__isnull=True) | ~Q(proposer_id=actor.id),
    )


def counts(actor: Actor) -> Mapping[str, dict[str, Any]]:
    """By state that waits: how many, how many overdue, and when the oldest was opened."""
    rows = (
        visible_to(actor)
        .filter(state__in=WAITING)
        .order_by()
        .values("state")
        .annotate(
            count=Count("pk"),
            overdue=Count("pk", filter=Q(due_at__lt=Now())),
            oldest=Min(F("opened_at")),
        )
    )
    return {
        row["state"]: {name: row[name] for name in ("count", "overdue", "oldest")} for row in rows
    }
