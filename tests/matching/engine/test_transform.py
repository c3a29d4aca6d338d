"""What a matrix between two pictures is called, and what both of them show."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.engine.geometry import inverse, joined, moved
from matching.engine.regions import Box
from matching.engine.transform import Transform, in_shares, outline, point_shares, transform

HD = (320, 180)
WHOLE = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])

sides = st.integers(16, 320)
sizes = st.tuples(sides, sides)
angles = st.floats(-179, 179)
scales = st.floats(0.3, 3)
shares = st.floats(0.05, 0.9)


def made(
    angle: float, stretch: float, scale: float, mirrored: bool, query: tuple[int, int]
) -> np.ndarray:
    """From the reference's pixels to a query's: turned clockwise, stretched, mirrored, centred."""
    turn = np.radians(angle)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = np.diag([-stretch if mirrored else stretch, 1]) @ turned * scale
    return np.hstack((linear, np.array([[query[0] / 2], [query[1] / 2]]) - 0.5))


def named(matrix: np.ndarray, query: tuple[int, int], reference: tuple[int, int]) -> Transform:
    told = transform(matrix, query, reference)
    assert told is not None
    return told


@given(angles, st.floats(0.5, 2), scales, st.booleans(), sizes, sizes)
def test_what_was_done_to_a_picture_is_read_from_the_matrix(
    angle: float,
    stretch: float,
    scale: float,
    mirrored: bool,
    query: tuple[int, int],
    reference: tuple[int, int],
) -> None:
    way = made(angle, stretch, scale, mirrored, query)
    # The middle of the reference's picture lands in the middle of the query's.
    way = joined(way, np.array([[1, 0, 0.5 - reference[0] / 2], [0, 1, 0.5 - reference[1] / 2]]))

    told = named(in_shares(inverse(way), query, reference), query, reference)

    assert told.mirrored is mirrored
    assert told.rotation == pytest.approx(angle, abs=1e-3)
    assert told.stretch == pytest.approx(stretch, rel=1e-6)
    assert 0 < told.shown <= 1
    assert 0 < told.filled <= 1
    # Both shares are of one area.
    ours, theirs = query[0] * query[1], reference[0] * reference[1] * scale**2 * stretch
    assert told.filled * ours == pytest.approx(told.shown * theirs, rel=1e-6)


@given(angles, scales, st.booleans())
def test_seen_from_the_other_side_crop_and_inset_change_places(
    angle: float, scale: float, mirrored: bool
) -> None:
    matrix = in_shares(made(angle, 1, scale, mirrored, (300, 200)), HD, (300, 200))
    told = transform(matrix, HD, (300, 200))
    other = transform(inverse(matrix), (300, 200), HD)

    if told is None or other is None:
        assert told is other is None
        return
    assert other.mirrored is told.mirrored
    assert (other.shown, other.filled) == pytest.approx((told.filled, told.shown))
    back = told.rotation if mirrored else -told.rotation
    assert other.rotation == pytest.approx(back, abs=1e-6)


@given(st.floats(0, 0.1), st.floats(0, 0.1), shares, shares)
def test_a_crop_is_told_with_its_box_and_an_inset_with_its_own(
    left: float, top: float, width: float, height: float
) -> None:
    matrix = np.array([[width, 0, left], [0, height, top]])

    crop, inset = named(matrix, HD, HD), named(inverse(matrix), HD, HD)

    assert crop.inset is None
    assert inset.crop is None
    for box in (crop.crop, inset.inset):
        assert box is not None
        told = (box.left, box.top, box.width, box.height)
        assert told == pytest.approx((left, top, width, height), abs=1e-6)
    assert (crop.shown, inset.filled) == pytest.approx((width * height, width * height))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=9), sizes)
def test_shares_of_a_point_come_back_as_the_point(
    points: list[tuple[float, float]], size: tuple[int, int]
) -> None:
    pixels = np.array(points) * size - 0.5

    assert point_shares(pixels, size) == pytest.approx(np.array(points))


def test_a_picture_scaled_from_edge_to_edge_is_the_same_in_shares() -> None:
    # Pixel 0 covers two pixels of the larger picture, 0 and 1: its middle lands between them.
    matrix = np.array([[2.0, 0.0, 0.5], [0.0, 2.0, 0.5]])

    assert in_shares(matrix, (160, 90), (320, 180)) == pytest.approx(WHOLE)
    assert named(WHOLE, (160, 90), (320, 180)).words() == []


@pytest.mark.parametrize(
    ("matrix", "query", "words"),
    [
        ([[-1, 0, 1], [0, 1, 0]], HD, ["mirrored"]),
        ([[0, 1, 0], [-1, 0, 1]], (180, 320), ["turned by 90° to the right"]),
        ([[0, -1, 1], [1, 0, 0]], (180, 320), ["turned by 90° to the left"]),
        ([[-1, 0, 1], [0, -1, 1]], HD, ["upside down"]),
        ([[1, 0, 0], [0, 1, 0]], (180, 180), ["squeezed"]),
        ([[1, 0, 0], [0, 1, 0]], (320, 90), ["stretched"]),
        ([[0.8, 0, 0.1], [0, 0.8, 0.1]], HD, ["cropped to 64% of the reference's picture"]),
        ([[2, 0, -1], [0, 2, -1]], HD, ["inset, 25% of the query's picture"]),
        ([[0.99, 0, 0.01], [0, 0.99, 0]], HD, []),
    ],
)
def test_people_are_told_in_words(
    matrix: list[list[float]], query: tuple[int, int], words: list[str]
) -> None:
    assert named(np.array(matrix, float), query, HD).words() == words


def test_a_turned_picture_that_keeps_nearly_all_is_not_called_cropped() -> None:
    way = made(8, 1, 1, False, HD)
    way = joined(way, np.array([[1, 0, 0.5 - 160], [0, 1, 0.5 - 90]]))

    told = named(in_shares(inverse(way), HD, HD), HD, HD)

    assert told.words() == ["turned by 8° to the right"]
    assert told.shown == pytest.approx(0.93, abs=0.01)


def test_pictures_that_share_nothing_have_no_transform() -> None:
    aside = np.array([[1.0, 0.0, 1.5], [0.0, 1.0, 0.0]])

    assert outline(aside) is None
    assert transform(aside, HD, HD) is None


def test_a_matrix_that_flattens_the_picture_is_refused() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        outline(np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]))


def test_the_outline_is_the_same_shape_in_both_pictures() -> None:
    matrix = np.array([[0.7, -0.2, 0.3], [0.2, 0.7, -0.1]])

    both = outline(matrix)

    assert both is not None
    assert moved(matrix, both.query) == pytest.approx(both.reference)
    for corners in (both.query, both.reference):
        assert ((corners >= 0) & (corners <= 1)).all()


def test_the_box_of_a_corner_lies_in_it() -> None:
    # The query's lower right quarter is the reference's upper left one.
    matrix = np.array([[1.0, 0.0, -0.5], [0.0, 1.0, -0.5]])

    told = named(matrix, HD, HD)

    assert told.crop == Box(0.0, 0.0, 0.5, 0.5)
    assert told.inset == Box(0.5, 0.5, 0.5, 0.5)
