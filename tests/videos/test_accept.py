"""The one way in: what becomes of a file that is handed over."""

import hashlib
import re
import resource
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, connections, transaction
from django_q.models import OrmQ

from videos import storage
from videos.errors import Refusal
from videos.media.errors import MediaError
from videos.models import Analysis, State, Upload, Video
from videos.uploads import resumable
from videos.uploads.accept import Arrival, accept, take_in
from videos.uploads.resumable import Begun

pytestmark = pytest.mark.django_db


def stored_files() -> list[Path]:
    return [path for path in (settings.TVIDZ.var / "files").rglob("*") if path.is_file()]


def arrive(path: Path, **fields: Any) -> Arrival:
    return Arrival(path, fields.pop("declared_name", path.name), Upload.Entrance.API, **fields)


def test_a_file_becomes_a_stored_file_a_video_an_upload_and_a_queued_analysis(
    clip: Path, alice: User
) -> None:
    accepted = accept(arrive(clip, owner=alice))

    video = Video.objects.get()
    assert accepted.video == video
    assert (video.owner, video.filename, video.state) == (alice, "clip.mp4", State.QUEUED)
    assert (video.media_type, video.mime, video.codec) == ("video", "video/mp4", "h264")
    assert (video.width, video.height, video.frame_rate) == (160, 90, 10.0)
    assert video.duration == pytest.approx(2.0, abs=0.05)
    assert video.size_bytes == clip.stat().st_size
    assert video.sha256 == hashlib.sha256(clip.read_bytes()).hexdigest()
    assert storage.open_stored(video.storage_key).read() == clip.read_bytes()
    assert Upload.objects.get().video == video
    assert Analysis.objects.get().state == State.QUEUED


def test_the_secret_is_told_once_and_only_its_hash_is_kept(clip: Path) -> None:
    accepted = accept(arrive(clip))

    assert len(accepted.secret) >= 32
    assert accepted.video.secret_sha256 == hashlib.sha256(accepted.secret.encode()).hexdigest()


def test_a_worker_is_woken_after_the_commit_and_not_before(
    clip: Path, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        accepted = accept(arrive(clip))
        assert not OrmQ.objects.exists()

    assert OrmQ.objects.count() == 1
    accepted.analysis.refresh_from_db()
    assert accepted.analysis.woken_at is not None


def test_the_same_file_twice_is_two_videos_with_one_hash(clip: Path) -> None:
    first, second = accept(arrive(clip)), accept(arrive(clip))

    assert first.video.storage_key != second.video.storage_key
    assert first.video.sha256 == second.video.sha256
    assert len(stored_files()) == 2


def test_a_hostile_name_is_shown_but_never_becomes_a_path(clip: Path) -> None:
    accepted = accept(arrive(clip, declared_name="../../<script>alert(1).mp4\x00"))

    assert accepted.video.filename == "<script>alert(1).mp4"
    made = rf"videos/[0-9a-f]{{2}}/{accepted.video.id}-[0-9a-f]{{8}}\.mp4"
    assert re.fullmatch(made, accepted.video.storage_key)
    assert Upload.objects.get().declared_name == "../../<script>alert(1).mp4"
    assert len(stored_files()) == 1


def test_the_suffix_of_the_stored_file_comes_from_its_content(clip: Path) -> None:
    accepted = accept(arrive(clip, declared_name="photo.php"))

    assert accepted.video.storage_key.endswith(".mp4")


def test_a_still_image_has_neither_duration_nor_frame_rate(
    clip: Path, ffmpeg: Callable[..., None], tmp_path: Path
) -> None:
    still = tmp_path / "still.jpg"
    ffmpeg("-i", clip, "-frames:v", "1", still)

    video = accept(arrive(still)).video

    assert (video.media_type, video.duration, video.frame_rate) == ("image", 0.0, None)


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "EMPTY"), (b"Dear Alice, this is a letter. " * 99, "UNSUP")]
)
def test_what_is_no_video_is_refused_and_leaves_nothing_behind(
    content: bytes, code: str, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_bytes(content)

    with pytest.raises(MediaError) as refused:
        accept(arrive(letter))

    assert refused.value.code == code
    assert not Video.objects.exists()
    assert stored_files() == []


def test_a_video_that_is_too_long_is_refused(
    clip: Path, change_settings: Callable[..., None]
) -> None:
    change_settings(max_duration=1.5)

    with pytest.raises(MediaError) as refused:
        accept(arrive(clip))

    assert refused.value.code == "DURATION"
    assert stored_files() == []


def test_a_file_that_is_too_large_is_refused_before_anybody_reads_it(
    tmp_path: Path, change_settings: Callable[..., None]
) -> None:
    change_settings(max_upload_mb=1)
    large = tmp_path / "large.mp4"
    with large.open("wb") as file:
        file.truncate((1 << 20) + 1)

    with pytest.raises(Refusal) as refused:
        accept(arrive(large))

    assert (refused.value.code, refused.value.status) == ("TOO_LARGE", 413)


def test_without_room_on_the_disk_the_file_is_refused_for_now(
    clip: Path, change_settings: Callable[..., None]
) -> None:
    change_settings(storage_reserve_mb=1 << 30)

    with pytest.raises(Refusal) as refused:
        accept(arrive(clip))

    assert (refused.value.code, refused.value.status) == ("NO_SPACE", 507)
    assert refused.value.retryable
    assert "Retry-After" in refused.value.headers


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_up_while_storing_leaves_no_half_file(film: Path) -> None:
    with no_file_above(film.stat().st_size // 2), pytest.raises(Refusal) as refused:
        accept(arrive(film))

    assert refused.value.code == "NO_SPACE"
    assert stored_files() == []
    assert not Video.objects.exists()


def test_a_file_whose_rows_are_refused_is_removed_again(clip: Path) -> None:
    accept(arrive(clip, origin="/films/clip.mp4"))

    with pytest.raises(IntegrityError):
        accept(arrive(clip, origin="/films/clip.mp4"))

    assert len(stored_files()) == 1


def test_where_nobody_waits_for_an_answer_a_refusal_stands_on_a_failed_video(
    tmp_path: Path, alice: User
) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear Sir or Madam, " * 100)

    video = take_in(arrive(letter, owner=alice, origin="somewhere#1"))

    assert Video.objects.get() == video
    assert (video.state, video.error_code, video.error_retryable) == ("failed", "UNSUP", False)
    assert video.error_message
    assert (video.owner, video.filename, video.storage_key) == (alice, "letter.mp4", "")
    assert not Analysis.objects.exists()
    assert stored_files() == []


def test_what_may_be_tried_again_leaves_no_video(
    clip: Path, change_settings: Callable[..., None]
) -> None:
    change_settings(storage_reserve_mb=10**9)

    with pytest.raises(Refusal) as caught:
        take_in(arrive(clip))

    assert (caught.value.code, caught.value.retryable) == ("NO_SPACE", True)
    assert not Video.objects.exists()


def test_a_second_try_from_the_same_place_takes_the_refused_ones_stead(
    clip: Path, change_settings: Callable[..., None]
) -> None:
    change_settings(max_duration=1.0)
    first = take_in(arrive(clip, origin="somewhere#1"))
    assert first.error_code == "DURATION"
    second = take_in(arrive(clip, origin="somewhere#1"))
    assert Video.objects.get() == second != first

    change_settings(max_duration=60.0)
    third = take_in(arrive(clip, origin="somewhere#1"))

    assert Video.objects.get() == third
    assert third.state == State.QUEUED


def test_an_account_cannot_keep_more_than_its_quota(
    tmp_path: Path, clip: Path, alice: User, change_settings: Callable[..., None]
) -> None:
    change_settings(quota_mb=1)
    large = tmp_path / "large.mp4"
    large.write_bytes(clip.read_bytes() + bytes(1_000_000 - clip.stat().st_size))
    accept(arrive(large, owner=alice))

    with pytest.raises(Refusal) as caught:
        accept(arrive(large, owner=alice))

    assert (caught.value.code, caught.value.status) == ("QUOTA", 413)
    assert len(stored_files()) == 1
    accept(arrive(clip, owner=alice))
    accept(arrive(large, owner=User.objects.create_user("bob")))
    accept(arrive(large))


def test_an_upload_that_is_begun_counts_towards_the_quota(
    alice: User, change_settings: Callable[..., None]
) -> None:
    change_settings(quota_mb=1)
    resumable.begin(Begun(600_000, owner=alice))

    with pytest.raises(Refusal) as caught:
        resumable.begin(Begun(600_000, owner=alice))

    assert caught.value.code == "QUOTA"
    resumable.begin(Begun(400_000, owner=alice))


@pytest.mark.django_db(transaction=True)
def test_of_two_files_at_once_that_do_not_both_fit_one_is_refused(
    tmp_path: Path, clip: Path, alice: User, change_settings: Callable[..., None]
) -> None:
    change_settings(quota_mb=1)
    large = tmp_path / "large.mp4"
    large.write_bytes(clip.read_bytes() + bytes(700_000))

    def one(number: int) -> str:
        try:
            accept(arrive(large, owner=alice))
        except Refusal as refusal:
            return refusal.code
        finally:
            connections.close_all()
        return "accepted"

    with ThreadPoolExecutor(4) as pool:
        ends = sorted(pool.map(one, range(4)))

    assert ends == ["QUOTA", "QUOTA", "QUOTA", "accepted"]
    assert len(stored_files()) == Video.objects.count() == 1


def test_who_comes_second_with_the_same_video_takes_nothing_away_from_the_first(
    clip: Path,
) -> None:
    first = accept(arrive(clip))

    with pytest.raises(IntegrityError), transaction.atomic():
        accept(arrive(clip, video_id=first.video.id))

    assert storage.open_stored(first.video.storage_key).read() == clip.read_bytes()
    assert len(stored_files()) == 1
