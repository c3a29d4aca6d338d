"""What the statistics count, on histories made by hand: days in June 2026, literal numbers."""

import hashlib
import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from moderation import statistics
from moderation.models import Decision, Event, Flag
from moderation.plots import Plot, Row
from moderation.statistics import Period, Share
from moderation.statistics_page import length, period_of, plots
from tests.moderation.conftest import MakeFlag, MakeUser
from videos.models import Video

pytestmark = pytest.mark.django_db

JUNE = Period(date(2026, 6, 1), date(2026, 6, 7))
Tell = Callable[..., Decision | None]


def at(day: int, hour: int = 12, minute: int = 0) -> datetime:
    return timezone.make_aware(datetime(2026, 6, day, hour, minute))


class Story:
    """A flag's history, told event by event at chosen moments."""

    def __init__(self, opened: datetime, reference: Video | None = None) -> None:
        known = {"reference_id": reference.pk} if reference else {}
        self.flag = Flag.objects.create(
            query_id=uuid.uuid4(),
            **({"reference_id": uuid.uuid4()} | known),
        )
        self.flag.refresh_from_db()
        self.last: Decision | None = None
        self.move("detect", opened)
        self.move("open", opened)

    def move(self, name: str, when: datetime, by: User | None = None, **told: Any) -> None:
        lead = told.pop("lead", False)
        kind = Event.Actor.LEAD if lead else Event.Actor.MODERATOR
        self.flag.version += 1
        Event.objects.create(
            machine="flag",
            subject_id=self.flag.pk,
            sequence=self.flag.version,
            move=name,
            actor_kind=kind if by else Event.Actor.SYSTEM,
            actor_id=by.pk if by else None,
            actor_name=by.username if by else "",
            at=when,
            **told,
        )

    def decide(
        self, name: str, when: datetime, by: User, reason: str = "licensed", **told: Any
    ) -> None:
        verdicts = {"confirm": "confirmed", "agree": "confirmed", "disagree": "returned"}
        self.last = Decision.objects.create(
            flag=self.flag,
            move=name,
            verdict=verdicts.get(name, "dismissed"),
            reason=reason,
            evidence="{}",
            evidence_sha256=hashlib.sha256(b"{}").hexdigest(),
            video_ids=[self.flag.query_id, self.flag.reference_id],
            moderator_id=by.pk,
            moderator_name=by.username,
            at=when,
            **told,
        )
        self.move(name, when, by, decision=self.last)

    def take_back(self, name: str, when: datetime, by: User, **told: Any) -> None:
        assert self.last is not None
        self.move(name, when, by, facts={"decision": self.last.pk}, **told)


@pytest.fixture(autouse=True)
def history_tells_every_state() -> None:
    """Not here: these flags stay where they are and only their events are told."""


@pytest.fixture
def june(alice: User, bob: User, charlie: User, video_row: Callable[..., Video]) -> Video:
    """Alice: one dismissed and overturned, one undone and decided anew, one stands. Bob: one."""
    film = video_row("film.mp4", title="Harbour at dawn")
    overturned = Story(at(1, 8), film)
    overturned.move("take", at(2, 9), alice)
    overturned.decide("dismiss", at(2, 10), alice, "licensed")
    overturned.take_back("reopen", at(4, 10), charlie, lead=True)
    overturned.decide("confirm", at(4, 14), bob, "full_copy")

    undone = Story(at(2, 11), film)
    undone.move("take", at(2, 11, 50), alice)
    undone.decide("dismiss", at(2, 12), alice, "licensed")
    undone.take_back("undo", at(2, 12, 1), alice)
    undone.decide("dismiss", at(2, 12, 5), alice, "bad_reference")

    stands = Story(at(2, 12))
    stands.move("take", at(2, 12, 10), alice)
    stands.move("expire", at(2, 12, 20))
    stands.decide("dismiss", at(2, 12, 30), alice, "licensed")
    # Seconds that nobody had judged: no word against whoever judged the others.
    stands.move("reopen", at(3, 12), facts={"link": 1})
    stands.decide("dismiss", at(3, 13), alice, "licensed")

    before = Story(at(1, 8))
    before.decide("dismiss", at(8, 0, 0), bob)
    return film


def test_decisions_a_day_and_what_of_them_was_overturned(june: Video, alice: User) -> None:
    told = {row.name: (row.whole, row.part) for row in statistics.daily(JUNE)}

    assert told == {
        "2026-06-01": (0, 0),
        "2026-06-02": (3, 1),
        "2026-06-03": (1, 0),
        "2026-06-04": (1, 0),
        "2026-06-05": (0, 0),
        "2026-06-06": (0, 0),
        "2026-06-07": (0, 0),
    }
    own = {row.name: row.whole for row in statistics.daily(JUNE, alice.pk)}
    assert own["2026-06-04"] == 0
    assert sum(own.values()) == 4


def test_the_share_overturned_by_reason_and_by_reference(june: Video) -> None:
    assert statistics.overturned_by_reason(JUNE) == [
        Share("licensed", 3, 1),
        Share("bad_reference", 1, 0),
        Share("full_copy", 1, 0),
    ]
    assert statistics.overturned_by_reference(JUNE) == [Share("Harbour at dawn", 3, 1)]


def test_time_to_decision_is_since_it_was_opened_last(june: Video) -> None:
    whole, *days = statistics.time_to_decision(JUNE)

    # 26 h, 65 min and 30 min on the 2nd; an hour on the 3rd; four hours on the 4th.
    assert [(row.day, row.count) for row in days] == [
        (date(2026, 6, 2), 3),
        (date(2026, 6, 3), 1),
        (date(2026, 6, 4), 1),
    ]
    assert whole.count == 5
    assert whole.p50 == timedelta(minutes=65)
    assert days[0].p50 == timedelta(minutes=65)
    assert days[0].p95 == timedelta(hours=26) - 0.1 * timedelta(hours=24, minutes=55)
    assert (days[1].p50, days[2].p95) == (timedelta(hours=1), timedelta(hours=4))


def test_decisions_per_moderator_and_hour(june: Video, alice: User, bob: User) -> None:
    for number in range(3):
        Story(at(5, 8)).decide("bulk_dismiss", at(5, 9, number), bob, bulk_id=june.pk)

    told = [(row.name, row.single, row.bulk, row.hours) for row in statistics.per_moderator(JUNE)]

    # Alice in the hours of 10 and 12 on the 2nd and of 13 on the 3rd.
    assert told == [("alice", 4, 0, 3), ("bob", 1, 3, 1)]
    first, second = statistics.per_moderator(JUNE)
    assert first.an_hour == pytest.approx(4 / 3)
    assert second.an_hour == 1.0


def test_second_reviews_that_disagree(alice: User, bob: User) -> None:
    for move in ("agree", "disagree", "agree", "agree"):
        story = Story(at(1))
        story.decide("propose", at(2), alice, "full_copy")
        story.decide(move, at(3), bob, "full_copy")

    told = statistics.second_reviews(JUNE)

    assert (told.whole, told.part, told.rate) == (4, 1, 0.25)
    # A proposal ends nothing: what counts is the answer to it.
    assert sum(row.whole for row in statistics.daily(JUNE)) == 3


def test_leases_that_ran_out(june: Video) -> None:
    told = {row.name: (row.whole, row.part) for row in statistics.leases(JUNE)}

    assert told["2026-06-02"] == (3, 1)
    assert sum(part for _, part in told.values()) == 1


def test_what_waits_is_told_by_its_age_and_overdue(a_flag: MakeFlag) -> None:
    now = timezone.now()
    for hours, late in ((0.5, False), (2, False), (30, True), (30, False), (2000, True)):
        due = now + timedelta(hours=-1 if late else 1)
        row = a_flag(query=None)
        opened = now - timedelta(hours=hours)
        Flag.objects.filter(pk=row.pk).update(opened_at=opened, due_at=due)

    told = [(row.name, row.whole, row.part) for row in statistics.open_by_age(Flag.objects.all())]

    assert told == [
        ("under an hour", 1, 0),
        ("under a day", 1, 0),
        ("under 3 days", 2, 1),
        ("under a week", 0, 0),
        ("under 30 days", 0, 0),
        ("older", 1, 1),
    ]


def test_nothing_at_all_is_told_as_nothing() -> None:
    assert statistics.second_reviews(JUNE).rate is None
    assert statistics.per_moderator(JUNE) == []
    (whole,) = statistics.time_to_decision(JUNE)
    assert (whole.count, whole.p50) == (0, None)
    assert len(plots(JUNE)) == 8


def test_bars_are_as_high_as_their_values_and_no_higher_than_the_top() -> None:
    plot = Plot("a", ("day", "n"), [Row("1", ["5"], 5, 1), Row("2", ["0"], 0)], upright=True)

    first, second = plot.bars
    assert plot.most == 5
    assert (first.y, first.height, second.height) == (0, 100, 0)
    assert first.part_height == pytest.approx(100 / 5)
    assert first.words == "1: 5"
    assert plot.lines[0][1:] == (100.0, 20.0)
    assert Plot("b", (), [Row("1", [], 11)]).most == 20
    assert Plot("c", (), []).most == 1


@pytest.mark.parametrize(
    "first, last, days",
    [
        ("2026-06-01", "2026-06-07", 7),
        ("2026-06-07", "2026-06-01", 7),
        ("", "2026-06-30", 30),
        ("2020-01-01", "2026-06-30", 366),
        ("nonsense", "9999-12-31", 30),
    ],
)
def test_a_period_is_made_of_whatever_is_asked(first: str, last: str, days: int) -> None:
    assert len(period_of(first, last).days) == days


def test_lengths_are_told_in_the_unit_they_are_of() -> None:
    told = [length(timedelta(seconds=n)) for n in (42, 600, 9000, 200_000)]
    assert told == ["42 s", "10 min", "2.5 h", "2.3 days"]
    assert length(None) == "–"


def test_the_page_shows_each_plot_with_its_figures(june: Video, person: MakeUser) -> None:
    lead = person("lead", "Leads")
    lead.is_staff = True
    lead.save()
    browser = Client()
    browser.force_login(lead)

    page = browser.get("/admin/moderation/flag/statistics/?first=2026-06-01&last=2026-06-07")

    text = page.content.decode()
    assert page.status_code == 200
    assert "half within 65 min" in text
    assert "Harbour at dawn" in text
    plots = text.partition('class="plots"')[2].partition("END SVGs")[0]
    drawn = plots.count('<section class="plot')
    assert (drawn, plots.count("</table>") + plots.count("Nothing in this time.")) == (8, 8)
    assert "style=" not in plots, "the policy lets no styles inline"
