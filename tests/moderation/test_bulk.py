"""One verdict on many flags, with a decision and an event for each."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from moderation.bulk import Verdict, bulk
from moderation.decide import undo
from moderation.errors import Held
from moderation.flagging import flag_all
from moderation.models import Claim, Decision, Event, Flag, Lease, Reference
from moderation.registration import holder_named
from moderation.review import take
from tests.moderation.conftest import MakeFlag, MakeLink
from videos.errors import Refusal
from videos.models import Video

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]
ChangeSettings = Callable[..., None]


def versions(*flags: Flag) -> dict[int, int]:
    return {flag.pk: Flag.objects.get(pk=flag.pk).version for flag in flags}


def test_five_hundred_are_dismissed_with_one_event_each(
    a_link: MakeLink, video_row: MakeVideo, alice: User
) -> None:
    film = video_row("film.mp4")
    for _ in range(500):
        a_link(reference=film)
    flag_all([film.pk])
    selection = dict(Flag.objects.values_list("pk", "version"))
    before = Event.objects.count()

    with CaptureQueriesContext(connection) as asked:
        done = bulk(alice, selection, Verdict.DISMISSED, "bad_reference", "a test card")

    assert (len(done.done), done.refused) == (500, {})
    assert set(Flag.objects.values_list("state", "version")) == {("dismissed", 3)}
    events = Event.objects.filter(bulk_id=done.id)
    assert (events.count(), Event.objects.count() - before) == (500, 500)
    assert set(events.values_list("subject_id", flat=True)) == set(selection)
    assert set(events.values_list("decision__note", flat=True)) == {"a test card"}
    assert Decision.objects.filter(bulk_id=done.id).count() == 500
    assert len(asked) < 1100, "two questions a flag at most"


def test_what_cannot_be_decided_is_left_and_told_and_the_rest_is_done(
    a_flag: MakeFlag, alice: User, bob: User, video_row: MakeVideo
) -> None:
    free, held, mine, changed, decided, owned = (a_flag() for _ in range(6))
    lease = take(bob, held.pk)
    take(alice, mine.pk)
    selection = versions(free, held, mine, changed, decided, owned) | {999_999: 1}
    selection[changed.pk] = 1
    bulk(bob, versions(decided), Verdict.DISMISSED, "licensed")
    selection[decided.pk] += 1
    Video.objects.filter(pk=owned.query_id).update(owner=alice)

    done = bulk(alice, selection, Verdict.DISMISSED, "licensed")

    assert done.done == {free.pk: "dismissed", mine.pk: "dismissed"}
    assert {pk: why.code for pk, why in done.refused.items()} == {
        held.pk: "HELD",
        changed.pk: "CHANGED",
        decided.pk: "WRONG_STATE",
        owned.pk: "OWN_VIDEO",
        999_999: "NO_FLAG",
    }
    in_the_way = done.refused[held.pk]
    assert isinstance(in_the_way, Held)
    assert (in_the_way.holder, in_the_way.expires_at) == ("bob", lease.expires_at)
    assert list(Lease.objects.values_list("flag_id", flat=True)) == [held.pk]


def test_copies_confirmed_in_bulk_go_before_a_second_person(
    a_flag: MakeFlag, alice: User, change_settings: ChangeSettings
) -> None:
    flags = [a_flag(), a_flag()]

    done = bulk(alice, versions(flags[0]), Verdict.CONFIRMED, "full_copy")
    assert set(done.done.values()) == {"second_review"}
    assert Flag.objects.get(pk=flags[0].pk).proposer_id == alice.pk

    change_settings(bulk_needs_two=False)
    done = bulk(alice, versions(flags[1]), Verdict.CONFIRMED, "full_copy")
    assert set(done.done.values()) == {"confirmed"}
    assert Decision.objects.latest("pk").segments == [[0, 10, 50, 60]]


def test_each_of_them_can_be_undone(a_flag: MakeFlag, alice: User) -> None:
    flags = [a_flag(), a_flag()]
    bulk(alice, versions(*flags), Verdict.DISMISSED, "licensed")

    undo(alice, flags[0].pk)

    assert [Flag.objects.get(pk=flag.pk).state for flag in flags] == ["open", "dismissed"]


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (Verdict.DISMISSED, "full_copy"),
        (Verdict.CONFIRMED, "licensed"),
        (Verdict.RETURNED, "look_again"),
    ],
)
def test_one_reason_that_fits_is_needed(
    verdict: Verdict, reason: str, a_flag: MakeFlag, alice: User
) -> None:
    with pytest.raises(Refusal, match="BAD_REASON"):
        bulk(alice, versions(a_flag()), verdict, reason)
    assert not Decision.objects.exists()


def test_many_claims_are_opened_with_few_questions_each(
    a_link: MakeLink, video_row: MakeVideo, alice: User, change_settings: ChangeSettings
) -> None:
    change_settings(bulk_needs_two=False)
    film = video_row("film.mp4")
    for _ in range(50):
        a_link(reference=film)
    flag_all([film.pk])
    # Rights that the flags have not heard of yet: all claims come with the confirmation.
    Reference.objects.create(video=film, holder=holder_named("Acme"), policy="track")
    selection = dict(Flag.objects.values_list("pk", "version"))

    with CaptureQueriesContext(connection) as asked:
        bulk(alice, selection, Verdict.CONFIRMED, "full_copy")

    assert Claim.objects.filter(state="active").count() == 50
    assert len(asked) < 8 * 50, "eight a flag, with its decision"
