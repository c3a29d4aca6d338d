"""The page of statistics: what was counted, as plots with their tables, for leads and admins."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone

from moderation import statistics
from moderation.models import Flag
from moderation.plots import Plot, Row
from moderation.reasons import words_of
from moderation.roles import AnyUser
from moderation.statistics import Period, Share, Waited, Worker, last_days

DAYS: Final = 30
PRESETS: Final = (7, 14, 30, 90, 365)
MOST_DAYS: Final = 366
# How a waiting time is measured on its plot, from how long on.
_UNITS: Final = (
    (timedelta(days=3), timedelta(days=1), "days"),
    (timedelta(hours=2), timedelta(hours=1), "h"),
    (timedelta(), timedelta(minutes=1), "min"),
)


def may_read_statistics(user: AnyUser) -> bool:
    """Leads and admins; it tells of everybody's work."""
    return isinstance(user, PermissionsMixin) and user.has_perm("moderation.lead_flag")


def statistics_page(request: HttpRequest, site: Any) -> HttpResponseBase:
    """The page for the period that `first` and `last` name, or the last `days`."""
    if not may_read_statistics(request.user):
        raise PermissionDenied
    period = period_of(request.GET.get("first", ""), request.GET.get("last", ""))
    context = {**site.each_context(request), "title": "Statistics", "period": period}
    today = timezone.localdate()
    context["presets"] = [(days, today - timedelta(days=days - 1), today) for days in PRESETS]
    context["plots"] = plots(period)
    return TemplateResponse(request, "admin/moderation/statistics.html", context)


def period_of(first: str, last: str) -> Period:
    """The days that are named; what is no day, or no period of at most a year, is mended."""
    plain = last_days(DAYS)
    end = _day(last) or plain.last
    begin = _day(first) or end - timedelta(days=DAYS - 1)
    begin, end = min(begin, end), max(begin, end)
    return Period(max(begin, end - timedelta(days=MOST_DAYS - 1)), end)


def _day(word: str) -> date | None:
    try:
        found = date.fromisoformat(word)
    except ValueError:
        return None
    # Far from the ends of the calendar, where days cannot be added any more.
    return found if 2000 <= found.year < 3000 else None


def plots(period: Period) -> list[Plot]:
    second = statistics.second_reviews(period)
    return [
        _ages(statistics.open_by_age(Flag.objects.all())),
        throughput(statistics.daily(period)),
        _waited(statistics.time_to_decision(period)),
        _workers(statistics.per_moderator(period)),
        _shares("Overturned, by reason", "reason", _worded(period)),
        _shares("Overturned, by reference", "reference", _by_reference(period)),
        _shares("Second reviews that did not agree", "", [second], "answers", "did not agree"),
        _expiries(statistics.leases(period)),
    ]


def _worded(period: Period) -> list[Share]:
    rows = statistics.overturned_by_reason(period)
    return [Share(words_of(row.name), row.whole, row.part) for row in rows]


def _by_reference(period: Period) -> list[Share]:
    return statistics.overturned_by_reference(period)


def throughput(rows: Sequence[Share]) -> Plot:
    return Plot(
        "Decisions a day",
        ("day", "decided", "overturned since"),
        [Row(row.name, (str(row.whole), str(row.part)), row.whole, row.part) for row in rows],
        upright=True,
        note="Solid: overturned since by a lead.",
    )


def overturn_rate(rows: Sequence[Share]) -> Plot:
    return Plot(
        "Share overturned",
        ("day", "overturned"),
        [Row(row.name, (percent(row.rate),), 100 * (row.rate or 0.0)) for row in rows],
        upright=True,
        note="Of the decisions of that day.",
        top_words="{:g} %",
        top=100.0 if any((row.rate or 0) > 0.5 for row in rows) else 50.0,
    )


def _ages(rows: Sequence[Share]) -> Plot:
    return Plot(
        "Waiting now, by age",
        ("opened", "flags", "overdue"),
        [Row(row.name, (str(row.whole), str(row.part)), row.whole, row.part) for row in rows],
        note="Solid: overdue. Whatever period is chosen.",
    )


def _waited(rows: Sequence[Waited]) -> Plot:
    whole, *days = rows
    longest = max((row.p95 for row in days if row.p95), default=timedelta())
    unit, word = next((unit, word) for least, unit, word in _UNITS if longest >= least)
    told = [
        Row(
            row.day.isoformat() if row.day else "",
            (str(row.count), length(row.p50), length(row.p95)),
            row.p95 / unit if row.p95 else None,
            row.p50 / unit if row.p50 else None,
        )
        for row in days
    ]
    return Plot(
        "Time to decision",
        ("day", "decided", "p50", "p95"),
        told,
        upright=True,
        note=f"In all {whole.count}: half within {length(whole.p50)}, 95 % within "
        f"{length(whole.p95)}. Pale: p95, solid: p50. Days without decisions are left out.",
        top_words=f"{{:g}} {word}",
    )


def _workers(rows: Sequence[Worker]) -> Plot:
    return Plot(
        "Decisions per moderator and hour",
        ("moderator", "one by one", "in bulk", "hours", "an hour"),
        [
            Row(row.name, (str(row.single), str(row.bulk), str(row.hours), rate), row.an_hour)
            for row, rate in ((row, number(row.an_hour)) for row in rows)
        ],
        note="Hours are those of the clock in which they decided something by itself.",
    )


def _shares(
    title: str, name: str, rows: Sequence[Share], whole: str = "decided", part: str = "overturned"
) -> Plot:
    return Plot(
        title,
        (name, whole, part, "share"),
        [
            Row(row.name, (str(row.whole), str(row.part), percent(row.rate)), 100 * (row.rate or 0))
            for row in rows
        ],
        top=100.0,
    )


def _expiries(rows: Sequence[Share]) -> Plot:
    return Plot(
        "Leases that ran out",
        ("day", "taken", "ran out"),
        [Row(row.name, (str(row.whole), str(row.part)), row.whole, row.part) for row in rows],
        upright=True,
        note="Pale: taken, solid: ran out.",
    )


def percent(rate: float | None) -> str:
    return "–" if rate is None else f"{rate:.0%}"


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def length(waited: timedelta | None) -> str:
    """As "42 s", "7 min", "3.5 h" or "2.1 days"."""
    if waited is None:
        return "–"
    seconds = waited.total_seconds()
    for least, unit, word in ((172_800, 86_400, "days"), (7200, 3600, "h")):
        if seconds >= least:
            return f"{seconds / unit:.1f} {word}"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
