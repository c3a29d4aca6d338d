"""Colours on a grid, without the seam at red."""

import numpy as np
import pytest

from matching.engine.colour import DIMENSION, colour_vector


def _plain(red: int, green: int, blue: int) -> np.ndarray:
    return np.full((1, 48, 48, 3), (red, green, blue), dtype=np.uint8)


def test_two_reds_on_either_side_of_the_seam_are_neighbours() -> None:
    bluish, yellowish = colour_vector(_plain(255, 0, 6)), colour_vector(_plain(255, 6, 0))
    green = colour_vector(_plain(0, 255, 0))
    near = float(np.linalg.norm(bluish - yellowish))
    far = float(np.linalg.norm(bluish - green))
    assert near < 0.05 * far, f"{near} against {far}"


def test_red_pixels_from_both_sides_of_the_seam_average_to_red() -> None:
    mixed = _plain(255, 0, 6)
    mixed[:, :, ::2] = (255, 6, 0)
    assert np.allclose(colour_vector(mixed), colour_vector(_plain(255, 0, 0)), atol=0.01)


def test_numbers_lie_between_0_and_1_and_grey_is_the_middle() -> None:
    vector = colour_vector(np.random.default_rng(1).integers(0, 256, (3, 50, 70, 3), np.uint8))
    assert vector.shape == (3, DIMENSION)
    assert vector.dtype == np.float32
    assert vector.min() >= 0
    assert vector.max() <= 1
    grey = colour_vector(_plain(51, 51, 51))[0].reshape(36, 3)
    assert np.allclose(grey, (0.5, 0.5, 0.2), atol=1e-3)


def test_each_cell_sees_its_own_corner() -> None:
    picture = _plain(0, 0, 0)
    picture[0, :8, :8] = 255
    value = colour_vector(picture)[0].reshape(6, 6, 3)[:, :, 2]
    assert value[0, 0] == pytest.approx(1)
    assert value.sum() == pytest.approx(1)


def test_grey_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="pictures"):
        colour_vector(np.zeros((1, 10, 10), np.uint8))
