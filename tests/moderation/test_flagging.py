"""Links that are sure enough become flags."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from matching.engine.version import ENGINE_VERSION
from matching.models import DuplicateLink
from moderation.flagging import flag, worth_a_flag
from moderation.models import Flag
from videos.models import Video

pytestmark = pytest.mark.django_db


@pytest.fixture
def a_link(video_row: Callable[..., Video]) -> Callable[..., DuplicateLink]:
    def make(score: float = 0.9, **fields: Any) -> DuplicateLink:
        plain: dict[str, Any] = {
            "query": video_row("copy.mp4"),
            "reference": video_row("film.mp4"),
            "version": ENGINE_VERSION,
            "score": score,
            "matched_frames": 40,
            "covered_query": 1.0,
            "covered_reference": 0.5,
        }
        return DuplicateLink.objects.create(**(plain | fields))

    return make


MakeLink = Callable[..., DuplicateLink]


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
    assert suppressed.state == Flag.State.SUPPRESSED
    assert "less sure" in suppressed.reason


def test_a_link_that_grew_sure_again_opens_its_flag_again(a_link: MakeLink) -> None:
    link = a_link(0.9)
    for score in (0.9, 0.4, 0.95):
        DuplicateLink.objects.update(score=score)
        flag(link.query_id)

    opened = Flag.objects.get()
    assert (opened.state, opened.reason) == (Flag.State.OPEN, "")


def test_sure_and_large_comes_first(a_link: MakeLink) -> None:
    small = a_link(0.95, covered_query=0.1, covered_reference=0.05)
    large = a_link(0.9, covered_query=0.3, covered_reference=1.0)
    for link in (small, large):
        flag(link.query_id)

    assert [found.link for found in Flag.objects.all()] == [large, small]


def test_the_flag_goes_with_its_link(a_link: MakeLink) -> None:
    link = a_link()
    flag(link.query_id)

    link.delete()

    assert not Flag.objects.exists()


def test_an_unknown_state_and_a_second_flag_are_refused(a_link: MakeLink) -> None:
    link = a_link()
    with pytest.raises(IntegrityError, match="flag_state_known"), transaction.atomic():
        Flag.objects.create(link=link, state="lost")
    flag(link.query_id)

    with pytest.raises(IntegrityError, match="link_id"), transaction.atomic():
        Flag.objects.create(link=link, state=Flag.State.OPEN)


@pytest.fixture
def of_version_1(a_link: MakeLink) -> DuplicateLink:
    """A link that an older engine made, with the flag it opened then."""
    link = a_link(0.8, version="1")
    Flag.objects.create(link=link, state=Flag.State.OPEN, priority=0.8)
    return link


def found_again(link: DuplicateLink, **fields: Any) -> DuplicateLink:
    """The running engine's link of the same pair, seen from the other side."""
    plain = {"score": 0.99, "matched_frames": 80, "covered_query": 1.0, "covered_reference": 1.0}
    pair = {"query": link.reference, "reference": link.query, "version": ENGINE_VERSION}
    return DuplicateLink.objects.create(**(pair | plain | fields))


def test_a_pair_that_an_older_flag_stands_for_gets_no_second_one(
    of_version_1: DuplicateLink,
) -> None:
    before = Flag.objects.values().get()
    found_again(of_version_1)

    assert flag(of_version_1.query_id) == []
    assert Flag.objects.values().get() == before


def test_a_pair_whose_older_flag_is_suppressed_is_flagged_anew(of_version_1: DuplicateLink) -> None:
    Flag.objects.update(state=Flag.State.SUPPRESSED)
    again = found_again(of_version_1)

    (opened,) = flag(of_version_1.query_id)

    assert opened.link == again
    assert Flag.objects.get(link=of_version_1).state == Flag.State.SUPPRESSED


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
