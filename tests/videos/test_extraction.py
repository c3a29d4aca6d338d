"""Frames, cuts, thumbnail and evidence pictures of an analysed video."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from numpy.typing import NDArray

from matching.models import FeatureVector, Fingerprint
from tvidz.fingerprinting import fingerprint_file
from tvidz.pipeline import analyse
from videos import storage
from videos.models import FrameInfo, SceneCuts, State, Video
from videos.queue import retry

pytestmark = pytest.mark.django_db

TakeIn = Callable[..., Video]


def rows_of(video: Video) -> list[tuple[Any, ...]]:
    columns = ("frame_number", "timestamp", "is_keyframe", "picture_offset", "picture_size")
    return list(FrameInfo.objects.filter(video=video).values_list(*columns))


def decoded(jpeg: bytes) -> NDArray[np.uint8]:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, np.uint8)


def analyse_again(video: Video) -> None:
    analyse(retry(video.analyses.get()).pk)
    video.refresh_from_db()


@pytest.fixture(scope="session")
def ffprobe() -> str:
    found = shutil.which("ffprobe")
    if found is None:
        pytest.skip("no ffprobe on this machine: install ffmpeg")
    return found


def frames_by_ffprobe(ffprobe: str, path: Path) -> list[tuple[float, str]]:
    """Second and picture type of every frame in the order they are shown."""
    done = subprocess.run(
        [ffprobe, "-v", "error", "-select_streams", "v:0", "-of", "json", "-show_entries"]
        + ["frame=best_effort_timestamp_time,pict_type", path],
        check=True,
        capture_output=True,
        timeout=60,
    )
    frames = json.loads(done.stdout)["frames"]
    return [(float(frame["best_effort_timestamp_time"]), frame["pict_type"]) for frame in frames]


def test_timestamps_are_right_to_one_frame_and_keyframes_are_ffprobes(
    take_in: TakeIn, film: Path, ffprobe: str
) -> None:
    video = take_in(film)

    truth = frames_by_ffprobe(ffprobe, film)
    rows = rows_of(video)
    assert [round(row[1]) for row in rows] == list(range(12))
    for number, timestamp, keyframe, _, _ in rows:
        assert timestamp == pytest.approx(truth[number][0], abs=0.02), number
        assert keyframe == (truth[number][1] == "I"), f"frame {number}"
    assert any(row[2] for row in rows)


def test_scene_cuts_stand_where_the_scenes_change(take_in: TakeIn, film: Path) -> None:
    video = take_in(film)

    assert SceneCuts.objects.get(video=video).timestamps == pytest.approx([4.0, 8.0], abs=0.041)


def test_every_picture_in_the_pack_is_the_jpeg_of_its_frame(take_in: TakeIn, clip: Path) -> None:
    video = take_in(clip)

    pack = storage.open_stored(video.pictures_key).read()
    for _, _, _, offset, size in rows_of(video):
        assert decoded(pack[offset : offset + size]).shape == (90, 160, 3)
    assert offset + size == len(pack)


def test_the_thumbnail_is_a_jpeg_that_is_not_black(
    take_in: TakeIn, ffmpeg: Callable[..., None], tmp_path: Path
) -> None:
    dark_start = tmp_path / "dark.mp4"
    ffmpeg(
        *("-f", "lavfi", "-t", "2", "-i", "color=black:s=160x90:r=10"),
        *("-f", "lavfi", "-t", "2", "-i", "testsrc2=s=160x90:r=10"),
        *("-filter_complex", "[0][1]concat,format=yuv420p", dark_start),
    )

    video = take_in(dark_start)

    stored = storage.open_stored(video.thumbnail_key).read()
    assert decoded(stored).mean() > 50


def test_running_it_twice_leaves_the_same_rows(take_in: TakeIn, clip: Path) -> None:
    video = take_in(clip)
    before = rows_of(video), SceneCuts.objects.get(video=video).timestamps

    analyse_again(video)

    assert video.state == State.READY
    assert (rows_of(video), SceneCuts.objects.get(video=video).timestamps) == before
    assert Fingerprint.objects.filter(video=video).count() == 1
    assert FeatureVector.objects.filter(video=video).count() == len(before[0])


def test_another_analysis_replaces_cuts_and_frames(
    take_in: TakeIn, film: Path, change_settings: Callable[..., None]
) -> None:
    video = take_in(film)
    assert len(rows_of(video)) == 12

    change_settings(scene_threshold=0.99, index_frame_interval=5.0)
    analyse_again(video)

    assert SceneCuts.objects.get(video=video).timestamps == []
    assert [round(row[1]) for row in rows_of(video)] == [0, 5, 10]


def test_a_second_row_of_scene_cuts_is_refused(video_row: Callable[..., Video]) -> None:
    video = video_row()
    SceneCuts.objects.create(video=video, timestamps=[1.0])

    with pytest.raises(IntegrityError), transaction.atomic():
        SceneCuts.objects.create(video=video, timestamps=[2.0])


def test_index_frames_over_the_limit_are_thinned_over_the_whole_clip_with_a_warning(
    take_in: TakeIn, film: Path, change_settings: Callable[..., None]
) -> None:
    change_settings(max_index_frames=5)

    video = take_in(film)

    assert [row[1] for row in rows_of(video)] == pytest.approx([0, 2.4, 4.8, 7.2, 9.6], abs=0.26)
    assert [warning["code"] for warning in video.warnings] == ["INDEX_THINNED"]
    assert "MAX_INDEX_FRAMES=5" in video.warnings[0]["message"]
    assert "film.mp4" in video.warnings[0]["message"]


def test_batches_of_one_and_of_ten_give_identical_descriptors(
    film: Path, change_settings: Callable[..., None]
) -> None:
    found = []
    for size in (1, 10):
        change_settings(frame_batch_size=size)
        found.append(fingerprint_file(film, "film.mp4")[0])

    one, ten = found
    assert one.index.number.tolist() == ten.index.number.tolist()
    assert one.cuts.tolist() == ten.cuts.tolist()
    assert (one.index.colours == ten.index.colours).all()
    assert len(one.regions) == len(ten.regions)
    for mine, theirs in zip(one.regions, ten.regions, strict=True):
        assert (mine.track.times == theirs.track.times).all()
        assert (mine.track.hashes == theirs.track.hashes).all()
        assert (mine.track.quality == theirs.track.quality).all()
        for turn, hashes in mine.turned.items():
            assert (hashes == theirs.turned[turn]).all(), turn


def test_batches_of_one_and_of_ten_leave_identical_rows(
    take_in: TakeIn, clip: Path, change_settings: Callable[..., None]
) -> None:
    change_settings(frame_batch_size=1)
    one = take_in(clip)
    change_settings(frame_batch_size=10)
    ten = take_in(clip)

    columns = ("frame_number", "region", "hash", "bands", "quality", "timestamp")
    vectors = [
        list(FeatureVector.objects.filter(video=video).order_by("pk").values_list(*columns))
        for video in (one, ten)
    ]
    assert rows_of(one) == rows_of(ten)
    assert str(vectors[0]) == str(vectors[1])


@pytest.mark.parametrize(
    ("name", "words", "frames"),
    [
        ("tiny.mp4", ("-t", "2", "-i", "testsrc2=s=16x16:r=10"), 2),
        ("one-frame.mp4", ("-t", "0.1", "-i", "testsrc2=s=160x90:r=10"), 1),
        ("odd.webm", ("-t", "1", "-i", "testsrc2=s=141x333:r=10"), 1),
    ],
)
def test_videos_of_unusual_size_and_length_are_taken_whole(
    name: str,
    words: tuple[str, ...],
    frames: int,
    take_in: TakeIn,
    ffmpeg: Callable[..., None],
    tmp_path: Path,
) -> None:
    codec = ("-c:v", "libvpx") if name.endswith("webm") else ("-c:v", "libx264")
    path = tmp_path / name
    ffmpeg("-f", "lavfi", *words, *codec, "-pix_fmt", "yuv420p", path)

    video = take_in(path)

    assert (video.state, video.error_code) == (State.READY, "")
    assert len(rows_of(video)) == frames
    assert video.thumbnail_key


def test_a_still_image_has_one_frame_and_no_cuts(
    take_in: TakeIn, clip: Path, ffmpeg: Callable[..., None], tmp_path: Path
) -> None:
    still = tmp_path / "still.png"
    ffmpeg("-i", clip, "-frames:v", "1", still)

    video = take_in(still)

    assert (video.state, video.media_type) == (State.READY, "image")
    assert [row[:2] for row in rows_of(video)] == [(0, 0.0)]
    assert SceneCuts.objects.get(video=video).timestamps == []


def test_no_vector_is_without_its_frame(take_in: TakeIn, clip: Path) -> None:
    video = take_in(clip)

    vectors = FeatureVector.objects.filter(video=video).select_related("frame")
    assert vectors
    for vector in vectors:
        assert vector.frame.video_id == video.pk
        assert vector.frame.frame_number == vector.frame_number
        assert vector.frame.timestamp == vector.timestamp


def test_working_files_are_gone_afterwards(take_in: TakeIn, clip: Path) -> None:
    take_in(clip)

    assert list((settings.TVIDZ.var / "work").iterdir()) == []
