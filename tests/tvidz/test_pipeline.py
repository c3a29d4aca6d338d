"""The whole way through: what an analysis tells, leaves behind, and how it ends."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from django.conf import settings
from django.db import connection

from matching.engine.alignment import AlignedSegment
from matching.engine.confidence import LinkScore
from matching.engine.version import ENGINE_VERSION
from matching.judging import Match
from matching.links import links_of, record
from matching.models import CutToken, DuplicateLink, FeatureVector, Fingerprint
from moderation.models import Flag
from tvidz import pipeline
from tvidz.database import connection_kwargs
from tvidz.pipeline import analyse
from tvidz.progress import CHANNEL
from videos import storage
from videos.media.containers import Container
from videos.media.limits import Limits
from videos.media.probe import Probe
from videos.models import Analysis, SceneCuts, State, Upload, Video
from videos.queue import again
from videos.uploads.accept import Accepted, Arrival, accept

pytestmark = pytest.mark.django_db

TakeIn = Callable[..., Video]

SECONDS = np.arange(0, 2, 0.25)


def taken(path: Path) -> Accepted:
    return accept(Arrival(path, path.name, Upload.Entrance.SITE))


def indexed(video: Video) -> list[int]:
    """Rows by which a search could find the video."""
    models = (Fingerprint, FeatureVector, CutToken)
    return [model.objects.filter(video=video).count() for model in models]


def nothing_left_in_the_work_folder() -> bool:
    return list((settings.TVIDZ.var / "work").iterdir()) == []


@pytest.fixture
def heard() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Listens as the site does; calling it gives the messages so far."""
    with psycopg.connect(**connection_kwargs(connection.settings_dict), autocommit=True) as ear:
        ear.execute(f"LISTEN {CHANNEL}")

        def messages() -> list[dict[str, Any]]:
            return [json.loads(note.payload) for note in ear.notifies(timeout=0.5)]

        yield messages


@pytest.mark.django_db(transaction=True)
def test_an_analysis_tells_its_progress_cuts_and_duplicates_as_they_come(
    take_in: TakeIn,
    film: Path,
    excerpt: Path,
    heard: Callable[[], list[dict[str, Any]]],
    change_settings: Callable[..., None],
) -> None:
    original = take_in(film)
    heard()
    # Small batches, so that there is a middle to be told of.
    change_settings(frame_batch_size=4)

    video = take_in(excerpt)

    told = heard()
    assert {message["video"] for message in told} == {str(video.id)}
    bodies = [message["body"] for message in told]
    kinds = [body["type"] for body in bodies]
    progress = [body["progress"] for body in bodies if body["type"] == "progress"]
    assert progress == sorted(progress)
    assert (progress[0], progress[-1]) == (0.0, 0.98)
    assert any(0 < share < 0.9 for share in progress), progress
    assert [round(body["timestamp"]) for body in bodies if body["type"] == "cut"] == [1, 5]
    assert "facts" in kinds
    assert "thumbnail" in kinds
    assert bodies[-1] == {"type": "state", "state": "ready"}
    # The duplicate is told while frames still come in.
    extracting = [
        place for place, body in enumerate(bodies) if body.get("step") in ("extract", "index")
    ]
    assert kinds.index("duplicate") < extracting[-1]
    assert Analysis.objects.get(video=video).progress == 1.0
    link = DuplicateLink.objects.get()
    assert (link.query, link.reference, link.provisional) == (video, original, False)
    assert Flag.objects.get().link == link


def test_a_unique_video_runs_to_its_end_and_is_searchable(take_in: TakeIn, clip: Path) -> None:
    video = take_in(clip)

    assert (video.state, video.error_code, video.warnings) == (State.READY, "", [])
    assert indexed(video)[:2] == [1, 2]
    assert not DuplicateLink.objects.exists()
    assert nothing_left_in_the_work_folder()


def test_what_the_door_probed_is_not_probed_again_but_by_a_later_analysis(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probed: list[Path] = []
    real = pipeline.probe

    def counted(path: Path, container: Container, limits: Limits) -> Probe:
        probed.append(path)
        return real(path, container, limits)

    monkeypatch.setattr(pipeline, "probe", counted)
    accepted = taken(clip)

    assert analyse(accepted.analysis.pk) == "ready"
    assert probed == []

    assert analyse(again(accepted.video.id).pk) == "ready"
    assert len(probed) == 1


def test_stop_at_duplicate_ends_there_with_nothing_indexed(
    take_in: TakeIn, film: Path, excerpt: Path, change_settings: Callable[..., None]
) -> None:
    original = take_in(film)
    change_settings(stop_at_duplicate=True, frame_batch_size=4)

    copy = take_in(excerpt)

    assert copy.state == State.DUPLICATE
    assert indexed(copy) == [0, 0, 0]
    assert indexed(original)[0] == 1
    link = DuplicateLink.objects.get()
    assert (link.query, link.reference, link.provisional) == (copy, original, False)
    assert Flag.objects.get().state == Flag.State.OPEN
    assert nothing_left_in_the_work_folder()


def test_stop_at_duplicate_lets_a_unique_video_run_to_its_end(
    take_in: TakeIn, stranger: Path, film: Path, change_settings: Callable[..., None]
) -> None:
    take_in(film)
    change_settings(stop_at_duplicate=True)

    assert take_in(stranger).state == State.READY


def test_what_is_in_the_library_stays_in_it_when_it_is_analysed_again(
    take_in: TakeIn,
    film: Path,
    excerpt: Path,
    change_settings: Callable[..., None],
    fingerprinted_by: Callable[..., None],
) -> None:
    original = take_in(film)
    take_in(excerpt)
    fingerprinted_by("1", original)
    change_settings(stop_at_duplicate=True, frame_batch_size=4)

    assert analyse(again(original.id).pk) == "ready"

    # Otherwise the copy, whose turn came first, would have put the original out.
    assert Fingerprint.objects.filter(video=original, version=ENGINE_VERSION, ready=True).exists()


@pytest.mark.django_db(transaction=True)
def test_a_followed_page_never_has_the_links_of_two_engines_for_one_pair(
    take_in: TakeIn,
    film: Path,
    excerpt: Path,
    heard: Callable[[], list[dict[str, Any]]],
    fingerprinted_by: Callable[..., None],
) -> None:
    original, copy = take_in(film), take_in(excerpt)
    old = DuplicateLink.objects.get()
    fingerprinted_by("1", copy)
    heard()

    analyse(again(copy.id).pk)

    new = DuplicateLink.objects.exclude(pk=old.pk).get()
    on_page = {old.pk}
    most = 1
    for message in heard():
        link = message["body"].get("link_id")
        if message["body"]["type"] == "gone":
            on_page.discard(link)
        elif message["body"]["type"] == "duplicate":
            on_page.add(link)
        most = max(most, len(on_page))
    assert (on_page, most) == ({new.pk}, 1)
    assert {link.pk for link in links_of(original.id)} == {new.pk}


def test_what_can_be_read_of_a_damaged_file_is_indexed_and_marked_partial(
    take_in: TakeIn, film: Path, ffmpeg: Callable[..., None], tmp_path: Path
) -> None:
    original = take_in(film)
    whole = tmp_path / "whole.mp4"
    ffmpeg("-i", film, "-c", "copy", "-movflags", "faststart", whole)
    content = whole.read_bytes()
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(content[: len(content) // 2])

    video = take_in(damaged)

    assert (video.state, video.error_code) == (State.PARTIAL, "CORRUPT")
    assert "only what comes before" in video.error_message
    assert indexed(video)[0] == 1
    assert DuplicateLink.objects.get().reference == original
    assert Analysis.objects.get(video=video).progress == 1.0


def test_a_file_that_turns_out_unreadable_fails_with_a_code_and_leaves_nothing(
    film: Path,
) -> None:
    accepted = taken(film)
    storage.put_bytes(accepted.video.storage_key, film.read_bytes()[:3000])

    assert analyse(accepted.analysis.pk) == "failed"

    video = Video.objects.get()
    assert (video.state, video.error_code) == (State.FAILED, "CORRUPT")
    assert not video.error_retryable
    assert indexed(video) == [0, 0, 0]


def test_a_stored_file_that_is_gone_is_told_as_that(clip: Path) -> None:
    accepted = taken(clip)
    storage.remove(accepted.video.storage_key)

    assert analyse(accepted.analysis.pk) == "failed"
    assert Video.objects.get().error_code == "FILE_MISSING"


def test_a_reading_that_times_out_is_tried_again_until_the_attempts_are_spent(
    clip: Path, change_settings: Callable[..., None]
) -> None:
    accepted = taken(clip)
    change_settings(analysis_timeout=0, max_attempts=2)

    assert analyse(accepted.analysis.pk) == "queued"
    waiting = Analysis.objects.get()
    assert (waiting.state, waiting.attempts, waiting.lease_until) == (State.QUEUED, 1, None)
    assert Video.objects.get().state == State.QUEUED

    assert analyse(accepted.analysis.pk) == "failed"
    video = Video.objects.get()
    assert (video.error_code, video.error_retryable) == ("TIMEOUT", True)


def test_a_fault_of_ours_ends_in_a_state_one_can_see(clip: Path) -> None:
    accepted = taken(clip)
    # A file where the folder of working files should be, which nobody foresaw.
    work = settings.TVIDZ.var / "work"
    work.rmdir()
    work.touch()

    assert analyse(accepted.analysis.pk) == "failed"

    video = Video.objects.get()
    assert (video.error_code, video.error_retryable) == ("INTERNAL", True)
    assert "Traceback" not in video.error_message


def test_a_failed_analysis_takes_back_what_it_claimed_early(
    clip: Path, video_row: Callable[..., Video]
) -> None:
    accepted = taken(clip)
    segment = AlignedSegment(
        *(0.0, 2.0, 0.0, 2.0, 1.0, False, 8, 8, 10.0, 5.0, 50.0),
        pairs_query=SECONDS,
        pairs_reference=SECONDS,
        pairs_distance=SECONDS,
    )
    told = LinkScore(0.9, 8, 1.0, 1.0, True, (), True)
    early = Match(video_row("film.mp4").id, told, (segment,), 0)
    record(accepted.video, [early], "1", provisional=True)
    storage.remove(accepted.video.storage_key)

    analyse(accepted.analysis.pk)

    assert not DuplicateLink.objects.exists()


def test_an_analysis_that_somebody_holds_is_left_alone(clip: Path) -> None:
    accepted = taken(clip)
    assert analyse(accepted.analysis.pk) == "ready"

    assert analyse(accepted.analysis.pk) == "not free"
    assert analyse(999_999) == "not free"


def test_a_new_reference_finds_the_copy_that_was_uploaded_before_it(
    take_in: TakeIn, film: Path, excerpt: Path
) -> None:
    copy = take_in(excerpt)

    later = take_in(film)

    link = DuplicateLink.objects.get()
    assert (link.query, link.reference) == (later, copy)
    assert Flag.objects.count() == 1


def test_a_video_without_cuts_is_found_all_the_same(
    take_in: TakeIn, stranger: Path, ffmpeg: Callable[..., None], tmp_path: Path
) -> None:
    original = take_in(stranger)
    copy = tmp_path / "copy.webm"
    ffmpeg("-i", stranger, "-c:v", "libvpx", "-deadline", "realtime", "-b:v", "400k", copy)

    video = take_in(copy)

    assert SceneCuts.objects.get(video=original).timestamps == []
    assert DuplicateLink.objects.get().query == video
