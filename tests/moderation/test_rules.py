"""Allow rules keep what is known to be fine out of the queue, for a time and on record."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from matching.models import DuplicateLink
from moderation.decide import Because, Ticket, dismiss, reopen
from moderation.flagging import flag as flag_video
from moderation.models import AllowRule, Event, Flag, Lease
from moderation.registration import Rights, holder_named, register
from moderation.review import take
from moderation.rules import NewRule, look_after, make, pair_of, revoke
from tests.moderation.conftest import MakeFlag, MakeLink, MakeUser, add_segments
from videos.errors import Refusal
from videos.models import Video

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]


def states(*flags: Flag) -> list[str]:
    return [Flag.objects.get(pk=flag.pk).state for flag in flags]


def test_a_new_match_that_a_rule_speaks_of_is_suppressed_and_the_event_names_it(
    a_link: MakeLink, charlie: User, person: MakeUser, video_row: MakeVideo
) -> None:
    eve = person("eve")
    rule = make(charlie, NewRule("uploader", uploader_id=eve.pk), "licensed", "a partner")

    link = a_link(query=video_row("e.mp4", owner=eve))
    (flag,) = flag_video(link.query_id)

    assert (flag.state, flag.reason, flag.rule) == ("suppressed", "rule", rule)
    event = Event.objects.latest("pk")
    assert (event.move, event.before, event.rule_id) == ("suppress", "detected", rule.pk)
    made = Event.objects.get(machine="rule")
    assert (made.move, made.actor_name, made.note) == ("made", "charlie", "a partner")
    assert made.facts["uploader"] == eve.pk


def test_a_rule_closes_what_it_speaks_of_in_the_queue_and_leaves_what_somebody_holds(
    a_flag: MakeFlag, alice: User, charlie: User
) -> None:
    acme = holder_named("Acme")
    free, held, other = a_flag(), a_flag(), a_flag()
    for flag, licence in ((free, "CC0"), (held, "CC0"), (other, "")):
        register(flag.reference_id, Rights(acme, licence))
    take(alice, held.pk)

    make(charlie, NewRule("licence", licence="CC0"), "licensed")

    assert states(free, held, other) == ["suppressed", "leased", "open"]


def test_an_excluded_stretch_ends_flags_that_are_about_nothing_else(
    a_flag: MakeFlag, alice: User, charlie: User
) -> None:
    intro = a_flag(segments=[(0.0, 10.0, 0.0, 10.0)])
    film = Video.objects.get(pk=intro.reference_id)
    more = a_flag(reference=film, segments=[(0.0, 10.0, 0.0, 10.0), (20.0, 30.0, 40.0, 50.0)])
    held = a_flag(reference=film, segments=[(5.0, 10.0, 2.0, 7.0)])
    take(alice, held.pk)

    rule = make(
        charlie, NewRule("segment", film.pk, start=0.0, end=10.0), "bad_reference", "leader"
    )

    assert states(intro, more, held) == ["superseded", "open", "superseded"]
    assert not Lease.objects.exists()
    event = Event.objects.filter(move="supersede").first()
    assert event is not None
    assert (event.reason, event.facts) == ("segment_excluded", {"rule": rule.pk})
    # The pair may still come with other seconds.
    link = DuplicateLink.objects.get(pk=intro.link_id or 0)
    assert flag_video(link.query_id)[0].state == "suppressed"
    add_segments(link, [(30.0, 40.0, 90.0, 99.0)])
    (again,) = flag_video(link.query_id)
    assert (again.state, again.reason) == ("open", "rule_gone")
    assert again != intro


def test_a_rule_ends_by_time(a_flag: MakeFlag, alice: User) -> None:
    flag = a_flag()
    hold = take(alice, flag.pk)
    mine = Ticket(flag.pk, hold.flag.version, hold.token)
    dismiss(alice, mine, Because("licensed"), pair_of(flag, days=30))

    rule = AllowRule.objects.get()
    assert rule.expires_at is not None
    assert rule.expires_at - timezone.now() == pytest.approx(
        timedelta(days=30), abs=timedelta(minutes=1)
    )


def test_when_a_rule_is_over_the_look_around_opens_what_it_suppressed(
    a_flag: MakeFlag, charlie: User
) -> None:
    flag, doubtful = a_flag(), a_flag()
    for each in (flag, doubtful):
        make(charlie, pair_of(each), "licensed")
    DuplicateLink.objects.filter(pk=doubtful.link_id or 0).update(score=0.2)
    assert states(flag, doubtful) == ["suppressed", "suppressed"]
    look_after()
    assert states(flag, doubtful) == ["suppressed", "suppressed"]
    AllowRule.objects.update(expires_at=timezone.now())

    look_after()
    look_after()

    assert states(flag, doubtful) == ["open", "suppressed"]
    assert Flag.objects.get(pk=flag.pk).reason == "rule_gone"


def test_revoking_opens_at_once_and_only_a_lead_may(
    a_flag: MakeFlag, alice: User, charlie: User
) -> None:
    flag = a_flag()
    rule = make(charlie, pair_of(flag), "licensed")
    for spec in (pair_of(flag), NewRule("uploader", uploader_id=3)):
        with pytest.raises(Refusal, match="NO_LEAD"):
            make(alice, spec, "licensed")
    with pytest.raises(Refusal, match="NO_LEAD"):
        revoke(alice, rule.pk)

    revoke(charlie, rule.pk, "the contract ended")

    assert states(flag) == ["open"]
    event = Event.objects.filter(machine="rule").latest("pk")
    assert (event.move, event.sequence, event.note) == ("revoked", 2, "the contract ended")
    with pytest.raises(Refusal, match="NO_RULE"):
        revoke(charlie, rule.pk)


def test_another_rule_keeps_closed_what_one_gave_up(a_flag: MakeFlag, charlie: User) -> None:
    flag = a_flag()
    first = make(charlie, pair_of(flag), "licensed")
    second = make(charlie, NewRule("segment", flag.query_id, start=0.0, end=60.0), "licensed")
    assert Flag.objects.get(pk=flag.pk).rule == first

    revoke(charlie, first.pk)

    left = Flag.objects.get(pk=flag.pk)
    assert (left.state, left.rule) == ("suppressed", second)


def test_a_holders_rule_gives_up_that_holders_rights_alone(a_flag: MakeFlag, charlie: User) -> None:
    flag = a_flag()
    acme, zenith = holder_named("Acme"), holder_named("Zenith")
    register(flag.reference_id, Rights(acme, policy="block"))
    register(flag.reference_id, Rights(zenith, policy="review"))

    make(charlie, pair_of(flag, holder_id=acme.pk), "licensed")
    flag_video(flag.query_id)

    left = Flag.objects.get()
    assert (left.state, left.policy, left.holder) == ("open", "review", zenith)
    make(charlie, pair_of(flag, holder_id=zenith.pk), "licensed")
    assert states(flag) == ["suppressed"]


def test_a_lead_may_open_what_a_rule_suppressed_and_it_stays_open(
    a_flag: MakeFlag, charlie: User
) -> None:
    flag = a_flag()
    make(charlie, pair_of(flag), "licensed")
    reopen(charlie, flag.pk, Flag.objects.get().version, "mistake")

    flag_video(flag.query_id)

    assert states(flag) == ["open"]


def test_nobody_exempts_themselves(
    a_flag: MakeFlag, video_row: MakeVideo, alice: User, charlie: User
) -> None:
    mine, acme = video_row("mine.mp4", owner=charlie), holder_named("Acme")
    flag = a_flag()
    register(flag.reference_id, Rights(acme))
    acme.members.add(charlie)

    for spec in (
        NewRule("uploader", uploader_id=charlie.pk),
        NewRule("segment", mine.pk, start=0.0, end=9.0),
        NewRule("pair", flag.query_id, mine.pk),
        pair_of(flag),
    ):
        with pytest.raises(Refusal, match="OWN_VIDEO"):
            make(charlie, spec, "licensed")

    other = a_flag()
    hold = take(alice, other.pk)
    mine_now = Ticket(other.pk, hold.flag.version, hold.token)
    with pytest.raises(Refusal, match="NO_LEAD"):
        dismiss(alice, mine_now, Because("licensed"), pair_of(flag))
    assert not AllowRule.objects.exists()


@pytest.mark.parametrize(
    "spec",
    [
        NewRule("pair", uuid.uuid4()),
        NewRule("uploader"),
        NewRule("licence"),
        NewRule("segment", uuid.uuid4(), start=5.0, end=5.0),
        NewRule("segment", uuid.uuid4(), start=5.0),
        NewRule("planet"),
        NewRule("uploader", uploader_id=1, days=-1),
    ],
)
def test_a_rule_about_nothing_is_refused(spec: NewRule, charlie: User) -> None:
    with pytest.raises(Refusal, match="BAD_RULE"):
        make(charlie, spec, "licensed")
    assert not Event.objects.exists()


def test_the_database_refuses_a_rule_about_nothing() -> None:
    plain = {"reason": "licensed", "author_id": 1, "author_name": "charlie"}
    video = uuid.uuid4()
    for fields in (
        {"kind": "pair", "video_id": video, "other_id": video},
        {"kind": "licence"},
        {"kind": "segment", "video_id": video, "start": 4, "end": 2},
        {"kind": "planet"},
    ):
        with pytest.raises(IntegrityError, match="names_what_it_is"), transaction.atomic():
            AllowRule.objects.create(**plain, **fields)
