"""Filters of the queue in the admin, and what they are called on the review screen."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from moderation.models import Flag, Lease
from moderation.queues import WAITING
from moderation.reading import whole

DAY: Final = 24


class WhichFilter(admin.SimpleListFilter):
    """What of the queue; without a choice what waits for a first verdict."""

    title = "queue"
    parameter_name = "which"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("waiting", "All that waits"),
            ("mine", "Held by me"),
            ("overdue", "Overdue"),
            *((state.value, str(state.label).capitalize()) for state in Flag.State),
            ("all", "All"),
        ]

    def choices(self, changelist: Any) -> Any:
        first, *rest = super().choices(changelist)
        yield {**first, "display": "Open"}
        yield from (choice for choice in rest if choice["display"] != "Open")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flag]) -> QuerySet[Flag]:
        wanted = self.value() or ""
        state = wanted if wanted in Flag.State.values else Flag.State.OPEN
        narrowed = {
            "waiting": Q(state__in=WAITING),
            "mine": Q(lease__moderator_id=request.user.pk),
            "overdue": Q(state__in=WAITING, due_at__lt=Now()),
            "all": Q(),
        }
        return queryset.filter(narrowed.get(wanted, Q(state=state)))


class ScoreFilter(admin.SimpleListFilter):
    title = "confidence"
    parameter_name = "sure"
    BANDS = {"certain": (0.9, 1.01), "likely": (0.7, 0.9), "doubtful": (0.0, 0.7)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(word, word) for word in self.BANDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flag]) -> QuerySet[Flag]:
        band = self.BANDS.get(self.value() or "")
        return queryset.filter(score__gte=band[0], score__lt=band[1]) if band else queryset


class AgeFilter(admin.SimpleListFilter):
    title = "age"
    parameter_name = "age"
    HOURS = {"day": DAY, "week": 7 * DAY, "month": 30 * DAY}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(word, f"Older than a {word}") for word in self.HOURS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flag]) -> QuerySet[Flag]:
        hours = self.HOURS.get(self.value() or "")
        if hours is None:
            return queryset
        return queryset.filter(opened_at__lt=timezone.now() - timedelta(hours=hours))


class KindFilter(admin.SimpleListFilter):
    title = "kind of change"
    parameter_name = "kind"
    KINDS = ("mirrored", "inverted", "turned", "speed", "excerpt", "inserted", "reordered", "exact")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in self.KINDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flag]) -> QuerySet[Flag]:
        kind = self.value()
        return queryset.filter(kinds__contains=[kind]) if kind in self.KINDS else queryset


class HeldFilter(admin.SimpleListFilter):
    """Whose lease; those that hold something now are offered."""

    title = "held by"
    parameter_name = "held"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        holders = Lease.objects.order_by("moderator_name").values_list(
            "moderator_id", "moderator_name"
        )
        return [("anybody", "Anybody"), ("nobody", "Nobody")] + [
            (str(pk), name) for pk, name in holders.distinct()
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flag]) -> QuerySet[Flag]:
        wanted = self.value() or ""
        if wanted in ("anybody", "nobody"):
            return queryset.filter(lease__isnull=wanted == "nobody")
        holder = whole(wanted)
        if holder is None:
            return queryset.none() if wanted.isdecimal() else queryset
        return queryset.filter(lease__moderator_id=holder)


def wanted_of(asked: Mapping[str, str]) -> dict[str, str]:
    """The admin's filters as the review screen and REST call them.

    What cannot be reviewed one by one, such as flags that somebody holds, is left out: the screen
    then works through what is open.
    """
    which = asked.get("which", "")
    takeable = (Flag.State.OPEN, Flag.State.SECOND_REVIEW, Flag.State.ESCALATED)
    told = {"state": which} if which in takeable else {}
    if which == "overdue":
        told["overdue"] = "true"
    band = ScoreFilter.BANDS.get(asked.get("sure", ""))
    if band is not None:
        told |= {"least_score": str(band[0]), "most_score": str(min(1.0, band[1]))}
    hours = AgeFilter.HOURS.get(asked.get("age", ""))
    if hours is not None:
        told["older_than"] = str(hours)
    same = {"holder__id__exact": "holder", "kind": "kind"}
    told |= {name: asked[theirs] for theirs, name in same.items() if asked.get(theirs)}
    # Here nothing is something: under no policy are the plain duplicates.
    return told | ({"policy": asked["policy__exact"]} if "policy__exact" in asked else {})
