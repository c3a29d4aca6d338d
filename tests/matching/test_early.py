"""What a handful of frames may tell, with real frames, features and the real index."""

import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from matching.early import early_matches
from matching.engine.version import ENGINE_VERSION
from matching.models import Fingerprint
from tvidz.fingerprinting import sampling_of
from videos.limits import media_limits
from videos.media.decode import Decoding
from videos.media.probe import probe
from videos.models import MediaType, Video
from videos.uploads.accept import recognise_path

pytestmark = pytest.mark.django_db

TakeIn = Callable[..., Video]
Look = tuple[NDArray[np.uint8], NDArray[np.float64], float]


def frames_of(path: Path, every: float) -> Look:
    """A frame every so many seconds, their times, and the video's duration."""
    told = probe(path, recognise_path(path), media_limits())
    assert sampling_of(told, path.name).dense_interval <= every
    with Decoding(path, told, sample_interval=every) as stream:
        batches = list(stream)
    pictures = np.concatenate([batch.pictures for batch in batches])
    return pictures, np.concatenate([batch.timestamps for batch in batches]), told.duration


def found(look: Look) -> list[uuid.UUID]:
    pictures, times, duration = look
    fingerprint, matches = early_matches(pictures, times, MediaType.VIDEO, duration, duration, None)
    assert fingerprint.version == ENGINE_VERSION
    return [match.video_id for match in matches]


def test_a_copy_is_told_from_a_frame_every_two_seconds(
    take_in: TakeIn, film: Path, ffmpeg: Callable[..., None], tmp_path: Path
) -> None:
    original = take_in(film)
    copy = tmp_path / "copy.mp4"
    ffmpeg("-i", film, "-vf", "scale=256:144", "-crf", "33", copy)

    assert found(frames_of(copy, 2.0)) == [original.id]


def test_a_stranger_is_not_told(take_in: TakeIn, film: Path, stranger: Path) -> None:
    take_in(film)

    assert found(frames_of(stranger, 1.0)) == []


def test_a_shared_leader_is_not_told(
    take_in: TakeIn, film: Path, ffmpeg: Callable[..., None], tmp_path: Path
) -> None:
    """However many frames lie in it: it is but the first third of the upload."""
    take_in(film)
    upload = tmp_path / "led.mp4"
    other = "cellauto=s=160x90:r=25:rule=30:seed=3:scroll=1,scale=320:180:flags=neighbor,boxblur=2"
    graph = "[0:v]trim=0:4,setsar=1[a];[1:v]setsar=1,format=yuv420p[b];[a][b]concat=n=2[out]"
    lavfi = ("-f", "lavfi", "-t", "8", "-i", other)
    ffmpeg("-i", film, *lavfi, "-filter_complex", graph, "-map", "[out]", upload)
    pictures, times, duration = frames_of(upload, 0.5)
    assert (times < 4).sum() >= 8

    assert found((pictures, times, duration)) == []


def test_two_frames_tell_nothing(take_in: TakeIn, film: Path) -> None:
    take_in(film)
    pictures, times, duration = frames_of(film, 6.0)

    assert found((pictures[:2], times[:2], duration)) == []


def test_a_long_crop_is_told_by_local_features(
    take_in: TakeIn, ffmpeg: Callable[..., None], tmp_path: Path
) -> None:
    """Hashes do not see a cut-out of a third of the picture; the features of two frames do."""
    path = tmp_path / "film.mp4"
    zoom = "mandelbrot=s=320x180:r=10:start_scale=0.4:end_scale=0.01:end_pts=320"
    ffmpeg("-f", "lavfi", "-t", "32", "-i", zoom, "-pix_fmt", "yuv420p", path)
    original = take_in(path)
    crop = tmp_path / "crop.mp4"
    ffmpeg("-i", path, "-vf", "crop=iw*0.7:ih*0.7,scale=320:180", crop)

    assert found(frames_of(crop, 2.0)) == [original.id]


def test_what_was_looked_for_leaves_no_rows(take_in: TakeIn, film: Path) -> None:
    take_in(film)

    found(frames_of(film, 2.0))

    assert Fingerprint.objects.count() == 1


def test_of_a_longer_video_no_more_is_claimed_than_was_looked_at(
    take_in: TakeIn, film: Path
) -> None:
    take_in(film)
    pictures, times, duration = frames_of(film, 2.0)

    _, [match] = early_matches(pictures, times, MediaType.VIDEO, duration, 4 * duration, None)

    assert match.score.covered_query == pytest.approx(0.25, abs=0.02)
    assert match.segments[-1].q_end == pytest.approx(duration)
