"""A video goes: its flags end, its pictures go, what was decided stays."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction

from moderation.decide import Because, Ticket, dismiss
from moderation.flagging import flag as flag_video
from moderation.models import Decision, Draft, Event, Flag, FrozenPicture, Lease
from moderation.review import save_draft, take, take_next
from tests.moderation.conftest import MakeFlag, tell_every_state
from videos import deletion
from videos.errors import Refusal
from videos.models import Video

pytestmark = pytest.mark.django_db


def test_flags_of_a_deleted_video_end_and_their_history_stays(
    take_in: Callable[..., Video], film: Path, excerpt: Path, alice: User
) -> None:
    original, copy = take_in(film), take_in(excerpt, "holiday-in-wales.mp4")
    hold = take(alice, Flag.objects.get().pk)
    dismiss(
        alice, Ticket(hold.flag.pk, hold.flag.version, hold.token), Because("licensed", "contract")
    )
    before = list(Event.objects.values())
    decisions = list(Decision.objects.values())
    assert FrozenPicture.objects.filter(video_id=copy.pk).exists()

    deletion.delete(copy.pk)

    left = Flag.objects.get()
    assert (left.state, left.reason, left.link) == ("superseded", "video_deleted", None)
    assert {left.query_id, left.reference_id} == {original.pk, copy.pk}
    assert list(Decision.objects.values()) == decisions
    assert list(Event.objects.values())[: len(before)] == before
    event = Event.objects.latest("pk")
    assert (event.move, event.facts) == ("supersede", {"deleted": str(copy.pk)})
    assert copy.sha256 in Decision.objects.get().evidence
    assert "wales" not in Decision.objects.get().evidence
    assert set(FrozenPicture.objects.values_list("video_id", flat=True)) == {original.pk}


def test_what_somebody_holds_ends_as_well(a_flag: MakeFlag, alice: User) -> None:
    flag, other = a_flag(), a_flag()
    hold = take(alice, flag.pk)
    save_draft(alice, flag.pk, "licensed", "wait")

    deletion.delete(flag.reference_id)

    assert not Lease.objects.exists()
    assert not Draft.objects.exists()
    with pytest.raises(Refusal, match="CHANGED"):
        dismiss(alice, Ticket(flag.pk, hold.flag.version, hold.token), Because("licensed"))
    found = take_next(alice)
    assert found is not None
    assert found.flag == other


def test_deleting_again_or_a_video_without_flags_adds_nothing(
    a_flag: MakeFlag, video_row: Callable[..., Video]
) -> None:
    flag, alone = a_flag(), video_row("alone.mp4")
    deletion.delete(flag.query_id)
    count = Event.objects.count()

    deletion.delete(flag.query_id)
    deletion.delete(alone.pk)

    assert Event.objects.count() == count


def test_a_crash_while_it_is_marked_leaves_flags_as_they_were(
    a_flag: MakeFlag, monkeypatch: pytest.MonkeyPatch
) -> None:
    flag = a_flag()

    monkeypatch.setattr("moderation.superseding.FrozenPicture.objects", None)
    with pytest.raises(AttributeError):
        deletion.delete(flag.query_id)

    assert Flag.objects.get().state == "open"
    assert Video.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_deletion_waits_for_a_decision_and_for_a_new_flag(a_flag: MakeFlag) -> None:
    flag = a_flag()

    def remove() -> None:
        try:
            deletion.delete(flag.query_id)
        finally:
            connections.close_all()

    with transaction.atomic():
        flag_video(flag.query_id)
        removing = threading.Thread(target=remove)
        removing.start()
        removing.join(0.3)
        assert removing.is_alive(), "it must wait"
    removing.join(20)

    assert not removing.is_alive()
    assert Flag.objects.get().state == "superseded"
    tell_every_state()
