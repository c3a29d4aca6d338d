"""Links that are sure enough become flags."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from matching.engine.version import ENGINE_VERSION
from matching.models import DuplicateLink, Segment
from moderation.decide import Because, Ticket, confirm, dismiss, reopen
from moderation.flagging import flag, worth_a_flag
from moderation.models import Event, Flag
from moderation.registration import Rights, holder_named, register, withdraw
from moderation.review import take
from tests.moderation.conftest import MakeFlag, MakeLink, add_segments

pytestmark = pytest.mark.django_db


def test_a_sure_link_opens_a_flag(a_link: MakeLink) -> None:
    link = a_link(0.9)

    flag(link.query_id)

    opened = Flag.objects.get()
    assert (opened.link, opened.state) == (link, Flag.State.OPEN)
    assert opened.priority == pytest.approx(0.9)


@pytest.mark.parametrize(("score", "flags"), [(0.49, 0), (0.5, 1), (1.0, 1)])
def test_the_confidence_of_the_settings_decides(score: float, flags: int, a_link: MakeLink) -> None:
    flag(a_link(score).query_id)

    assert Flag.objects.count() == flags


def test_another_confidence_in_the_settings_gives_another_result(
    a_link: MakeLink, change_settings: Callable[..., None]
) -> None:
    change_settings(flag_confidence=0.95)

    assert flag(a_link(0.9).query_id) == []


def test_a_shared_intro_is_told_but_not_flagged(a_link: MakeLink) -> None:
    assert not worth_a_flag(0.99, ["excerpt", "shared"])
    assert flag(a_link(0.99, kinds=["shared"]).query_id) == []


def test_a_provisional_link_waits(a_link: MakeLink) -> None:
    assert flag(a_link(0.99, provisional=True).query_id) == []


def test_a_link_is_flagged_from_either_side_and_once(a_link: MakeLink) -> None:
    link = a_link()

    first, again, other = flag(link.query_id), flag(link.query_id), flag(link.reference_id)

    assert first == again == other
    assert Flag.objects.count() == 1


def test_a_link_that_grew_doubtful_suppresses_its_flag_and_says_why(a_link: MakeLink) -> None:
    link = a_link(0.9)
    flag(link.query_id)
    DuplicateLink.objects.update(score=0.4)

    flag(link.query_id)

    suppressed = Flag.objects.get()
    assert (suppressed.state, suppressed.reason) == (Flag.State.SUPPRESSED, "less_sure")


def test_a_link_that_grew_sure_again_opens_its_flag_again(a_link: MakeLink) -> None:
    link = a_link(0.9)
    for score in (0.9, 0.4, 0.95):
        DuplicateLink.objects.update(score=score)
        flag(link.query_id)

    opened = Flag.objects.get()
    assert (opened.state, opened.reason) == (Flag.State.OPEN, "sure_again")


def test_sure_and_large_comes_first(a_link: MakeLink) -> None:
    small = a_link(0.95, covered_query=0.1, covered_reference=0.05)
    large = a_link(0.9, covered_query=0.3, covered_reference=1.0)
    for link in (small, large):
        flag(link.query_id)

    assert [found.link for found in Flag.objects.all()] == [large, small]


def test_a_flag_outlives_its_link_and_waits_no_longer(a_link: MakeLink) -> None:
    link = a_link()
    flag(link.query_id)
    pair = (link.query_id, link.reference_id)
    link.delete()

    assert flag(pair[0]) == []

    left = Flag.objects.get()
    assert (left.query_id, left.reference_id) == pair
    assert (left.state, left.reason, left.link) == ("suppressed", "not_found_again", None)


def test_a_match_that_is_found_again_opens_the_same_flag(a_link: MakeLink) -> None:
    link = a_link()
    (first,) = flag(link.query_id)
    link.delete()
    flag(link.query_id)
    again = a_link(query=link.query, reference=link.reference)

    assert flag(again.query_id) == [first]
    opened = Flag.objects.get()
    assert (opened.state, opened.link) == (Flag.State.OPEN, again)


def test_an_unknown_state_and_a_second_flag_of_a_pair_are_refused(a_link: MakeLink) -> None:
    link = a_link()
    pair = {"query_id": link.query_id, "reference_id": link.reference_id}
    with pytest.raises(IntegrityError, match="flag_state_known"), transaction.atomic():
        Flag.objects.create(link=link, state="lost", **pair)
    flag(link.query_id)

    turned = {"query_id": link.reference_id, "reference_id": link.query_id}
    for each in (pair, turned):
        with pytest.raises(IntegrityError, match="flag_pair_once"), transaction.atomic():
            Flag.objects.create(link=link, **each)


def test_detection_and_opening_are_two_lines_of_history(a_link: MakeLink) -> None:
    link = a_link()
    (opened,) = flag(link.query_id)

    first, second = Event.objects.filter(subject_id=opened.pk)
    assert [first.move, second.move] == ["detect", "open"]
    assert first.facts == {"link": link.pk, "engine": ENGINE_VERSION}
    assert second.video_ids == [link.query_id, link.reference_id]
    assert (second.actor_kind, second.actor_id) == ("system", None)


def test_flags_carry_what_queues_filter_by(
    a_link: MakeLink, change_settings: Callable[..., None]
) -> None:
    change_settings(due_hours_block=5.0)
    link = a_link(0.8, kinds=["excerpt", "mirrored"])
    acme = holder_named("Acme")
    register(link.reference_id, Rights(acme, policy="block"))

    opened = Flag.objects.get()
    assert (opened.holder, opened.policy) == (acme, "block")
    assert (opened.score, opened.covered, opened.kinds) == (0.8, 1.0, ["excerpt", "mirrored"])
    assert opened.priority == pytest.approx(3.8)
    assert opened.opened_at is not None
    assert opened.due_at is not None
    assert opened.due_at - opened.opened_at == timedelta(hours=5)
    assert opened.policy_version.startswith(f"holder {acme.pk} v1, reference ")


def test_registering_turns_a_waiting_flag_round_and_changes_its_clock(a_flag: MakeFlag) -> None:
    before = a_flag()
    reference = register(before.query_id, Rights(holder_named("Acme"), policy="block")).reference

    turned = Flag.objects.get()
    assert (turned.query_id, turned.reference_id) == (before.reference_id, before.query_id)
    assert (turned.policy, turned.version) == ("block", before.version)
    assert turned.opened_at == before.opened_at
    assert turned.due_at < before.due_at  # type: ignore[operator]

    withdraw(reference)
    back = Flag.objects.get()
    assert (back.query_id, back.policy, back.holder) == (before.query_id, "", None)
    assert back.due_at == before.due_at


def decided(user: User, opened: Flag, *, copy: bool) -> Flag:
    hold = take(user, opened.pk)
    ticket = Ticket(opened.pk, hold.flag.version, hold.token)
    verb, reason = (confirm, "full_copy") if copy else (dismiss, "licensed")
    verb(user, ticket, Because(reason))
    return Flag.objects.get(pk=opened.pk)


@pytest.mark.parametrize("copy", [True, False])
def test_a_decided_flag_is_opened_by_seconds_that_nobody_has_judged(
    copy: bool, a_flag: MakeFlag, alice: User
) -> None:
    done = decided(alice, a_flag(), copy=copy)
    link = done.link
    assert link is not None
    Segment.objects.filter(link=link).update(q_end=10.5, r_end=60.5)
    flag(link.query_id)
    assert Flag.objects.get().state == done.state, "half a second is not worth a person's time"

    add_segments(link, [(20.0, 25.0, 80.0, 85.0)])
    flag(link.query_id)

    opened = Flag.objects.get()
    assert (opened.state, opened.reason) == (Flag.State.OPEN, "new_segments")
    assert Event.objects.latest("pk").facts["new_seconds"] == 5.5
    assert opened.decisions.count() == 1


@pytest.fixture
def of_version_1(a_link: MakeLink) -> DuplicateLink:
    """A link that an older engine made, with the flag it opened then."""
    link = a_link(0.8)
    flag(link.query_id)
    DuplicateLink.objects.update(version="1")
    link.refresh_from_db()
    return link


def found_again(link: DuplicateLink, **fields: Any) -> DuplicateLink:
    """The running engine's link of the same pair, seen from the other side."""
    stretches = fields.pop("segments", [(50.0, 60.0, 0.0, 10.0)])
    plain = {"score": 0.99, "matched_frames": 80, "covered_query": 1.0, "covered_reference": 1.0}
    pair = {"query": link.reference, "reference": link.query, "version": ENGINE_VERSION}
    again = DuplicateLink.objects.create(**(pair | plain | fields))
    add_segments(again, stretches)
    return again


def test_a_pair_that_an_older_flag_stands_for_gets_no_second_one(
    of_version_1: DuplicateLink,
) -> None:
    before = Flag.objects.values().get()
    found_again(of_version_1)

    assert flag(of_version_1.query_id) == []
    assert Flag.objects.values().get() == before


def test_a_pair_whose_older_flag_is_suppressed_is_opened_anew(of_version_1: DuplicateLink) -> None:
    DuplicateLink.objects.update(version=ENGINE_VERSION, score=0.2)
    flag(of_version_1.query_id)
    DuplicateLink.objects.update(version="1")
    again = found_again(of_version_1)

    (opened,) = flag(of_version_1.query_id)

    assert (opened.link, opened.state) == (again, Flag.State.OPEN)
    assert Flag.objects.count() == 1


@pytest.mark.parametrize(
    ("segments", "state"),
    [
        ([(50.0, 60.0, 0.0, 10.0)], "dismissed"),
        ([(52.0, 58.0, 2.0, 8.0)], "dismissed"),
        ([(50.0, 60.0, 0.0, 10.0), (70.0, 80.0, 20.0, 30.0)], "open"),
        ([(70.0, 80.0, 0.0, 10.0)], "open"),
    ],
)
def test_a_new_engine_opens_a_decided_flag_only_on_new_segments(
    of_version_1: DuplicateLink,
    alice: User,
    segments: list[tuple[float, float, float, float]],
    state: str,
) -> None:
    decided(alice, Flag.objects.get(), copy=False)
    again = found_again(of_version_1, segments=segments)

    flag(of_version_1.query_id)

    left = Flag.objects.get()
    assert left.state == state
    assert left.link == (again if state == "open" else of_version_1)


def test_the_flag_of_an_older_version_is_not_judged_by_todays_settings(
    of_version_1: DuplicateLink, change_settings: Callable[..., None]
) -> None:
    change_settings(flag_confidence=0.95)

    flag(of_version_1.query_id)

    assert Flag.objects.get().state == Flag.State.OPEN


def test_an_older_link_without_a_flag_gets_none_later(a_link: MakeLink) -> None:
    assert flag(a_link(0.9, version="1").query_id) == []


def test_other_pairs_of_the_video_are_flagged_as_ever(
    of_version_1: DuplicateLink, a_link: MakeLink
) -> None:
    other = a_link(0.9, query=of_version_1.query)

    assert [opened.link for opened in flag(of_version_1.query_id)] == [other]


def test_what_a_lead_put_back_is_not_taken_out_of_the_queue_again(
    a_flag: MakeFlag, charlie: User
) -> None:
    opened = a_flag()
    DuplicateLink.objects.update(score=0.3)
    flag(opened.query_id)
    doubtful = Flag.objects.get()
    reopen(charlie, doubtful.pk, doubtful.version, "new_facts")

    flag(opened.query_id)

    assert Flag.objects.get().state == Flag.State.OPEN
