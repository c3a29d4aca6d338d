"""How the queue is worked: counted from decisions and events, which are never changed.

A decision counts where it ended a flag and its author did not undo it. It is overturned where a
lead opened the flag again because of it; what the system opens for new seconds overturns nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Aggregate,
    BigIntegerField,
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Now, TruncDate, TruncHour
from django.utils import timezone

from moderation.models import Decision, Event, Flag
from moderation.queues import WAITING
from videos.models import Video

ENDS: Final = ("dismiss", "confirm", "agree", "bulk_dismiss", "bulk_confirm")
OPENS: Final = ("open", "reopen")
# Upper bounds of ages, hours; None for all that is older.
AGES: Final = (
    ("under an hour", 1.0),
    ("under a day", 24.0),
    ("under 3 days", 72.0),
    ("under a week", 168.0),
    ("under 30 days", 720.0),
    ("older", None),
)
MOST_REFERENCES: Final = 20


class Percentiles(Aggregate):
    """The values below which half and 95 % lie, between two values where they fall between them."""

    function = "percentile_cont"
    template = "%(function)s(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = ArrayField(DurationField())


@dataclass(frozen=True)
class Period:
    """Whole days, the first and the last included, in the site's time zone."""

    first: date
    last: date

    @property
    def days(self) -> list[date]:
        count = (self.last - self.first).days + 1
        return [self.first + timedelta(days=n) for n in range(count)]

    @property
    def within(self) -> Q:
        """For rows with a moment `at`."""
        return Q(at__gte=_midnight(self.first), at__lt=_midnight(self.last + timedelta(days=1)))


def last_days(count: int) -> Period:
    today = timezone.localdate()
    return Period(today - timedelta(days=count - 1), today)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


@dataclass(frozen=True)
class Share:
    """`part` of `whole`; the rate is None of nothing."""

    name: str
    whole: int
    part: int

    @property
    def rate(self) -> float | None:
        return self.part / self.whole if self.whole else None


@dataclass(frozen=True)
class Waited:
    """From opening to decision: how many, and the percentiles 50 and 95; None of nothing."""

    day: date | None
    count: int
    p50: timedelta | None
    p95: timedelta | None


@dataclass(frozen=True)
class Worker:
    """A moderator's decisions one by one and in bulk, and the clock hours with one by one ones."""

    name: str
    single: int
    bulk: int
    hours: int

    @property
    def an_hour(self) -> float | None:
        return self.single / self.hours if self.hours else None


def open_by_age(flags: QuerySet[Flag]) -> list[Share]:
    """Of the flags that wait now, by how long ago they were opened; `part` are the overdue ones."""
    told, since = {}, 0.0
    for name, hours in AGES:
        younger = Q(opened_at__gt=Now() - timedelta(hours=hours)) if hours else Q()
        older = Q(opened_at__lte=Now() - timedelta(hours=since)) if since else Q()
        told[f"all {name}"] = Count("pk", filter=younger & older)
        told[f"late {name}"] = Count("pk", filter=younger & older & Q(due_at__lt=Now()))
        since = hours or since
    row = flags.filter(state__in=WAITING).order_by().aggregate(**_plain(told))
    return [Share(name, row[f"n{2 * n}"], row[f"n{2 * n + 1}"]) for n, (name, _) in enumerate(AGES)]


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    return {f"n{number}": each for number, each in enumerate(told.values())}


def decided(period: Period, moderator_id: int | None = None) -> QuerySet[Decision]:
    """The decisions that count, each with whether it is `overturned`."""
    rows = Decision.objects.filter(period.within, move__in=ENDS).filter(~Exists(_after("undo")))
    if moderator_id is not None:
        rows = rows.filter(moderator_id=moderator_id)
    lead = Event.Actor.LEAD
    return rows.annotate(overturned=Exists(_after("reopen").filter(actor_kind=lead))).order_by()


def _after(move: str) -> QuerySet[Event]:
    """The moves of a decision's flag that name the decision."""
    named = Cast(KeyTextTransform("decision", "facts"), BigIntegerField())
    events = Event.objects.filter(machine=Event.Subject.FLAG, subject_id=OuterRef("flag_id"))
    return events.filter(move=move).annotate(named=named).filter(named=OuterRef("pk"))


def daily(period: Period, moderator_id: int | None = None) -> list[Share]:
    """Decisions a day, and how many of them were overturned since; days without any, too."""
    rows = decided(period, moderator_id).annotate(day=TruncDate("at"))
    found = {row["day"]: row for row in _shares(rows, "day")}
    nothing = {"whole": 0, "part": 0}
    return [
        Share(day.isoformat(), *(found.get(day, nothing)[name] for name in ("whole", "part")))
        for day in period.days
    ]


def overturned_by_reason(period: Period) -> list[Share]:
    rows = _shares(decided(period), "reason").order_by("-whole", "reason")
    return [Share(row["reason"], row["whole"], row["part"]) for row in rows]


def overturned_by_reference(period: Period) -> list[Share]:
    """References with decisions that were overturned, the most often first, by name or id."""
    rows = _shares(decided(period).annotate(reference=F("video_ids__1")), "reference")
    found = list(rows.filter(part__gt=0).order_by("-part", "-whole", "reference")[:MOST_REFERENCES])
    videos = Video.objects.in_bulk([row["reference"] for row in found])
    return [
        Share(
            videos[row["reference"]].name if row["reference"] in videos else str(row["reference"]),
            row["whole"],
            row["part"],
        )
        for row in found
    ]


def _shares(rows: QuerySet[Decision], name: str) -> Any:
    part = Count("pk", filter=Q(overturned=True))
    return rows.values(name).annotate(whole=Count("pk"), part=part)


def time_to_decision(period: Period) -> list[Waited]:
    """Of all days together first, then of each day with decisions."""
    rows = _ended(period)
    told = {"count": Count("pk"), "waits": Percentiles("waited")}
    whole = rows.aggregate(**told)
    each: Any = rows.annotate(day=TruncDate("at")).values("day").annotate(**told).order_by("day")
    days = (Waited(row["day"], row["count"], *row["waits"]) for row in each)
    return [Waited(None, whole["count"], *(whole["waits"] or (None, None))), *days]


def _ended(period: Period) -> QuerySet[Event]:
    """Events that ended a flag, with how long it had waited since it was opened last."""
    opened = Event.objects.filter(
        machine=Event.Subject.FLAG,
        subject_id=OuterRef("subject_id"),
        sequence__lt=OuterRef("sequence"),
        move__in=OPENS,
    )
    since = Subquery(opened.order_by("-sequence").values("at")[:1])
    waited = ExpressionWrapper(F("at") - since, output_field=DurationField())
    ends = Event.objects.filter(
        period.within, machine=Event.Subject.FLAG, move__in=ENDS, decision__in=decided(period)
    )
    return ends.annotate(waited=waited).order_by()


def per_moderator(period: Period) -> list[Worker]:
    """Who decided how much and how fast, the busiest first."""
    single = Q(bulk_id__isnull=True)
    rows = (
        Decision.objects.filter(period.within, move__in=(*ENDS, "propose", "bulk_propose"))
        .filter(~Exists(_after("undo")))
        .annotate(hour=TruncHour("at"))
        .order_by()
        .values("moderator_id")
        .annotate(
            single=Count("pk", filter=single),
            bulk=Count("pk", filter=~single),
            hours=Count("hour", filter=single, distinct=True),
        )
        .order_by("-single", "-bulk", "moderator_id")
    )
    found = list(rows)
    names = _names([row["moderator_id"] for row in found])
    return [
        Worker(names[row["moderator_id"]], row["single"], row["bulk"], row["hours"])
        for row in found
    ]


def _names(people: Sequence[int]) -> dict[int, str]:
    """What they were called when they decided last."""
    rows = Decision.objects.filter(moderator_id__in=people).order_by("moderator_id", "-pk")
    return dict(rows.distinct("moderator_id").values_list("moderator_id", "moderator_name"))


def second_reviews(period: Period) -> Share:
    """Answers of second reviewers; `part` are those that did not agree."""
    rows = Decision.objects.filter(period.within, move__in=("agree", "disagree"))
    told = rows.aggregate(whole=Count("pk"), part=Count("pk", filter=Q(move="disagree")))
    return Share("second reviews", **told)


def leases(period: Period) -> list[Share]:
    """Flags taken a day, and leases that ran out on it."""
    rows = Event.objects.filter(
        period.within, machine=Event.Subject.FLAG, move__in=("take", "expire")
    )
    taken, expired = Count("pk", filter=Q(move="take")), Count("pk", filter=Q(move="expire"))
    days = rows.order_by().annotate(day=TruncDate("at")).values("day")
    found = {row["day"]: row for row in days.annotate(whole=taken, part=expired)}
    nothing = {"whole": 0, "part": 0}
    return [
        Share(day.isoformat(), *(found.get(day, nothing)[name] for name in ("whole", "part")))
        for day in period.days
    ]
