"""The picture of two frames and their matched points."""

import numpy as np
import pytest

from matching.engine.drawing import draw_pair

WHOLE = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
NONE = np.zeros((0, 4))
MIDDLES = np.array([[0.5, 0.5, 0.5, 0.5]])


def flat(width: int, height: int, grey: int) -> np.ndarray:
    return np.full((height, width, 3), grey, np.uint8)


def scattered(count: int) -> np.ndarray:
    return np.random.default_rng(3).random((count, 4))


@pytest.mark.parametrize("width", [320, 360, 1280])
@pytest.mark.parametrize(
    "shapes",
    [
        ((320, 180), (320, 180)),
        ((180, 320), (320, 180)),
        ((180, 320), (101, 320)),
        ((1, 1), (1, 1)),
    ],
)
@pytest.mark.parametrize("dark", [False, True])
def test_it_is_as_wide_as_asked_whatever_the_shapes(
    width: int, shapes: tuple[tuple[int, int], tuple[int, int]], dark: bool
) -> None:
    first, second = (flat(*shape, 120) for shape in shapes)

    drawn = draw_pair(first, second, scattered(30), WHOLE, width, dark=dark)

    assert drawn.dtype == np.uint8
    assert drawn.shape[1:] == (width, 3)
    assert drawn.shape[0] <= 0.71 * width


@pytest.mark.parametrize("shape", [(320, 1), (1, 320), (2, 2)])
def test_the_strangest_shapes_are_drawn(shape: tuple[int, int]) -> None:
    drawn = draw_pair(flat(*shape, 50), flat(320, 180, 90), scattered(5), WHOLE, 360)

    assert drawn.shape[1] == 360


def test_both_frames_have_one_height_and_the_query_is_on_the_left() -> None:
    drawn = draw_pair(flat(160, 90, 40), flat(320, 180, 200), NONE, None, 1000)

    middle = drawn[drawn.shape[0] // 2, :, 0]
    dark, light = np.flatnonzero(middle == 40), np.flatnonzero(middle == 200)
    assert dark[0] == 0
    assert light[-1] == 999
    assert dark[-1] < light[0]
    assert len(dark) == pytest.approx(len(light), abs=1)


def test_what_lies_beside_the_frames_is_light_or_dark() -> None:
    frames = flat(90, 160, 120), flat(90, 160, 120)

    light, dark = (draw_pair(*frames, NONE, None, 640, dark=each) for each in (False, True))

    assert light[0, 0].min() > 220
    assert dark[0, 0].max() < 60


def test_a_line_joins_the_points_across_the_gap() -> None:
    drawn = draw_pair(flat(320, 180, 0), flat(320, 180, 0), MIDDLES, None, 1280)

    middle = drawn[drawn.shape[0] // 2]
    coloured = middle.max(axis=1) > 200
    left, right = np.flatnonzero(coloured)[[0, -1]]
    # But for the dark rim of either mark.
    assert coloured[left + 16 : right - 15].all()
    # From the middle of one frame to the middle of the other, and the marks' own width.
    assert (left, right) == pytest.approx((312, 968), abs=8)


def test_a_mirrored_pair_is_joined_where_the_points_are() -> None:
    points = np.array([[0.25, 0.5, 0.75, 0.5]])

    drawn = draw_pair(flat(320, 180, 0), flat(320, 180, 0), points, None, 1280)

    coloured = np.flatnonzero(drawn[drawn.shape[0] // 2].max(axis=1) > 200)
    assert (coloured[0], coloured[-1]) == pytest.approx((156, 1124), abs=8)


def test_a_narrow_picture_shows_the_first_points_only() -> None:
    points = scattered(30)
    frames = flat(320, 180, 90), flat(320, 180, 90)

    assert (
        draw_pair(*frames, points, None, 360) == draw_pair(*frames, points[:11], None, 360)
    ).all()
    assert (
        draw_pair(*frames, points, None, 1280) != draw_pair(*frames, points[:11], None, 1280)
    ).any()


def test_neighbouring_lines_differ_in_colour() -> None:
    heights = np.linspace(0.1, 0.9, 12)
    points = np.stack((np.full(12, 0.5), heights, np.full(12, 0.5), heights), axis=1)

    drawn = draw_pair(flat(320, 180, 0), flat(320, 180, 0), points, None, 1280)

    high = drawn.shape[0]
    colours = [drawn[round(y * high - 0.5), 640].astype(int) for y in heights]
    for one, next_one in zip(colours, colours[1:], strict=False):
        assert np.abs(one - next_one).sum() > 100


def test_what_only_one_of_them_shows_is_dimmed() -> None:
    crop = np.array([[0.5, 0.0, 0.25], [0.0, 0.5, 0.25]])

    drawn = draw_pair(flat(320, 180, 0), flat(320, 180, 0), NONE, crop, 1280)

    high = drawn.shape[0]
    assert drawn[high // 2, 300].max() == 0
    assert drawn[high // 2, 968].max() == 0
    assert drawn[high // 8, 968].min() > 100


def test_what_both_show_is_outlined() -> None:
    crop = np.array([[0.5, 0.0, 0.25], [0.0, 0.5, 0.25]])

    drawn = draw_pair(flat(320, 180, 0), flat(320, 180, 0), NONE, crop, 1280)

    row = drawn[drawn.shape[0] // 2].astype(int)
    orange = np.flatnonzero((row[:, 0] > 200) & (row[:, 2] < 120))
    # Along the edges of the query's frame, and a quarter inside the reference's.
    for edge in (1, 622, 812, 1124):
        assert np.abs(orange - edge).min() <= 4


def test_without_points_and_matrix_the_frames_stay_as_they_are() -> None:
    drawn = draw_pair(flat(320, 180, 70), flat(320, 180, 150), NONE, None, 1280)

    assert (drawn[:, :620] == 70).all()
    assert (drawn[:, 660:] == 150).all()
