"""Links without an analysis, moderators and leads, and what must hold after every test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection

from matching.engine.version import ENGINE_VERSION
from matching.models import DuplicateLink, Segment
from moderation.flagging import flag
from moderation.models import Claim, Event, Flag
from moderation.states import Machine, replay
from videos.models import Video

MakeLink = Callable[..., DuplicateLink]
MakeFlag = Callable[..., Flag]
MakeUser = Callable[..., User]


@pytest.fixture
def a_link(video_row: Callable[..., Video]) -> MakeLink:
    """A settled link of ten seconds: a_link(0.9, segments=[(0, 10, 50, 60)])."""

    def make(score: float = 0.9, **fields: Any) -> DuplicateLink:
        segments = fields.pop("segments", [(0.0, 10.0, 50.0, 60.0)])
        videos = {
            side: fields.pop(side, None) or video_row(name)
            for side, name in (("reference", "film.mp4"), ("query", "copy.mp4"))
        }
        plain: dict[str, Any] = {
            "version": ENGINE_VERSION,
            "score": score,
            "matched_frames": 40,
            "covered_query": 1.0,
            "covered_reference": 0.5,
        }
        link = DuplicateLink.objects.create(**(plain | videos | fields))
        add_segments(link, segments)
        return link

    return make


def add_segments(link: DuplicateLink, stretches: list[tuple[float, float, float, float]]) -> None:
    Segment.objects.bulk_create(
        Segment(
            link=link,
            q_start=q_start,
            q_end=q_end,
            r_start=r_start,
            r_end=r_end,
            matched_frames=40,
            similarity=0.95,
            pairs=[[q_start, r_start, 0.95]],
        )
        for q_start, q_end, r_start, r_end in stretches
    )


@pytest.fixture
def a_flag(a_link: MakeLink) -> MakeFlag:
    """An open flag with its link: a_flag(0.9, query=video)."""

    def make(score: float = 0.9, **fields: Any) -> Flag:
        link = a_link(score, **fields)
        flag(link.query_id)
        return Flag.objects.get(link=link)

    return make


@pytest.fixture
def person(db: None) -> MakeUser:
    """A user in groups: person("alice", "Moderators")."""

    def make(name: str, *groups: str) -> User:
        user, _ = User.objects.get_or_create(username=name)
        user.groups.add(*Group.objects.filter(name__in=groups))
        return user

    return make


@pytest.fixture
def alice(person: MakeUser) -> User:
    return person("alice", "Moderators")


@pytest.fixture
def bob(person: MakeUser) -> User:
    return person("bob", "Moderators")


@pytest.fixture
def charlie(person: MakeUser) -> User:
    """The lead."""
    return person("charlie", "Leads")


@pytest.fixture(autouse=True)
def no_chance(change_settings: Callable[..., None]) -> None:
    """Nothing goes to second review because of a sample, unless a test asks for it."""
    change_settings(second_review_share=0.0)


@pytest.fixture(autouse=True)
def history_tells_every_state(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test did with flags: their events tell how they came to be as they are."""
    yield
    if request.node.get_closest_marker("django_db") and connection.connection is not None:
        tell_every_state()


def tell_every_state() -> None:
    for row in Flag.objects.all():
        events = Event.objects.filter(machine="flag", subject_id=row.pk).order_by("sequence")
        told = [(event.move, event.before, event.after) for event in events]
        assert replay(Machine.FLAG, told) == row.state, told
        assert [event.sequence for event in events] == list(range(1, row.version + 1))
    for claim in Claim.objects.all():
        events = Event.objects.filter(machine="claim", subject_id=claim.pk).order_by("sequence")
        told = [(event.move, event.before, event.after) for event in events]
        assert replay(Machine.CLAIM, told) == claim.state, told
        assert [event.sequence for event in events] == list(range(1, claim.version + 1))
