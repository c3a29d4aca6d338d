"""Which side of a pair is the reference, and what changes when that does."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models.functions import Now
from django.utils import timezone

from matching.engine.version import ENGINE_VERSION
from matching.links import record
from matching.models import DuplicateLink, Segment
from matching.roles import change_roles, turn_round
from tests.matching.test_links import a_match, with_evidence
from videos.models import Video

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(video_row: Callable[..., Video]) -> Callable[..., Video]:
    """A video that came so many days ago: at("a.mp4", 2, registered=1)."""

    def make(name: str, days: int, registered: int | None = None) -> Video:
        video = video_row(name)
        now = timezone.now()
        since = None if registered is None else now - timedelta(days=registered)
        Video.objects.filter(pk=video.pk).update(
            uploaded_at=now - timedelta(days=days), registered_at=since
        )
        video.refresh_from_db()
        return video

    return make


At = Callable[..., Video]


def recorded(searcher: Video, found: Video, **fields: Any) -> DuplicateLink:
    record(searcher, [a_match(found, **fields)], ENGINE_VERSION, provisional=False)
    return DuplicateLink.objects.get()


def becomes_registered(video: Video) -> list[int]:
    with transaction.atomic():
        change_roles(video.pk)
        Video.objects.filter(pk=video.pk).update(registered_at=Now())
        return turn_round(video.pk)


def test_the_registered_side_is_the_reference_although_it_came_later(at: At) -> None:
    upload, film = at("upload.mp4", 2), at("film.mp4", 0, registered=0)

    assert recorded(film, upload).reference == film
    assert recorded(upload, film).reference == film


def test_of_two_registered_ones_it_is_the_one_registered_first(at: At) -> None:
    first, second = at("first.mp4", 1, registered=1), at("second.mp4", 9, registered=0)

    assert recorded(first, second).reference == first
    assert recorded(second, first).reference == first


def test_a_search_that_began_before_its_video_was_registered_writes_the_roles_of_now(
    at: At,
) -> None:
    upload, film = at("upload.mp4", 2), at("film.mp4", 0)
    Video.objects.filter(pk=film.pk).update(registered_at=Now())
    assert film.registered_at is None

    assert recorded(film, upload).reference == film


def test_what_is_part_of_the_copy_is_told_of_the_right_side(at: At) -> None:
    """The whole film finds an excerpt of it; seen from the excerpt it is one of the film."""
    excerpt, film = at("excerpt.mp4", 2), at("film.mp4", 0, registered=0)

    link = recorded(film, excerpt)

    assert (link.query, link.kinds) == (excerpt, ["inserted"])
    assert (link.covered_query, link.covered_reference) == (0.25, 1.0)


def test_registering_the_query_turns_its_link_round_with_all_that_hangs_on_it(at: At) -> None:
    upload, film = at("upload.mp4", 2), at("film.mp4", 0)
    record(film, [with_evidence(upload)], ENGINE_VERSION, provisional=False)
    before = DuplicateLink.objects.get()
    segment = before.segments.get()
    assert before.reference == upload

    turned = becomes_registered(film)

    after = DuplicateLink.objects.get()
    assert turned == [before.pk] == [after.pk]
    assert (after.query, after.reference) == (upload, film)
    assert (before.covered_query, before.covered_reference) == (1.0, 0.25)
    assert (after.covered_query, after.covered_reference) == (0.25, 1.0)
    assert (before.kinds, after.kinds) == (["excerpt"], ["inserted"])
    part = Segment.objects.get()
    assert part.pk == segment.pk
    assert (part.q_start, part.q_end, part.r_start, part.r_end) == (20.0, 25.0, 0.0, 10.0)
    assert (segment.speed, part.speed) == (0.5, 2.0)
    assert part.pairs[-1][:2] == segment.pairs[-1][1::-1]
    assert part.transform == [2.0, 0.0, 0.0, 0.0, 2.0, 0.0]
    assert part.points == [[22.0, 4.0, [[0.05, 0.0889, 0.1, 0.1778], [0.25, 0.25, 0.5, 0.5]]]]


def test_a_link_turned_round_is_what_recording_it_anew_would_give(at: At) -> None:
    upload, film = at("upload.mp4", 2), at("film.mp4", 0)
    record(film, [with_evidence(upload)], ENGINE_VERSION, provisional=False)
    becomes_registered(film)
    left = ("id", "updated_at", "link_id")
    look = [{k: v for k, v in DuplicateLink.objects.values().get().items() if k not in left}]
    look += [{k: v for k, v in Segment.objects.values().get().items() if k not in left}]

    record(film, [with_evidence(upload)], ENGINE_VERSION, provisional=False)

    again = [{k: v for k, v in DuplicateLink.objects.values().get().items() if k not in left}]
    again += [{k: v for k, v in Segment.objects.values().get().items() if k not in left}]
    assert look == again


def test_registering_the_reference_changes_nothing(at: At) -> None:
    film, upload = at("film.mp4", 2), at("upload.mp4", 0)
    recorded(upload, film)

    assert becomes_registered(film) == []
    assert DuplicateLink.objects.get().reference == film


def test_registering_a_copy_of_what_is_registered_changes_nothing(at: At) -> None:
    film, upload = at("film.mp4", 0, registered=0), at("upload.mp4", 5)
    recorded(upload, film)

    assert becomes_registered(upload) == []
    assert DuplicateLink.objects.get().reference == film


def test_links_of_an_older_engine_stay_as_a_reviewer_saw_them(at: At) -> None:
    upload, film = at("upload.mp4", 2), at("film.mp4", 0)
    record(film, [a_match(upload)], "1", provisional=False)

    assert becomes_registered(film) == []
    assert DuplicateLink.objects.get().reference == upload


@pytest.mark.django_db(transaction=True)
def test_whether_a_link_or_a_registration_comes_first_its_roles_are_right(at: At) -> None:
    """A search that has read who is registered, and has not committed, must be waited for."""
    start = threading.Barrier(2)
    videos: list[Video] = []

    def searches() -> None:
        upload, film = videos
        with transaction.atomic():
            start.wait(10)
            record(film, [a_match(upload)], ENGINE_VERSION, provisional=False)
            threading.Event().wait(0.1)

    def registers() -> None:
        start.wait(10)
        becomes_registered(videos[1])

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            connections.close_all()

    for _ in range(5):
        videos[:] = [at("upload.mp4", 2), at("film.mp4", 0)]
        threads = [threading.Thread(target=run, args=(work,)) for work in (searches, registers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert DuplicateLink.objects.get().reference == videos[1]
        Video.objects.all().delete()
