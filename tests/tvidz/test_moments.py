"""What a video shows when, and where it shows the same again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tvidz.moments import Moments, pictures_at, same_seconds, small_picture, unlikeness, watch


def test_a_video_is_watched_ten_times_a_second(clip: Path) -> None:
    moments = watch(clip)

    assert moments.times == pytest.approx(np.arange(20) / 10, abs=0.001)
    assert moments.small.shape == (20, 64, 64)
    assert moments.telling.all()


def test_the_pictures_of_its_moments_come_in_the_order_asked_and_at_full_size(
    film: Path, ffmpeg: Callable[..., None], tmp_path: Path
) -> None:
    large = tmp_path / "large.mp4"
    ffmpeg("-t", "2", "-i", film, "-vf", "scale=960:540", large)
    moments = watch(large)
    late, early = float(moments.times[15]), float(moments.times[4])

    pictures = pictures_at(large, [late, early, late])

    assert [picture.shape for picture in pictures] == [(540, 960, 3)] * 3
    assert np.array_equal(pictures[0], pictures[2])
    assert unlikeness(small_picture(pictures[0]), moments.small).argmin() == 15
    assert unlikeness(small_picture(pictures[1]), moments.small).argmin() == 4


def test_passages_that_show_the_same_are_told_apart() -> None:
    small = np.zeros((8, 64, 64), np.uint8)
    small[[2, 3, 6]] = 200
    moments = Moments(np.arange(8) / 10, small)

    assert same_seconds(small[2], moments) == [(0.2, 0.3), (0.6, 0.6)]
    assert same_seconds(np.full((64, 64), 90, np.uint8), moments) == []


def test_one_changed_cell_is_another_picture_and_a_little_noise_is_not() -> None:
    plain = np.full((64, 64), 120, np.uint8)
    mouth = plain.copy()
    mouth[40:48, 24:32] = 128
    noise = plain + np.random.default_rng(1).integers(-2, 3, (64, 64)).astype(np.int8)
    moments = Moments(np.array([0.0, 0.1, 0.2]), np.stack([plain, mouth, noise.astype(np.uint8)]))

    assert unlikeness(plain, moments.small)[1] == 8
    assert same_seconds(plain, moments) == [(0.0, 0.0), (0.2, 0.2)]


def test_black_and_flat_pictures_tell_nothing() -> None:
    ramp = np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))
    moments = Moments(np.zeros(3), np.stack([ramp, ramp // 16, np.zeros_like(ramp)]))

    assert moments.telling.tolist() == [True, False, False]
