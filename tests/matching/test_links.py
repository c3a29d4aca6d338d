"""Matches become links: one for a pair, whichever side found it and however often."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connections, transaction
from django.utils import timezone

from matching.engine.alignment import AlignedSegment
from matching.engine.confidence import LinkScore
from matching.engine.geometry import Agreement
from matching.engine.motion import Motion
from matching.engine.sightings import Sighting
from matching.engine.version import ENGINE_VERSION
from matching.judging import Match
from matching.links import drop_provisional, links_of, record
from matching.models import DuplicateLink, Segment
from videos.models import Video

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]
VERSION = ENGINE_VERSION


def a_match(video: Video, score: float = 0.9, **fields: Any) -> Match:
    """Seconds 0 to 10 of the query are 20 to 25 of `video`, unless told otherwise."""
    where: dict[str, Any] = {
        "q_start": 0.0,
        "q_end": 10.0,
        "r_start": 20.0,
        "r_end": 25.0,
        "speed": 0.5,
    }
    where |= fields
    segment = AlignedSegment(
        **where,
        mirrored=True,
        frames=40,
        matched_frames=40,
        mean_distance=18.0,
        evidence=20.0,
        contrast=60.0,
        pairs_query=np.arange(0, 10, 0.25),
        pairs_reference=20 + np.arange(0, 5, 0.125),
        pairs_distance=np.full(40, 18.0),
    )
    told = LinkScore(score, 40, 1.0, 0.25, True, ("excerpt",), True)
    return Match(video.id, told, (segment,), 3)


@pytest.fixture
def older(video_row: MakeVideo) -> Video:
    video = video_row("older.mp4")
    Video.objects.filter(pk=video.pk).update(uploaded_at=timezone.now() - timedelta(days=1))
    video.refresh_from_db()
    return video


@pytest.fixture
def newer(older: Video, video_row: MakeVideo) -> Video:
    return video_row("newer.mp4")


def test_the_earlier_upload_is_the_reference(older: Video, newer: Video) -> None:
    record(newer, [a_match(older)], VERSION, provisional=False)

    link = DuplicateLink.objects.get()
    assert (link.query, link.reference) == (newer, older)
    assert (link.score, link.matched_frames, link.aligned_cuts) == (0.9, 40, 3)
    assert (link.covered_query, link.covered_reference) == (1.0, 0.25)
    assert link.kinds == ["excerpt"]
    part = link.segments.get()
    assert (part.q_start, part.q_end, part.r_start, part.r_end) == (0.0, 10.0, 20.0, 25.0)
    assert (part.speed, part.mirrored, part.matched_frames) == (0.5, True, 40)
    assert part.similarity == pytest.approx(0.95)
    assert part.pairs[0] == [0.0, 20.0, 0.95]
    assert len(part.pairs) == 24


def test_found_from_the_other_side_everything_is_turned_round(older: Video, newer: Video) -> None:
    record(older, [a_match(newer)], VERSION, provisional=False)

    link = DuplicateLink.objects.get()
    assert (link.query, link.reference) == (newer, older)
    assert (link.covered_query, link.covered_reference) == (0.25, 1.0)
    part = link.segments.get()
    assert (part.q_start, part.q_end, part.r_start, part.r_end) == (20.0, 25.0, 0.0, 10.0)
    assert part.speed == 2.0
    assert part.pairs[0] == [20.0, 0.0, 0.95]


def with_evidence(video: Video) -> Match:
    """A match whose query shows the upper left quarter of the reference, in negative colours."""
    match = a_match(video)
    (part,) = match.segments
    matrix = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    places = np.array([[15.5, 15.5], [79.5, 44.5]])
    agreed = Agreement(matrix, places, places, 2)
    seen = Sighting(4.0, 22.0, mirrored=False, negative=True, agreement=agreed)
    changed = replace(
        part,
        mirrored=False,
        changes=("inverted",),
        matrix=matrix,
        motion=Motion(0.75, 3.0, 3.0),
    )
    return replace(match, segments=(changed,), sightings=(seen,), sizes=((160, 90), (320, 180)))


def test_the_evidence_is_kept_in_shares_of_the_pictures(older: Video, newer: Video) -> None:
    record(newer, [with_evidence(older)], VERSION, provisional=False)

    part = Segment.objects.get()
    assert part.transform == [0.5, 0.0, 0.0, 0.0, 0.5, 0.0]
    assert (part.inverted, part.motion) == (True, 0.75)
    assert part.points == [[4.0, 22.0, [[0.1, 0.1778, 0.05, 0.0889], [0.5, 0.5, 0.25, 0.25]]]]


def test_found_from_the_other_side_the_evidence_is_turned_round_too(
    older: Video, newer: Video
) -> None:
    record(older, [with_evidence(newer)], VERSION, provisional=False)

    part = Segment.objects.get()
    assert part.transform == [2.0, 0.0, 0.0, 0.0, 2.0, 0.0]
    assert (part.inverted, part.motion) == (True, 0.75)
    assert part.points == [[22.0, 4.0, [[0.05, 0.0889, 0.1, 0.1778], [0.25, 0.25, 0.5, 0.5]]]]


def test_without_pictures_there_is_no_transform(older: Video, newer: Video) -> None:
    record(newer, [a_match(older)], VERSION, provisional=False)

    part = Segment.objects.get()
    assert (part.transform, part.motion, part.points) == (None, None, [])


def test_a_link_is_found_from_either_side(older: Video, newer: Video) -> None:
    record(newer, [a_match(older)], VERSION, provisional=False)

    assert list(links_of(older.id)) == list(links_of(newer.id))
    assert len(links_of(older.id)) == 1


def test_a_provisional_link_becomes_final_and_its_segments_are_replaced(
    older: Video, newer: Video
) -> None:
    early = record(newer, [a_match(older, 0.6, q_end=2.0)], VERSION, provisional=True)
    assert DuplicateLink.objects.get().provisional

    late = record(newer, [a_match(older, 0.95)], VERSION, provisional=False)

    link = DuplicateLink.objects.get()
    assert early.links == late.links == (link.pk,)
    assert (link.provisional, link.score) == (False, 0.95)
    assert Segment.objects.get().q_end == 10.0


def test_what_no_longer_holds_at_the_end_is_gone(
    older: Video, newer: Video, video_row: MakeVideo
) -> None:
    other = video_row("other.mp4")
    early = record(newer, [a_match(older), a_match(other)], VERSION, provisional=True)
    middle = record(newer, [a_match(older)], VERSION, provisional=True)
    assert middle.gone == ()
    assert DuplicateLink.objects.count() == 2

    late = record(newer, [a_match(older)], VERSION, provisional=False)

    assert late.gone == (early.links[1],)
    assert DuplicateLink.objects.count() == 1


def test_links_of_another_version_are_left_alone(older: Video, newer: Video) -> None:
    record(newer, [a_match(older)], VERSION, provisional=False)

    record(newer, [], "1", provisional=False)

    assert DuplicateLink.objects.count() == 1


def test_what_others_found_of_this_video_stays(older: Video, newer: Video) -> None:
    record(newer, [a_match(older)], VERSION, provisional=False)

    assert record(older, [], VERSION, provisional=False).gone == ()
    assert DuplicateLink.objects.count() == 1


def test_links_are_told_surest_first_whatever_the_order_of_writing(
    older: Video, newer: Video, video_row: MakeVideo
) -> None:
    others = [video_row(f"{number}.mp4") for number in range(4)]

    made = record(newer, [a_match(other) for other in others], VERSION, provisional=False)

    told = [DuplicateLink.objects.get(pk=link) for link in made.links]
    assert [{link.query, link.reference} - {newer} for link in told] == [{o} for o in others]


def test_a_video_that_was_deleted_meanwhile_is_passed_over(older: Video, newer: Video) -> None:
    match = a_match(older)
    older.delete()

    assert record(newer, [match], VERSION, provisional=False).links == ()


def test_what_a_failed_analysis_claimed_early_is_taken_back(
    older: Video, newer: Video, video_row: MakeVideo
) -> None:
    record(newer, [a_match(older)], VERSION, provisional=True)
    kept = record(newer, [a_match(video_row("b.mp4"))], VERSION, provisional=True).links
    DuplicateLink.objects.filter(pk__in=kept).update(provisional=False)

    drop_provisional(newer)

    assert [link.pk for link in DuplicateLink.objects.all()] == list(kept)


def test_of_a_pair_that_two_versions_linked_the_running_one_is_shown(
    older: Video, newer: Video
) -> None:
    (current,) = record(newer, [a_match(older, 0.6)], VERSION, provisional=False).links
    # Made last, by an engine that was tried and taken back.
    record(older, [a_match(newer, 0.95)], "99", provisional=False)

    for side in (older, newer):
        assert [link.pk for link in links_of(side.id)] == [current]
    assert DuplicateLink.objects.count() == 2


def test_of_a_pair_that_only_older_versions_linked_the_last_is_shown(
    older: Video, newer: Video
) -> None:
    record(newer, [a_match(older, 0.95)], "0", provisional=False)
    (last,) = record(newer, [a_match(older, 0.6)], "1", provisional=False).links

    assert [link.pk for link in links_of(newer.id)] == [last]


def test_a_link_of_an_older_version_alone_is_shown_beside_those_of_others(
    older: Video, newer: Video, video_row: MakeVideo
) -> None:
    old = record(newer, [a_match(older, 0.9)], "1", provisional=False).links
    new = record(newer, [a_match(video_row("b.mp4"), 0.8)], VERSION, provisional=False).links

    assert [link.pk for link in links_of(newer.id)] == [*old, *new]


def test_what_an_upgrade_cut_off_half_way_is_not_shown(older: Video, newer: Video) -> None:
    (settled,) = record(newer, [a_match(older)], "0", provisional=False).links
    record(newer, [a_match(older)], "1", provisional=True)

    assert [link.pk for link in links_of(newer.id)] == [settled]


def test_a_new_version_overtakes_the_link_of_the_old_one_and_gives_way_again(
    older: Video, newer: Video
) -> None:
    (old,) = record(newer, [a_match(older)], "1", provisional=False).links
    evidence = list(Segment.objects.values())

    early = record(older, [a_match(newer)], VERSION, provisional=True)
    late = record(older, [], VERSION, provisional=False)

    assert (early.overtaken, early.back) == ((old,), ())
    assert (late.gone, late.overtaken, late.back) == (early.links, (), (old,))
    assert [link.pk for link in links_of(newer.id)] == [old]
    assert list(Segment.objects.values()) == evidence


def at_once(*works: Callable[[], object]) -> list[Exception]:
    """Run each in a thread and transaction of its own, all at the same moment."""
    start = threading.Barrier(len(works))
    failed: list[Exception] = []

    def run(work: Callable[[], object]) -> None:
        try:
            with transaction.atomic():
                start.wait(10)
                work()
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return failed


@pytest.mark.django_db(transaction=True)
def test_two_analyses_that_find_each_other_at_once_make_one_link(video_row: MakeVideo) -> None:
    one, two = video_row("a.mp4"), video_row("b.mp4")

    for _ in range(5):
        DuplicateLink.objects.all().delete()
        failed = at_once(
            lambda: record(one, [a_match(two)], VERSION, provisional=False),
            lambda: record(two, [a_match(one)], VERSION, provisional=False),
        )
        assert failed == []
        assert DuplicateLink.objects.count() == 1
        assert Segment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_three_analyses_that_find_each_other_at_once_do_not_lock_each_other_out(
    video_row: MakeVideo,
) -> None:
    a, b, c = (video_row(name) for name in ("a.mp4", "b.mp4", "c.mp4"))

    for _ in range(5):
        failed = at_once(
            lambda: record(a, [a_match(b), a_match(c)], VERSION, provisional=True),
            lambda: record(b, [a_match(c), a_match(a)], VERSION, provisional=True),
            lambda: record(c, [a_match(a), a_match(b)], VERSION, provisional=True),
        )
        assert failed == []
        assert DuplicateLink.objects.count() == 3
        DuplicateLink.objects.all().delete()
