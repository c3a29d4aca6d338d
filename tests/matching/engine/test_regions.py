"""The content is found within bars, frames and captions."""

import numpy as np
import pytest

from matching.engine.regions import Box, box_within_bars, content_box


def _moving(high: int, wide: int, count: int = 20) -> np.ndarray:
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 256, (count, high // 10, wide // 10))
    return np.kron(coarse, np.ones((1, 10, 10)))


def test_black_bars_above_and_below_are_cut_off() -> None:
    frames = np.zeros((20, 200, 320))
    frames[:, 30:170] = _moving(140, 320)
    assert content_box(frames) == Box(0.0, 0.15, 1.0, 0.7)


def test_a_still_frame_with_a_caption_round_a_moving_picture_is_cut_off() -> None:
    frames = np.broadcast_to(np.random.default_rng(1).integers(0, 256, (200, 320)), (20, 200, 320))
    frames = frames.astype(float).copy()
    frames[:, 50:190, 40:280] = _moving(140, 240)
    assert content_box(frames) == Box(0.125, 0.25, 0.75, 0.7)


def test_bars_with_the_noise_of_compression_are_still_bars() -> None:
    rng = np.random.default_rng(8)
    frames = 16 + rng.normal(0, 1.5, (20, 200, 320))
    frames[:, 30:170] = _moving(140, 320)
    assert content_box(frames) == Box(0.0, 0.15, 1.0, 0.7)


def test_flat_bars_round_a_still_picture_are_cut_off_too() -> None:
    frames = np.zeros((5, 200, 320))
    frames[:, :, 60:260] = _moving(200, 200, 1)
    assert content_box(frames) == Box(0.1875, 0.0, 0.625, 1.0)


def test_a_picture_that_moves_all_over_has_no_other_region() -> None:
    assert content_box(_moving(200, 320)) is None


def test_black_and_a_still_picture_without_bars_have_no_other_region() -> None:
    assert content_box(np.zeros((20, 200, 320))) is None
    assert content_box(np.repeat(_moving(200, 320, 1), 20, axis=0)) is None


def test_a_small_moving_spot_is_no_region() -> None:
    frames = np.repeat(_moving(200, 320, 1), 20, axis=0)
    frames[:, 100:130, 100:140] = _moving(30, 40)
    assert content_box(frames) is None


def test_a_single_picture_is_cut_out_of_flat_bars_each_of_its_own_level() -> None:
    picture = np.full((200, 320), 230.0)
    picture[:20] = 16
    picture[20:190, 32:280] = _moving(170, 250, 1)[0, :, :248]
    assert box_within_bars(picture) == Box(0.1, 0.1, 0.775, 0.85)


def test_a_single_picture_keeps_its_bars_through_the_noise_of_compression() -> None:
    picture = 16 + np.random.default_rng(8).normal(0, 1.5, (200, 320))
    picture[30:170] = _moving(140, 320, 1)[0]
    assert box_within_bars(picture) == Box(0.0, 0.15, 1.0, 0.7)


def test_a_caption_on_a_bar_belongs_to_a_single_picture() -> None:
    picture = np.full((200, 320), 255.0)
    picture[10:30, 40:280] = _moving(20, 240, 1)[0]
    picture[40:] = _moving(160, 320, 1)[0]
    assert box_within_bars(picture) == Box(0.0, 0.05, 1.0, 0.95)


def test_a_single_picture_without_bars_or_with_nothing_else_has_no_other_region() -> None:
    assert box_within_bars(_moving(200, 320, 1)[0]) is None
    assert box_within_bars(np.zeros((200, 320))) is None


def test_a_thin_line_of_a_picture_between_bars_is_no_region() -> None:
    picture = np.zeros((200, 320))
    picture[80:120] = _moving(40, 320, 1)[0]
    assert box_within_bars(picture) is None


def test_a_box_cuts_grey_and_coloured_pictures_and_never_to_nothing() -> None:
    box = Box(0.25, 0.5, 0.5, 0.25)
    assert box.of(np.zeros((2, 100, 200))).shape == (2, 25, 100)
    assert box.of(np.zeros((2, 100, 200, 3))).shape == (2, 25, 100, 3)
    assert Box(0.0, 0.0, 0.001, 0.001).of(np.zeros((1, 9, 9))).shape == (1, 1, 1)


def test_coloured_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="gray"):
        content_box(np.zeros((2, 9, 9, 3)))
    with pytest.raises(ValueError, match="gray"):
        box_within_bars(np.zeros((9, 9, 3)))
