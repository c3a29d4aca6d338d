"""The Analysis row as a queue, verb by verb."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from videos.models import Analysis, State, Video
from videos.queue import (
    LeaseLost,
    again,
    claim,
    fenced,
    find_dropped,
    finish,
    renew,
    retry,
    stalled,
)

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]


@pytest.fixture
def waiting(video_row: MakeVideo) -> Analysis:
    return Analysis.objects.create(video=video_row("holiday.mp4"))


def change(analysis: Analysis, **fields: Any) -> None:
    Analysis.objects.filter(pk=analysis.pk).update(**fields)


def fresh(analysis: Analysis) -> Analysis:
    return Analysis.objects.select_related("video").get(pk=analysis.pk)


def ago(seconds: float) -> Any:
    return timezone.now() - timedelta(seconds=seconds)


def test_a_claim_takes_lease_and_token_and_counts_the_attempt(waiting: Analysis) -> None:
    held = claim(waiting.pk, "alice")

    row = fresh(waiting)
    assert held is not None
    assert (row.state, row.worker, row.attempts, row.token) == (State.PROCESSING, "alice", 1, 1)
    assert row.lease_until is not None
    assert row.lease_until > timezone.now()
    assert row.video.state == State.PROCESSING


def test_what_somebody_holds_cannot_be_claimed(waiting: Analysis) -> None:
    claim(waiting.pk, "alice")

    assert claim(waiting.pk, "bob") is None
    assert fresh(waiting).attempts == 1


def test_when_the_lease_has_run_out_the_next_worker_takes_over(waiting: Analysis) -> None:
    claim(waiting.pk, "alice")
    change(waiting, lease_until=ago(1))

    held = claim(waiting.pk, "bob")

    assert held is not None
    assert (held.worker, held.token) == ("bob", 2)


def test_what_was_tried_too_often_is_not_claimed_again(waiting: Analysis) -> None:
    change(waiting, attempts=3)

    assert claim(waiting.pk, "alice") is None


@pytest.mark.parametrize("state", [State.READY, State.FAILED, State.DUPLICATE, State.PARTIAL])
def test_what_has_ended_is_not_claimed_again(waiting: Analysis, state: State) -> None:
    change(waiting, state=state)

    assert claim(waiting.pk, "alice") is None


def test_renewing_extends_the_lease_and_notes_progress(waiting: Analysis) -> None:
    held = claim(waiting.pk, "alice")
    assert held is not None
    change(waiting, lease_until=ago(-1))

    renew(held, progress=0.5, step="extract")

    row = fresh(waiting)
    assert row.lease_until is not None
    assert row.lease_until > timezone.now() + timedelta(seconds=10)
    assert (row.progress, row.step) == (0.5, "extract")


def test_a_worker_that_lost_its_lease_cannot_renew_write_or_finish(waiting: Analysis) -> None:
    late = claim(waiting.pk, "alice")
    assert late is not None
    change(waiting, lease_until=ago(1))
    claim(waiting.pk, "bob")

    with pytest.raises(LeaseLost):
        renew(late, progress=0.9)
    with pytest.raises(LeaseLost), fenced(late):
        pytest.fail("the late worker got in")
    with pytest.raises(LeaseLost):
        finish(late, State.READY)
    row = fresh(waiting)
    assert (row.worker, row.state, row.progress) == ("bob", State.PROCESSING, 0.0)


def test_the_same_worker_name_with_an_older_token_is_refused(waiting: Analysis) -> None:
    first = claim(waiting.pk, "alice")
    change(waiting, lease_until=ago(1))
    second = claim(waiting.pk, "alice")
    assert first is not None
    assert second is not None

    with pytest.raises(LeaseLost):
        renew(first)
    renew(second)


def test_a_lease_that_ran_out_but_was_not_taken_may_be_renewed(waiting: Analysis) -> None:
    held = claim(waiting.pk, "alice")
    assert held is not None
    change(waiting, lease_until=ago(1))

    renew(held)

    assert claim(waiting.pk, "bob") is None


def test_a_failure_inside_the_fence_undoes_what_was_written(waiting: Analysis) -> None:
    held = claim(waiting.pk, "alice")
    assert held is not None

    def write_and_fail() -> None:
        with fenced(held) as row:
            row.video.filename = "other.mp4"
            row.video.save()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()

    assert fresh(waiting).video.filename == "holiday.mp4"


def test_finishing_ends_analysis_and_video_together(waiting: Analysis) -> None:
    held = claim(waiting.pk, "alice")
    assert held is not None

    finish(held, State.READY)

    row = fresh(waiting)
    assert (row.state, row.video.state, row.progress) == (State.READY, State.READY, 1.0)
    assert row.finished_at is not None
    assert row.lease_until is None


def test_a_failure_tells_code_sentence_and_whether_to_try_again(waiting: Analysis) -> None:
    held = claim(waiting.pk, "alice")
    assert held is not None
    renew(held, progress=0.4)

    finish(held, State.FAILED, code="CORRUPT", message="It is damaged.", retryable=False)

    row = fresh(waiting)
    for found in (row, row.video):
        assert found.state == State.FAILED
        assert (found.error_code, found.error_message) == ("CORRUPT", "It is damaged.")
        assert not found.error_retryable
    assert row.progress == 0.4


def test_a_second_finish_is_refused(waiting: Analysis) -> None:
    held = claim(waiting.pk, "alice")
    assert held is not None
    finish(held, State.READY)

    with pytest.raises(LeaseLost):
        finish(held, State.FAILED, code="LATE")


def test_a_lost_wake_up_is_repeated(waiting: Analysis) -> None:
    assert find_dropped() == [waiting.pk]
    assert OrmQ.objects.count() == 1


def test_a_wake_up_is_not_repeated_at_once(waiting: Analysis) -> None:
    find_dropped()

    assert find_dropped() == []


def test_what_waits_unheard_is_woken_again_after_a_while(waiting: Analysis) -> None:
    change(waiting, woken_at=ago(30))

    assert find_dropped() == [waiting.pk]


def test_what_a_worker_holds_is_left_alone(waiting: Analysis) -> None:
    claim(waiting.pk, "alice")

    assert find_dropped() == []


def test_what_lost_its_worker_is_woken(waiting: Analysis) -> None:
    claim(waiting.pk, "alice")
    change(waiting, lease_until=ago(1))

    assert find_dropped() == [waiting.pk]


def test_what_keeps_killing_its_worker_is_set_aside_where_one_can_see_it(
    waiting: Analysis,
) -> None:
    claim(waiting.pk, "alice")
    change(waiting, attempts=3, lease_until=ago(1))

    assert find_dropped() == []

    row = fresh(waiting)
    assert (row.state, row.video.state) == (State.FAILED, State.FAILED)
    assert row.error_code == "WORKER_LOST"
    assert "3 times" in row.error_message
    assert row.video.error_retryable


def test_the_last_attempt_is_not_set_aside_while_it_is_held(waiting: Analysis) -> None:
    change(waiting, attempts=2)
    claim(waiting.pk, "alice")

    find_dropped()

    assert fresh(waiting).state == State.PROCESSING


def test_work_that_waits_beside_an_idle_worker_means_that_nobody_listens(
    waiting: Analysis,
) -> None:
    change(waiting, created_at=ago(60), woken_at=ago(50))

    assert stalled(workers=1)


def test_work_that_waits_while_others_are_begun_is_no_sign_of_a_stall(
    waiting: Analysis, video_row: MakeVideo
) -> None:
    change(waiting, created_at=ago(600), woken_at=ago(5))
    done = Analysis.objects.create(video=video_row("done.mp4"))
    change(done, state=State.READY, started_at=ago(20))

    assert not stalled(workers=1)


def test_work_nobody_was_woken_for_is_no_sign_of_a_stall(waiting: Analysis) -> None:
    change(waiting, created_at=ago(600), woken_at=None)

    assert not stalled(workers=1)


def test_work_whose_worker_is_gone_waits_as_well(waiting: Analysis) -> None:
    claim(waiting.pk, "alice")
    change(waiting, started_at=ago(600), lease_until=ago(500), woken_at=ago(60))

    assert stalled(workers=1)


def test_when_every_worker_is_busy_waiting_is_ordinary(
    waiting: Analysis, video_row: MakeVideo
) -> None:
    change(waiting, created_at=ago(60), woken_at=ago(50))
    busy = Analysis.objects.create(video=video_row("busy.mp4"))
    claim(busy.pk, "alice")
    change(busy, started_at=ago(600))

    assert not stalled(workers=1)
    assert stalled(workers=2)


def test_a_retry_is_a_fresh_analysis_and_the_old_one_stays(
    waiting: Analysis, django_capture_on_commit_callbacks: Any
) -> None:
    held = claim(waiting.pk, "alice")
    assert held is not None
    finish(held, State.FAILED, code="TIMEOUT", message="Too slow.", retryable=True)

    with django_capture_on_commit_callbacks(execute=True):
        retried = retry(fresh(waiting))

    assert retried.pk != waiting.pk
    assert (retried.state, retried.attempts) == (State.QUEUED, 0)
    assert fresh(waiting).state == State.FAILED
    video = fresh(retried).video
    assert (video.state, video.error_code) == (State.QUEUED, "")
    assert OrmQ.objects.count() == 1


def test_a_retry_of_what_is_under_way_gives_what_is_under_way(waiting: Analysis) -> None:
    assert retry(waiting) == waiting
    assert Analysis.objects.count() == 1


def test_a_video_that_ended_well_can_be_queued_again(waiting: Analysis) -> None:
    held = claim(waiting.pk, "alice")
    assert held is not None
    finish(held, State.READY)

    anew = again(waiting.video_id)

    assert (anew.state, fresh(anew).video.state) == (State.QUEUED, State.QUEUED)
    assert again(waiting.video_id) == anew
    assert fresh(waiting).state == State.READY
