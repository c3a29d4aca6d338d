"""Deciding: a record before it is an act, by who holds the flag and on what was seen."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection

from matching.models import DuplicateLink
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
from moderation.evidence import evidence_of
from moderation.flagging import flag as flag_video
from moderation.models import AllowRule, Decision, Draft, Event, Flag, FrozenPicture, Lease
from moderation.registration import Rights, holder_named, register
from moderation.review import Hold, save_draft, take
from moderation.rules import NewRule, pair_of
from tests.moderation.conftest import MakeFlag, MakeUser
from videos.errors import Refusal
from videos.models import State, Video

pytestmark = pytest.mark.django_db

ChangeSettings = Callable[..., None]
MakeVideo = Callable[..., Video]


def ticket(hold: Hold) -> Ticket:
    return Ticket(hold.flag.pk, hold.flag.version, hold.token)


def taken(user: User, flag: Flag) -> Ticket:
    return ticket(take(user, flag.pk))


def state(flag: Flag) -> str:
    return Flag.objects.get(pk=flag.pk).state


def test_a_dismissal_is_recorded_with_reason_evidence_and_one_event(
    a_flag: MakeFlag, alice: User
) -> None:
    flag = a_flag()

    made = dismiss(alice, taken(alice, flag), Because("licensed", "contract of 3 May"))

    assert state(flag) == "dismissed"
    kept = Decision.objects.get()
    assert kept == made
    assert (kept.verdict, kept.reason, kept.note) == ("dismissed", "licensed", "contract of 3 May")
    assert (kept.moderator_id, kept.moderator_name) == (alice.pk, "alice")
    assert kept.video_ids == [flag.query_id, flag.reference_id]
    told = json.loads(kept.evidence)
    assert (told["score"], told["threshold"], told["engine"]) == (0.9, 0.5, flag.link.version)  # type: ignore[union-attr]
    assert told["segments"][0]["query"] == [0, 10]
    assert told["segments"][0]["pairs"] == [[0, 50, 0.95]]
    assert kept.segments == [[0, 10, 50, 60]]
    event = Event.objects.latest("pk")
    assert (event.move, event.before, event.after) == ("dismiss", "leased", "dismissed")
    assert (event.decision, event.reason) == (kept, "licensed")
    assert Event.objects.filter(decision=kept).count() == 1
    assert not Lease.objects.exists()


def test_what_was_a_draft_is_on_record_and_no_draft_any_more(a_flag: MakeFlag, alice: User) -> None:
    flag = a_flag()
    mine = taken(alice, flag)
    save_draft(alice, flag.pk, "licensed", "contr")

    dismiss(alice, mine, Because("licensed", "contract"))

    assert not Draft.objects.exists()


def test_a_confirmation_names_the_segments_it_is_about(a_flag: MakeFlag, alice: User) -> None:
    flag = a_flag(segments=[(0.0, 10.0, 50.0, 60.0), (20.0, 30.0, 0.0, 10.0)])
    mine = taken(alice, flag)
    with pytest.raises(Refusal, match="BAD_SEGMENTS"):
        confirm(alice, mine, Because("partial_copy", segments=[2]))

    made = confirm(alice, mine, Because("partial_copy", segments=[1]))

    assert (state(flag), made.segments) == ("confirmed", [[20, 30, 0, 10]])


@pytest.mark.parametrize("reason", ["", "full_copy", "because"])
def test_a_dismissal_needs_one_of_its_reasons(reason: str, a_flag: MakeFlag, alice: User) -> None:
    flag = a_flag()
    with pytest.raises(Refusal, match="BAD_REASON"):
        dismiss(alice, taken(alice, flag), Because(reason))

    assert (state(flag), Decision.objects.count()) == ("leased", 0)


def test_a_stale_version_or_token_is_refused(a_flag: MakeFlag, alice: User, bob: User) -> None:
    flag = a_flag()
    mine = taken(alice, flag)

    with pytest.raises(Refusal, match="CHANGED"):
        dismiss(alice, Ticket(mine.flag_id, mine.version - 1, mine.token), Because("licensed"))
    with pytest.raises(Refusal, match="HELD"):
        dismiss(bob, Ticket(mine.flag_id, mine.version, uuid.uuid4()), Because("licensed"))
    dismiss(alice, mine, Because("licensed"))
    with pytest.raises(Refusal, match="CHANGED"):
        dismiss(alice, mine, Because("licensed"))


def test_another_persons_token_opens_nothing(a_flag: MakeFlag, alice: User, bob: User) -> None:
    mine = taken(alice, a_flag())

    with pytest.raises(Refusal, match="NOT_YOURS"):
        dismiss(bob, mine, Because("licensed"))


def test_evidence_that_changed_since_it_was_seen_is_looked_at_again(
    a_flag: MakeFlag, alice: User
) -> None:
    flag = a_flag()
    mine = taken(alice, flag)
    seen = evidence_of([flag])[flag.pk].sha256
    DuplicateLink.objects.update(score=0.7)

    with pytest.raises(Refusal, match="EVIDENCE_CHANGED"):
        confirm(alice, mine, Because("full_copy", seen=seen))
    seen = evidence_of([flag])[flag.pk].sha256
    confirm(alice, mine, Because("full_copy", seen=seen))


def test_what_is_no_longer_found_cannot_be_confirmed_only_dismissed(
    a_flag: MakeFlag, alice: User
) -> None:
    flag = a_flag()
    mine = taken(alice, flag)
    DuplicateLink.objects.all().delete()
    flag_video(flag.query_id)

    with pytest.raises(Refusal, match="NO_EVIDENCE"):
        confirm(alice, mine, Because("full_copy"))
    dismiss(alice, mine, Because("not_the_same"))

    assert json.loads(Decision.objects.get().evidence)["link"] is None


def test_who_came_to_own_a_video_meanwhile_cannot_decide(a_flag: MakeFlag, alice: User) -> None:
    flag = a_flag()
    mine = taken(alice, flag)
    Video.objects.filter(pk=flag.query_id).update(owner=alice)

    with pytest.raises(Refusal, match="OWN_VIDEO"):
        dismiss(alice, mine, Because("same_owner"))


def test_blocking_needs_two_and_not_the_same_one_twice(
    a_flag: MakeFlag, alice: User, bob: User
) -> None:
    flag = a_flag()
    register(flag.reference_id, Rights(holder_named("Acme"), policy="block"))

    confirm(alice, taken(alice, flag), Because("full_copy"))
    assert state(flag) == "second_review"
    assert Event.objects.latest("pk").facts == {"second_review": "blocking"}
    with pytest.raises(Refusal, match="NOT_YOURS"):
        take(alice, flag.pk)
    answer_second_review(bob, taken(bob, flag), Because("full_copy"), agrees=True)

    assert state(flag) == "confirmed"
    assert [each.move for each in Decision.objects.all()] == ["propose", "agree"]


def test_a_second_reviewer_who_disagrees_gives_it_back(
    a_flag: MakeFlag, alice: User, bob: User, change_settings: ChangeSettings
) -> None:
    change_settings(second_review_share=1.0)
    flag = a_flag()
    confirm(alice, taken(alice, flag), Because("full_copy"))
    mine = taken(bob, flag)
    with pytest.raises(Refusal, match="BAD_REASON"):
        answer_second_review(bob, mine, Because("full_copy"), agrees=False)

    answer_second_review(bob, mine, Because("not_convinced"), agrees=False)

    assert state(flag) == "open"
    assert Decision.objects.latest("pk").verdict == "returned"
    assert taken(alice, flag)


def test_a_dismissal_needs_no_second_person(
    a_flag: MakeFlag, alice: User, change_settings: ChangeSettings
) -> None:
    change_settings(second_review_share=1.0)
    flag = a_flag()
    dismiss(alice, taken(alice, flag), Because("licensed"))

    assert state(flag) == "dismissed"


def test_an_uploader_of_many_honest_videos_is_confirmed_by_two(
    a_flag: MakeFlag,
    alice: User,
    person: MakeUser,
    video_row: MakeVideo,
    change_settings: ChangeSettings,
) -> None:
    change_settings(trusted_uploads=2)
    eve = person("eve")
    first, second = (video_row("e.mp4", owner=eve, state=State.READY) for _ in range(2))
    flag, again = a_flag(query=first), a_flag(query=second)
    confirm(alice, taken(alice, flag), Because("full_copy"))

    assert state(flag) == "second_review"
    assert Event.objects.latest("pk").facts == {"second_review": "trusted_uploader"}
    undo(alice, flag.pk)
    change_settings(trusted_uploads=3)
    confirm(alice, taken(alice, flag), Because("full_copy"))
    change_settings(trusted_uploads=2)
    confirm(alice, taken(alice, again), Because("full_copy"))
    assert state(again) == "confirmed", "the first confirmed copy ends the trust"


@pytest.mark.parametrize(
    ("verdict", "reason", "after"),
    [
        (Verdict.CONFIRMED, "full_copy", "confirmed"),
        (Verdict.DISMISSED, "exception", "dismissed"),
        (Verdict.RETURNED, "look_again", "open"),
    ],
)
def test_a_lead_answers_what_was_escalated(
    verdict: Decision.Verdict,
    reason: str,
    after: str,
    a_flag: MakeFlag,
    alice: User,
    charlie: User,
) -> None:
    flag = a_flag()
    mine = taken(alice, flag)
    with pytest.raises(Refusal, match="NOTE_NEEDED"):
        escalate(alice, mine, " ")
    escalate(alice, mine, "is this a parody?")
    assert Event.objects.latest("pk").note == "is this a parody?"
    with pytest.raises(Refusal, match="NOT_YOURS"):
        take(alice, flag.pk)

    answer_escalation(charlie, taken(charlie, flag), Because(reason), verdict)

    assert state(flag) == after
    assert Event.objects.latest("pk").actor_kind == "lead"


def let_the_clock_run(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Decisions cannot be made older, so the clock that judges them goes on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (moment,) = cursor.fetchone()
    monkeypatch.setattr("moderation.decide.now", lambda: moment + timedelta(seconds=seconds))


@pytest.mark.parametrize("copy", [True, False])
def test_a_decision_can_be_undone_within_a_minute(
    copy: bool, a_flag: MakeFlag, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    flag = a_flag()
    verb, reason = (confirm, "full_copy") if copy else (dismiss, "licensed")
    made = verb(alice, taken(alice, flag), Because(reason))
    let_the_clock_run(monkeypatch, 58)

    undo(alice, flag.pk)

    assert state(flag) == "open"
    assert list(Decision.objects.all()) == [made], "the record stays"
    event = Event.objects.latest("pk")
    assert (event.move, event.facts) == ("undo", {"decision": made.pk})
    with pytest.raises(Refusal, match="WRONG_STATE"):
        undo(alice, flag.pk)


def test_after_a_minute_or_by_others_nothing_is_undone(
    a_flag: MakeFlag, alice: User, bob: User, charlie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    flag = a_flag()
    dismiss(alice, taken(alice, flag), Because("licensed"))
    for other in (bob, charlie):
        with pytest.raises(Refusal, match="NOT_YOURS"):
            undo(other, flag.pk)
    let_the_clock_run(monkeypatch, 61)

    with pytest.raises(Refusal, match="TOO_LATE"):
        undo(alice, flag.pk)

    assert state(flag) == "dismissed"


def test_a_proposal_that_somebody_looks_at_is_not_undone_under_their_hands(
    a_flag: MakeFlag, alice: User, bob: User, change_settings: ChangeSettings
) -> None:
    change_settings(second_review_share=1.0)
    flag = a_flag()
    confirm(alice, taken(alice, flag), Because("full_copy"))
    take(bob, flag.pk)

    with pytest.raises(Refusal, match="HELD"):
        undo(alice, flag.pk)


def test_a_dismissal_is_remembered_by_its_rule_until_it_is_undone(
    a_flag: MakeFlag, alice: User
) -> None:
    flag = a_flag()
    mine = taken(alice, flag)
    with pytest.raises(Refusal, match="NO_LEAD"):
        dismiss(alice, mine, Because("licensed"), NewRule("licence", licence="CC0"))
    assert state(flag) == "leased"

    made = dismiss(alice, mine, Because("licensed"), pair_of(flag))

    rule = AllowRule.objects.get()
    assert (rule.kind, rule.reason, rule.decision_id) == ("pair", "licensed", made.pk)
    assert rule.expires_at is not None
    undo(alice, flag.pk)
    rule.refresh_from_db()
    assert rule.revoked_at is not None
    moves = [event.move for event in Event.objects.filter(machine="rule")]
    assert moves == ["made", "revoked"]


def test_a_lead_reopens_and_history_stays(a_flag: MakeFlag, alice: User, charlie: User) -> None:
    flag = a_flag()
    dismiss(alice, taken(alice, flag), Because("licensed"), pair_of(flag))
    done = Flag.objects.get()
    for wrong, code in ((alice, "NO_LEAD"), (charlie, "CHANGED")):
        with pytest.raises(Refusal, match=code):
            reopen(wrong, flag.pk, done.version - 1, "complaint")
    with pytest.raises(Refusal, match="BAD_REASON"):
        reopen(charlie, flag.pk, done.version, "licensed")

    reopen(charlie, flag.pk, done.version, "complaint", "the contract was forged")

    left = Flag.objects.get()
    assert (left.state, left.reason) == ("open", "complaint")
    assert left.opened_at > flag.opened_at  # type: ignore[operator]
    assert AllowRule.objects.get().revoked_at is not None
    assert Decision.objects.count() == 1


def test_the_pictures_of_a_decision_are_frozen_with_it(
    take_in: Callable[..., Video], film: Path, excerpt: Path, alice: User
) -> None:
    take_in(film)
    take_in(excerpt)
    flag = Flag.objects.get()

    confirm(alice, taken(alice, flag), Because("partial_copy"))

    told = json.loads(Decision.objects.get().evidence)["pictures"]
    kept = FrozenPicture.objects.all()
    assert 2 <= len(kept) <= 8
    assert {each.video_id for each in kept} == {flag.query_id, flag.reference_id}
    assert [each["sha256"] for each in told] == [each.sha256 for each in kept.order_by("pk")]
    assert all(bytes(each.jpeg).startswith(b"\xff\xd8") for each in kept)
