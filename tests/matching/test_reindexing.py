"""A library of two engine versions: what is due, queuing it once, and what is left over."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from matching import index, reindexing
from matching.engine.version import ENGINE_VERSION
from matching.fingerprint import VideoFingerprint
from matching.models import CutToken, DuplicateLink, FeatureVector, Fingerprint, Segment
from matching.search import search
from videos.models import Analysis, State, Video
from videos.queue import claim, finish

pytestmark = pytest.mark.django_db

INDEX = (Fingerprint, FeatureVector, CutToken)

MadeUp = Callable[..., VideoFingerprint]
MakeVideo = Callable[..., Video]
Shelve = Callable[..., Video]
FingerprintedBy = Callable[..., None]


@pytest.fixture
def old(shelve: Shelve, made_up: MadeUp, fingerprinted_by: FingerprintedBy) -> Callable[..., Video]:
    """A library video that engine 1 fingerprinted: old("a.mp4", days=3, seed=1, state="ready")."""

    def make(name: str, *, days: float = 1, seed: int = 1, **fields: Any) -> Video:
        cuts = (2.0, 5.0, 6.5, 9.0, 12.0, 14.5)
        video = shelve(made_up(seed=seed, cuts=cuts), name, **fields)
        fingerprinted_by("1", video)
        uploaded = timezone.now() - timedelta(days=days)
        Video.objects.filter(pk=video.pk).update(uploaded_at=uploaded)
        return video

    return make


def rows(video: Video, version: str) -> list[int]:
    return [model.objects.filter(video=video, version=version).count() for model in INDEX]


def names(videos: Any) -> list[str]:
    return [video.filename for video in videos]


def begun(video: Video) -> Analysis:
    made = reindexing.begin(video.id)
    assert made is not None
    return made


def test_what_an_older_engine_fingerprinted_is_due_oldest_first(
    old: MakeVideo, shelve: Shelve, made_up: MadeUp
) -> None:
    old("b.mp4", days=2)
    old("c.mp4", days=1, state=State.PARTIAL)
    old("a.mp4", days=3)
    shelve(made_up(seed=9), "current.mp4")

    assert names(reindexing.due()) == ["a.mp4", "b.mp4", "c.mp4"]
    assert names(reindexing.settled()) == ["a.mp4", "b.mp4", "c.mp4"]
    assert reindexing.standing() == reindexing.Standing(videos=4, lacking=3, unfinished=0)


def test_a_fingerprint_that_is_not_ready_does_not_count(shelve: Shelve, made_up: MadeUp) -> None:
    video = shelve(made_up())
    Fingerprint.objects.update(ready=False)

    assert list(reindexing.lacking()) == [video]


@pytest.mark.parametrize("state", ["duplicate", "failed", "quarantined", "deleted"])
def test_what_never_came_into_the_library_or_left_it_is_left_out(
    state: str, old: MakeVideo, video_row: MakeVideo
) -> None:
    old("a.mp4", state=state, error_code="INTERNAL")
    video_row("b.mp4", state=state, error_code="INTERNAL")

    assert not reindexing.due().exists()
    assert reindexing.standing() == reindexing.Standing(0, 0, 0)


def test_an_upload_that_waits_for_its_first_analysis_is_the_workers_matter(
    video_row: MakeVideo,
) -> None:
    Analysis.objects.create(video=video_row("new.mp4", state=State.QUEUED))

    assert not reindexing.due().exists()
    assert reindexing.standing().videos == 0


def test_what_is_begun_stays_due_and_comes_last(old: MakeVideo) -> None:
    first, _ = old("first.mp4", days=9), old("second.mp4", days=8)

    begun(first)

    assert names(reindexing.due()) == ["second.mp4", "first.mp4"]
    assert names(reindexing.settled()) == ["second.mp4"]
    assert reindexing.standing() == reindexing.Standing(videos=2, lacking=2, unfinished=1)


def test_what_was_cut_off_between_index_and_search_stays_due(
    shelve: Shelve, made_up: MadeUp
) -> None:
    video = shelve(made_up(), state=State.PROCESSING)
    soon = timezone.now() + timedelta(seconds=30)
    cut_off = Analysis.objects.create(video=video, state=State.PROCESSING, lease_until=soon)

    assert list(reindexing.due()) == [video]
    assert reindexing.begin(video.id) == cut_off
    assert reindexing.standing().lacking == 0


def test_beginning_queues_a_video_once(old: MakeVideo) -> None:
    video = old("a.mp4")

    first, second = begun(video), begun(video)

    assert first == second == Analysis.objects.get()
    video.refresh_from_db()
    assert video.state == State.QUEUED


def test_what_was_done_meanwhile_is_not_begun_again(
    old: MakeVideo, fingerprinted_by: FingerprintedBy
) -> None:
    video = old("a.mp4")
    held = claim(begun(video).pk, "alice")
    assert held is not None
    fingerprinted_by(ENGINE_VERSION, video)
    finish(held, State.READY)

    assert reindexing.begin(video.id) is None


def test_a_video_that_was_deleted_meanwhile_is_not_begun(old: MakeVideo) -> None:
    video = old("a.mp4")
    number = video.id
    video.delete()

    assert reindexing.begin(number) is None


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_the_same_moment_queue_a_video_once(old: MakeVideo) -> None:
    video = old("a.mp4")
    start = threading.Barrier(4)
    made: list[Analysis | None] = []

    def run() -> None:
        try:
            start.wait(10)
            made.append(reindexing.begin(video.id))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert made == [Analysis.objects.get()] * 4


def test_versions_are_never_compared_until_the_video_is_fingerprinted_again(
    old: MakeVideo, shelve: Shelve, made_up: MadeUp
) -> None:
    old("a.mp4", seed=1)
    asked = made_up(seed=1)
    assert search(asked) == []

    video = shelve(asked, "again.mp4")

    assert [match.video_id for match in search(asked)] == [video.id]


class TestPrune:
    @pytest.fixture
    def both(self, old: MakeVideo, made_up: MadeUp) -> Video:
        """A video with the rows of engine 1, and those of this one beside them."""
        video = old("both.mp4", seed=4)
        index.store(video.id, made_up(seed=4, cuts=(2.0, 5.0, 6.5, 9.0, 12.0)))
        return video

    def test_rows_of_other_versions_go_and_the_current_ones_stay(
        self, both: Video, made_up: MadeUp
    ) -> None:
        older, current = rows(both, "1"), rows(both, ENGINE_VERSION)
        assert min(*older, *current) > 0
        assert list(reindexing.outgrown()) == [both]

        assert reindexing.prune(both.id) == sum(older)

        assert rows(both, "1") == [0, 0, 0]
        assert rows(both, ENGINE_VERSION) == current
        assert not reindexing.outgrown().exists()
        assert [match.video_id for match in search(made_up(seed=4))] == [both.id]

    def test_a_video_without_a_current_fingerprint_keeps_what_it_has(self, old: MakeVideo) -> None:
        video = old("a.mp4")
        before = rows(video, "1")

        assert not reindexing.outgrown().exists()
        assert reindexing.prune(video.id) == 0
        assert rows(video, "1") == before

    def test_a_current_fingerprint_that_is_not_ready_is_none(self, both: Video) -> None:
        Fingerprint.objects.filter(version=ENGINE_VERSION).update(ready=False)

        assert reindexing.prune(both.id) == 0

    def test_links_and_segments_of_every_version_stay(
        self, both: Video, video_row: MakeVideo
    ) -> None:
        other = video_row("other.mp4")
        for version in ("1", ENGINE_VERSION):
            link = DuplicateLink.objects.create(
                **{"query": other, "reference": both, "version": version, "score": 0.9},
                **{"matched_frames": 9, "covered_query": 1.0, "covered_reference": 0.5},
            )
            Segment.objects.create(
                **{"link": link, "q_start": 0.0, "q_end": 5.0, "r_start": 3.0, "r_end": 8.0},
                **{"matched_frames": 9, "similarity": 0.9},
            )
        before = [list(model.objects.order_by("pk").values()) for model in (DuplicateLink, Segment)]

        reindexing.prune(both.id)

        after = [list(model.objects.order_by("pk").values()) for model in (DuplicateLink, Segment)]
        assert after == before
