"""Two people at one queue: taking, holding, losing and finding again what one wrote."""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import connections, transaction
from django.utils import timezone

from moderation.decide import Because, Ticket, confirm, dismiss, escalate
from moderation.errors import Held
from moderation.models import Event, Flag, Lease, Queue
from moderation.queues import Wanted, counts
from moderation.registration import Rights, holder_named, register
from moderation.review import expire, hand_over, release, renew, save_draft, take, take_next
from moderation.roles import moderator
from tests.moderation.conftest import MakeFlag, MakeUser, tell_every_state
from videos.errors import Refusal
from videos.models import Video

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]


def let_time_pass(flag: Flag) -> None:
    past = timezone.now() - timedelta(hours=1)
    Lease.objects.filter(flag=flag).update(
        taken_at=past, expires_at=timezone.now() - timedelta(seconds=1)
    )


def history(flag: Flag) -> list[str]:
    events = Event.objects.filter(machine="flag", subject_id=flag.pk).order_by("sequence")
    return [event.move for event in events]


def test_taking_gives_a_token_and_a_time(a_flag: MakeFlag, alice: User) -> None:
    flag = a_flag()

    hold = take(alice, flag.pk)

    assert (hold.flag.state, hold.flag.version) == ("leased", 3)
    left = hold.expires_at - timezone.now()
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    assert history(flag) == ["detect", "open", "take"]
    assert Event.objects.latest("pk").actor_name == "alice"


def test_what_is_held_is_refused_with_holder_and_expiry(
    a_flag: MakeFlag, alice: User, bob: User
) -> None:
    hold = take(alice, a_flag().pk)

    with pytest.raises(Held, match="alice is looking at this one until") as refused:
        take(bob, hold.flag.pk)

    assert refused.value.status == 409
    assert (refused.value.holder, refused.value.expires_at) == ("alice", hold.expires_at)


def test_taking_what_one_holds_is_holding_on_to_it(a_flag: MakeFlag, alice: User) -> None:
    first = take(alice, a_flag().pk)
    again = take(alice, first.flag.pk)

    assert again.token == first.token
    assert again.expires_at > first.expires_at
    assert history(first.flag) == ["detect", "open", "take"]


def test_a_lease_that_ran_out_is_taken_over_and_both_is_on_record(
    a_flag: MakeFlag, alice: User, bob: User
) -> None:
    flag = a_flag()
    lost = take(alice, flag.pk)
    let_time_pass(flag)

    hold = take(bob, flag.pk)

    assert history(flag) == ["detect", "open", "take", "expire", "take"]
    ticket = Ticket(flag.pk, lost.flag.version, lost.token)
    with pytest.raises(Held) as refused:
        dismiss(alice, ticket, Because("licensed"))
    assert refused.value.holder == "bob"
    with pytest.raises(Refusal, match="LEASE_LOST"):
        renew(alice, flag.pk, lost.token)
    assert renew(bob, flag.pk, hold.token) > hold.expires_at


def test_while_nobody_else_came_a_late_holder_goes_on(a_flag: MakeFlag, alice: User) -> None:
    flag = a_flag()
    hold = take(alice, flag.pk)
    let_time_pass(flag)

    assert renew(alice, flag.pk, hold.token) > timezone.now()
    let_time_pass(flag)
    dismiss(alice, Ticket(flag.pk, hold.flag.version, hold.token), Because("licensed"))

    assert Flag.objects.get().state == "dismissed"


def test_the_look_around_gives_back_what_ran_out_and_keeps_the_draft(
    a_flag: MakeFlag, alice: User, bob: User
) -> None:
    flag, other = a_flag(), a_flag()
    take(alice, flag.pk)
    take(alice, other.pk)
    save_draft(alice, flag.pk, "licensed", "they showed me a contr")
    let_time_pass(flag)

    assert (expire(), expire()) == (1, 0)

    flag.refresh_from_db()
    other.refresh_from_db()
    assert (flag.state, other.state) == ("open", "leased")
    assert Event.objects.filter(move="expire").get().facts == {"holder": alice.pk}
    assert take(bob, flag.pk).draft is None
    release(bob, flag.pk, Lease.objects.get(flag=flag).token)
    draft = take(alice, flag.pk).draft
    assert draft is not None
    assert (draft.reason, draft.note) == ("licensed", "they showed me a contr")


def test_a_draft_can_be_kept_after_the_lease_is_gone(
    a_flag: MakeFlag, alice: User, bob: User
) -> None:
    flag = a_flag()
    take(alice, flag.pk)
    let_time_pass(flag)
    take(bob, flag.pk)

    save_draft(alice, flag.pk, "exception", "a parody, see 0:40")
    save_draft(alice, flag.pk, "exception", "a parody, see 0:40 and 1:20")

    assert [draft.note for draft in flag.drafts.all()] == ["a parody, see 0:40 and 1:20"]


def test_releasing_gives_it_back_and_takes_the_token(a_flag: MakeFlag, alice: User) -> None:
    hold = take(alice, a_flag().pk)
    with pytest.raises(Refusal, match="LEASE_LOST"):
        release(alice, hold.flag.pk, uuid.uuid4())

    release(alice, hold.flag.pk, hold.token)

    assert Flag.objects.get().state == "open"
    with pytest.raises(Refusal, match="LEASE_LOST"):
        renew(alice, hold.flag.pk, hold.token)


def test_a_lead_releases_and_hands_over_what_others_hold(
    a_flag: MakeFlag, alice: User, bob: User, charlie: User
) -> None:
    flag = a_flag()
    before = take(alice, flag.pk)
    with pytest.raises(Refusal, match="NO_LEAD"):
        hand_over(bob, flag.pk, bob)

    after = hand_over(charlie, flag.pk, bob)

    assert after.token != before.token
    with pytest.raises(Held):
        dismiss(alice, Ticket(flag.pk, before.flag.version, before.token), Because("licensed"))
    event = Event.objects.latest("pk")
    assert (event.move, event.actor_kind, event.actor_name) == ("hand_over", "lead", "charlie")
    assert event.facts == {"from": alice.pk, "to": bob.pk}
    release(charlie, flag.pk)
    flag.refresh_from_db()
    assert flag.state == "open"
    with pytest.raises(Refusal, match="WRONG_STATE"):
        hand_over(charlie, flag.pk, bob)


def test_only_who_is_in_the_groups_may_take_and_a_superuser_is_not(
    a_flag: MakeFlag, person: MakeUser
) -> None:
    flag = a_flag()
    chief = User.objects.create_superuser("dora")
    for nobody in (person("eve"), chief):
        with pytest.raises(Refusal, match="NO_MODERATOR"):
            take(nobody, flag.pk)
        with pytest.raises(Refusal, match="NO_MODERATOR"):
            take_next(nobody)
    chief.groups.add(Group.objects.get(name="Moderators"))
    assert take(chief, flag.pk).flag.state == "leased"


def test_a_moderator_who_left_has_no_rights_any_more(a_flag: MakeFlag, alice: User) -> None:
    flag = a_flag()
    User.objects.filter(pk=alice.pk).update(is_active=False)

    with pytest.raises(Refusal, match="NO_MODERATOR"):
        take(User.objects.get(pk=alice.pk), flag.pk)


@pytest.mark.parametrize("side", ["query", "reference"])
@pytest.mark.parametrize("group", ["Moderators", "Leads"])
def test_nobody_takes_a_flag_about_their_own_video(
    side: str, group: str, a_flag: MakeFlag, video_row: MakeVideo, bob: User, charlie: User
) -> None:
    dora = User.objects.create_superuser("dora")
    dora.groups.add(Group.objects.get(name=group))
    flag = a_flag(**{side: video_row("mine.mp4", owner=dora)})

    with pytest.raises(Refusal, match="OWN_VIDEO"):
        take(dora, flag.pk)
    assert take_next(dora) is None
    take(bob, flag.pk)
    with pytest.raises(Refusal, match="OWN_VIDEO"):
        hand_over(charlie, flag.pk, dora)


def test_who_acts_for_a_rights_holder_decides_nothing_about_its_videos(
    a_flag: MakeFlag, alice: User, bob: User
) -> None:
    flag, acme = a_flag(), holder_named("Acme")
    register(flag.reference_id, Rights(acme))
    acme.members.add(alice)

    with pytest.raises(Refusal, match="OWN_VIDEO"):
        take(alice, flag.pk)
    assert take_next(alice) is None
    assert take_next(bob) is not None


def test_the_next_one_is_the_first_by_policy_then_by_age(
    a_flag: MakeFlag, alice: User, change_settings: Callable[..., None]
) -> None:
    plain, block, old = a_flag(0.99), a_flag(0.6), a_flag(0.95)
    register(block.reference_id, Rights(holder_named("Acme"), policy="block"))
    ten_days = Flag.objects.get(pk=old.pk)
    Flag.objects.filter(pk=old.pk).update(place=ten_days.place + 0.1 * 10)

    order = [take_next(alice) for _ in range(4)]

    assert [hold and hold.flag.pk for hold in order] == [block.pk, old.pk, plain.pk, None]


def test_a_filter_narrows_what_comes_next(a_flag: MakeFlag, alice: User) -> None:
    a_flag(0.99, kinds=["excerpt"])
    wanted = a_flag(0.6, kinds=["mirrored", "speed"])

    hold = take_next(alice, Wanted(kind="mirrored", most_score=0.7))

    assert hold is not None
    assert hold.flag == wanted
    assert take_next(alice, Wanted(policy="block")) is None
    assert take_next(alice, Wanted(older_than=1.0)) is None


def test_a_group_with_a_queue_sees_that_and_a_lead_sees_all(
    a_flag: MakeFlag, alice: User, bob: User, charlie: User
) -> None:
    film, plain = a_flag(0.6), a_flag(0.99)
    acme = holder_named("Acme")
    register(film.reference_id, Rights(acme, policy="block"))
    group = Group.objects.create(name="Films")
    alice.groups.add(group)
    queue = Queue.objects.create(group=group)
    queue.holders.add(acme)

    hold = take_next(alice)
    assert hold is not None
    assert hold.flag == film
    with pytest.raises(Refusal, match="NO_FLAG"):
        take(alice, plain.pk)
    with pytest.raises(Refusal, match="NO_FLAG"):
        save_draft(alice, plain.pk, "", "")
    for other in (bob, charlie):
        seen = counts(moderator(other))
        assert {state: told["count"] for state, told in seen.items()} == {"leased": 1, "open": 1}
    Queue.objects.create(group=group, policies=["", "track"])
    assert take(alice, plain.pk)


def test_second_reviews_and_escalations_are_held_like_others(
    a_flag: MakeFlag,
    alice: User,
    bob: User,
    charlie: User,
    change_settings: Callable[..., None],
) -> None:
    change_settings(second_review_share=1.0)
    flag, hard = a_flag(0.9), a_flag(0.8)
    hold = take(alice, flag.pk)
    confirm(alice, Ticket(flag.pk, hold.flag.version, hold.token), Because("full_copy"))
    hold = take(alice, hard.pk)
    escalate(alice, Ticket(hard.pk, hold.flag.version, hold.token), "a trailer?")

    with pytest.raises(Refusal, match="NOT_YOURS"):
        take(alice, flag.pk)
    assert take_next(alice, Wanted(state="second_review")) is None
    second = take_next(bob, Wanted(state="second_review"))
    assert second is not None
    assert (second.flag.state, second.flag.proposer_id) == ("second_review", alice.pk)
    with pytest.raises(Held):
        take(charlie, flag.pk)
    with pytest.raises(Refusal, match="NOT_YOURS"):
        take(bob, hard.pk)
    assert take_next(charlie, Wanted(state="escalated")) is not None
    with pytest.raises(Refusal, match="NOT_YOURS"):
        hand_over(charlie, hard.pk, bob)
    let_time_pass(flag)
    assert expire() == 1
    flag.refresh_from_db()
    assert (flag.state, flag.proposer_id) == ("second_review", alice.pk)


def elsewhere(action: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            action()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_the_next_one_never_waits_for_one_that_somebody_is_writing_to(
    a_flag: MakeFlag, alice: User, bob: User
) -> None:
    first, second = a_flag(0.9), a_flag(0.8)
    found = []
    with transaction.atomic():
        Flag.objects.select_for_update().get(pk=first.pk)
        taking = elsewhere(lambda: found.append(take_next(bob)))
        taking.join(10)
        assert not taking.is_alive(), "it waited"
        waiting = elsewhere(lambda: found.append(take(alice, first.pk)))
        waiting.join(0.3)
        assert waiting.is_alive(), "who wants this one and no other has to wait"
    waiting.join(10)

    assert [hold and hold.flag for hold in found] == [second, first]
    tell_every_state()
