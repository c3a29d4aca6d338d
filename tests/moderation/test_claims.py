"""What follows from a confirmed flag, and what becomes of it when the flag is decided anew."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.test import Client

from matching.models import DuplicateLink, Segment
from moderation.bulk import bulk
from moderation.case import case
from moderation.claims import turn
from moderation.consequences import choices
from moderation.decide import (
    Because,
    Ticket,
    Verdict,
    answer_escalation,
    answer_second_review,
    confirm,
    dismiss,
    escalate,
    reopen,
    undo,
)
from moderation.flagging import flag as flag_video
from moderation.models import Claim, Event, Flag, Lease, Reference
from moderation.registration import Rights, holder_named, register, withdraw
from moderation.review import take
from moderation.rights import change_holder
from moderation.roles import Actor, moderator
from moderation.rules import NewRule, make, pair_of
from tests.moderation.conftest import MakeFlag, add_segments
from videos import deletion
from videos.errors import Refusal

pytestmark = pytest.mark.django_db

ChangeSettings = Callable[..., None]


def taken(user: User, flag: Flag) -> Ticket:
    hold = take(user, flag.pk)
    return Ticket(hold.flag.pk, hold.flag.version, hold.token)


@pytest.fixture
def claimable(a_flag: MakeFlag, change_settings: ChangeSettings) -> Callable[..., Flag]:
    """An open flag in whose reference Acme has rights: claimable("block"); one decides alone."""
    change_settings(block_needs_two=False, bulk_needs_two=False)

    def make_one(policy: str, **fields: Any) -> Flag:
        flag = a_flag(**fields)
        register(flag.reference_id, Rights(holder_named("Acme"), policy=policy))
        return Flag.objects.get(pk=flag.pk)

    return make_one


def states() -> list[tuple[str, str]]:
    return list(Claim.objects.order_by("pk").values_list("policy", "state"))


@pytest.mark.parametrize(
    ("policy", "after"), [("block", "active"), ("monetise", "active"), ("review", "potential")]
)
def test_a_confirmed_flag_opens_a_claim_as_the_policy_says(
    policy: str, after: str, claimable: Callable[..., Flag], alice: User
) -> None:
    flag = claimable(policy)
    assert states() == [], "nothing of this without a person"

    made = confirm(alice, taken(alice, flag), Because("full_copy"))

    claim = Claim.objects.get()
    assert (claim.state, claim.policy, claim.decision) == (after, policy, made)
    assert (claim.query_id, claim.reference_id) == (flag.query_id, flag.reference_id)
    reference = Reference.objects.get()
    assert (claim.rights_id, claim.policy_version) == (reference.pk, reference.effective_version)
    assert claim.segments == [[0, 10, 50, 60]]
    assert (claim.until is not None) == (after == "potential")
    event = Event.objects.get(machine="claim")
    assert (event.actor_kind, event.decision, event.after) == ("system", made, after)


def test_track_takes_effect_by_itself_and_a_person_may_confirm_it(
    claimable: Callable[..., Flag], alice: User
) -> None:
    flag = claimable("track")

    claim = Claim.objects.get()
    assert (claim.state, claim.decision, claim.segments) == ("active", None, [[0, 10, 50, 60]])
    flag_video(flag.query_id)
    assert Claim.objects.count() == 1, "again is the same"
    made = confirm(alice, taken(alice, flag), Because("full_copy"))
    claim.refresh_from_db()
    assert (claim.state, claim.decision) == ("active", made)


def test_no_policy_but_track_takes_effect_without_a_person(
    claimable: Callable[..., Flag],
) -> None:
    claimable("track")

    with pytest.raises(IntegrityError, match="claim_of_a_person_or_track"), transaction.atomic():
        Claim.objects.update(policy="block")


def test_nothing_follows_where_nobody_has_rights(a_flag: MakeFlag, alice: User) -> None:
    flag = a_flag()
    confirm(alice, taken(alice, flag), Because("full_copy"))

    assert states() == []


def test_each_holder_has_a_claim_of_their_own(
    claimable: Callable[..., Flag], alice: User, charlie: User
) -> None:
    flag = claimable("monetise")
    register(flag.reference_id, Rights(holder_named("Bravo"), policy="block", territories=["DE"]))
    long = holder_named("Long")
    register(flag.reference_id, Rights(long, policy="block"))
    change_holder(charlie, long.pk, least_seconds=60.0)

    confirm(alice, taken(alice, flag), Because("full_copy"))

    told = Claim.objects.order_by("policy").values_list("holder__name", "policy", "territories")
    assert list(told) == [("Bravo", "block", ["DE"]), ("Acme", "monetise", [])]


def test_conditions_are_judged_by_what_was_confirmed(
    claimable: Callable[..., Flag], alice: User, charlie: User
) -> None:
    flag = claimable("block", segments=[(0.0, 10.0, 50.0, 60.0), (20.0, 40.0, 0.0, 20.0)])
    change_holder(charlie, holder_named("Acme").pk, least_seconds=15.0)

    confirm(alice, taken(alice, flag), Because("partial_copy", segments=[0]))
    assert states() == []
    undo(alice, flag.pk)
    confirm(alice, taken(alice, flag), Because("partial_copy", segments=[1]))

    assert Claim.objects.get().segments == [[20, 40, 0, 20]]


def test_a_claim_opens_when_the_second_moderator_or_the_lead_says_so(
    claimable: Callable[..., Flag],
    alice: User,
    bob: User,
    charlie: User,
    change_settings: ChangeSettings,
) -> None:
    flag, other = claimable("block"), claimable("block")
    change_settings(block_needs_two=True)
    confirm(alice, taken(alice, flag), Because("full_copy"))
    escalate(alice, taken(alice, other), "please")
    assert states() == []

    answer_second_review(bob, taken(bob, flag), Because("full_copy"), agrees=True)
    assert states() == [("block", "active")]
    answer_escalation(charlie, taken(charlie, other), Because("full_copy"), Verdict.CONFIRMED)
    assert states() == [("block", "active")] * 2


def test_claims_open_in_bulk_and_one_of_them_is_undone(
    claimable: Callable[..., Flag], alice: User
) -> None:
    flags = [claimable("block") for _ in range(3)]
    done = bulk(alice, {flag.pk: flag.version for flag in flags}, Verdict.CONFIRMED, "full_copy")
    assert len(done.done) == 3
    assert states() == [("block", "active")] * 3

    undo(alice, flags[1].pk)

    assert [state for _, state in states()] == ["active", "withdrawn", "active"]
    event = Event.objects.filter(machine="claim").latest("pk")
    assert (event.reason, event.actor_kind) == ("decision_undone", "system")


def test_reopening_withdraws_and_another_confirmation_opens_another(
    claimable: Callable[..., Flag], alice: User, charlie: User
) -> None:
    flag = claimable("block")
    confirm(alice, taken(alice, flag), Because("full_copy"))
    flag.refresh_from_db()
    reopen(charlie, flag.pk, flag.version, "mistake")
    assert states() == [("block", "withdrawn")]

    confirm(alice, taken(alice, flag), Because("full_copy"))

    assert [state for _, state in states()] == ["withdrawn", "active"]


def test_new_evidence_leaves_claims_standing_until_a_person_dismisses(
    claimable: Callable[..., Flag], alice: User
) -> None:
    flag = claimable("block")
    confirm(alice, taken(alice, flag), Because("full_copy"))
    add_segments(DuplicateLink.objects.get(), [(20.0, 40.0, 0.0, 20.0)])
    flag_video(flag.query_id)
    flag.refresh_from_db()
    assert (flag.state, states()) == ("open", [("block", "active")])

    dismiss(alice, taken(alice, flag), Because("exception"))

    assert states() == [("block", "withdrawn")]


def test_a_dismissal_ends_what_was_tracked_and_its_undoing_begins_it_anew(
    claimable: Callable[..., Flag], alice: User
) -> None:
    flag = claimable("track")
    dismiss(alice, taken(alice, flag), Because("licensed"))
    assert states() == [("track", "withdrawn")]
    flag_video(flag.query_id)
    assert states() == [("track", "withdrawn")]

    undo(alice, flag.pk)

    assert states() == [("track", "withdrawn"), ("track", "active")]


def test_a_change_of_policy_ends_what_was_tracked_and_a_person_opens_the_next(
    claimable: Callable[..., Flag], alice: User, charlie: User
) -> None:
    flag = claimable("")
    acme = holder_named("Acme")
    change_holder(charlie, acme.pk, policy="track")
    assert states() == [("track", "active")]

    change_holder(charlie, acme.pk, policy="block")
    assert states() == [("track", "withdrawn")]
    confirm(alice, taken(alice, flag), Because("full_copy"))

    assert states() == [("track", "withdrawn"), ("block", "active")]


def test_an_allow_rule_ends_what_was_tracked(claimable: Callable[..., Flag], charlie: User) -> None:
    flag = claimable("track")

    make(charlie, pair_of(flag), "licensed")

    assert states() == [("track", "withdrawn")]


def test_an_excluded_segment_ends_what_new_evidence_left_standing(
    claimable: Callable[..., Flag], alice: User, charlie: User
) -> None:
    flag = claimable("block")
    confirm(alice, taken(alice, flag), Because("full_copy"))
    add_segments(DuplicateLink.objects.get(), [(20.0, 40.0, 0.0, 20.0)])
    flag_video(flag.query_id)

    make(charlie, NewRule("segment", flag.query_id, start=0.0, end=60.0), "bad_reference")

    flag.refresh_from_db()
    assert (flag.state, states()) == ("superseded", [("block", "withdrawn")])


def test_rights_that_are_withdrawn_take_their_claims_along(
    claimable: Callable[..., Flag], alice: User
) -> None:
    flag = claimable("block")
    register(flag.reference_id, Rights(holder_named("Bravo"), policy="monetise"))
    confirm(alice, taken(alice, flag), Because("full_copy"))

    withdraw(Reference.objects.get(holder__name="Acme"))

    assert states() == [("block", "withdrawn"), ("monetise", "active")]
    assert Event.objects.filter(machine="claim").latest("pk").reason == "rights_withdrawn"


@pytest.mark.parametrize("side", ["query_id", "reference_id"])
def test_a_deleted_video_ends_its_claims(
    side: str, claimable: Callable[..., Flag], alice: User
) -> None:
    flag = claimable("block")
    confirm(alice, taken(alice, flag), Because("full_copy"))

    deletion.delete(getattr(flag, side))

    claim = Claim.objects.get()
    assert (claim.state, claim.reason) == ("withdrawn", "video_deleted")


def test_undoing_the_confirmation_of_what_was_tracked_leaves_it_as_it_was(
    claimable: Callable[..., Flag], alice: User
) -> None:
    flag = claimable("track", segments=[(0.0, 10.0, 50.0, 60.0), (20.0, 40.0, 0.0, 20.0)])
    whole = Claim.objects.get().segments
    confirm(alice, taken(alice, flag), Because("full_copy", segments=[0]))
    assert Claim.objects.get().segments == [[0, 10, 50, 60]]

    undo(alice, flag.pk)

    claim = Claim.objects.get()
    assert (claim.state, claim.decision, claim.version) == ("active", None, 1)
    assert claim.segments == whole


def test_reopening_leaves_what_was_tracked_before_anybody_looked(
    claimable: Callable[..., Flag], alice: User, charlie: User
) -> None:
    flag = claimable("track")
    confirm(alice, taken(alice, flag), Because("full_copy"))
    flag.refresh_from_db()

    reopen(charlie, flag.pk, flag.version, "mistake")

    claim = Claim.objects.get()
    assert (claim.state, claim.decision) == ("active", None)


def test_what_was_tracked_ends_where_too_little_of_it_is_confirmed(
    claimable: Callable[..., Flag], alice: User, charlie: User
) -> None:
    flag = claimable("track", segments=[(0.0, 10.0, 50.0, 60.0), (20.0, 40.0, 0.0, 20.0)])
    change_holder(charlie, holder_named("Acme").pk, least_seconds=15.0)
    assert states() == [("track", "active")]

    confirm(alice, taken(alice, flag), Because("partial_copy", segments=[0]))

    assert states() == [("track", "withdrawn")]
    assert Claim.objects.get().reason == "no_claim_left"


def test_undoing_a_dismissal_brings_back_what_it_withdrew(
    claimable: Callable[..., Flag], alice: User
) -> None:
    flag = claimable("block")
    first = confirm(alice, taken(alice, flag), Because("full_copy"))
    add_segments(DuplicateLink.objects.get(), [(20.0, 40.0, 0.0, 20.0)])
    flag_video(flag.query_id)
    dismiss(alice, taken(alice, flag), Because("exception"))
    assert states() == [("block", "withdrawn")]

    undo(alice, flag.pk)

    assert states() == [("block", "withdrawn"), ("block", "active")]
    claim = Claim.objects.latest("pk")
    assert (claim.decision, claim.segments) == (first, [[0, 10, 50, 60]])
    dismiss(alice, taken(alice, flag), Because("exception"))
    withdraw(Reference.objects.get())
    undo(alice, flag.pk)
    assert [state for _, state in states()] == ["withdrawn", "withdrawn"], "no rights by now"


def test_agreeing_confirms_what_was_proposed_and_no_more(
    claimable: Callable[..., Flag],
    alice: User,
    bob: User,
    charlie: User,
    change_settings: ChangeSettings,
) -> None:
    parts = [(0.0, 10.0, 50.0, 60.0), (20.0, 40.0, 0.0, 20.0)]
    flag, other, changed = (claimable("block", segments=parts) for _ in range(3))
    change_settings(block_needs_two=True)
    for each in (flag, other, changed):
        confirm(alice, taken(alice, each), Because("partial_copy", segments=[1]))
    told = case(Flag.objects.get(pk=flag.pk), moderator(bob))
    assert told["proposed"] == [1]

    answer_second_review(bob, taken(bob, flag), Because("partial_copy"), agrees=True)
    both = Because("full_copy", segments=[0, 1])
    answer_second_review(bob, taken(bob, other), both, agrees=True)
    Segment.objects.filter(link__flags=changed, q_start=20.0).delete()
    with pytest.raises(Refusal, match="EVIDENCE_CHANGED"):
        answer_second_review(bob, taken(bob, changed), Because("partial_copy"), agrees=True)

    assert Claim.objects.get(flag=flag).segments == [[20, 40, 0, 20]]
    assert Claim.objects.get(flag=other).segments == [list(part) for part in parts]


def test_what_is_in_court_is_no_fault_of_a_later_look(
    claimable: Callable[..., Flag], charlie: User
) -> None:
    flag = claimable("track")
    claim = Claim.objects.get()
    court = ("dispute", "reinstate", "appeal", "uphold", "take_down", "counter", "hold")
    for name in court:
        turn(claim, name, Actor("lead", charlie.pk, "charlie"), "reason")

    change_holder(charlie, holder_named("Acme").pk, policy="block")
    DuplicateLink.objects.update(score=0.1)
    flag_video(flag.query_id)

    assert states() == [("track", "litigation_hold")]


def test_what_a_holder_released_does_not_come_back_with_another_flag_of_the_pair(
    claimable: Callable[..., Flag], charlie: User
) -> None:
    flag = claimable("track")
    claim = Claim.objects.get()
    for name in ("dispute", "release"):
        turn(claim, name, Actor("lead", charlie.pk, "charlie"), "reason")
    make(charlie, NewRule("segment", flag.query_id, start=0.0, end=10.0), "bad_reference")
    assert Flag.objects.get().state == "superseded"

    add_segments(DuplicateLink.objects.get(), [(20.0, 40.0, 0.0, 20.0)])
    flag_video(flag.query_id)

    assert Flag.objects.filter(state="open").count() == 1
    assert states() == [("track", "released")]


def test_what_the_conditions_of_new_rights_spare_is_never_claimed(
    a_flag: MakeFlag, admin_client: Client
) -> None:
    flag = a_flag()
    form = {
        "video": str(flag.reference_id),
        "holder": holder_named("Acme").pk,
        "policy": "track",
        "least_seconds": "60",
    }

    made = admin_client.post("/admin/moderation/reference/add/", form)

    assert made.status_code == 302, made.content
    assert Reference.objects.get().least_seconds == 60
    assert states() == []


def test_two_who_take_rights_back_do_it_once(claimable: Callable[..., Flag]) -> None:
    claimable("block")
    first, second = Reference.objects.get(), Reference.objects.get()

    withdraw(first)
    withdraw(second)

    assert Event.objects.filter(machine="reference", move="withdrawn").count() == 1


def test_a_dismissal_says_beforehand_which_claims_it_ends(
    claimable: Callable[..., Flag], alice: User
) -> None:
    plain, tracked = claimable(""), claimable("track")
    for flag, ends in ((plain, False), (tracked, True)):
        taken(alice, flag)
        row = Flag.objects.get(pk=flag.pk)
        told = choices(row, moderator(alice), Lease.objects.get(flag=flag))
        does = next(each["does"] for each in told if each["verb"] == "dismiss")
        assert ("The claim that stands ends" in does) == ends, does
