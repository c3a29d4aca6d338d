"""Where two videos overlap is known to the pixel, and laid over each other they show the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.engine.geometry import Matrix, flip, inverse, moved
from matching.engine.hashing import dct_hash, hamming_pairs
from matching.engine.overlay import Overlap, laid, overlap, track
from matching.engine.small import SmallFrames
from tests.matching.scenery import HIGH, WIDE, filmed, journey, leaves, seen_through

WHOLE: Matrix = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
PICTURE = filmed(leaves(1)[None])


def _window(left: float, top: float, share: float) -> Matrix:
    """Takes pixels of a picture that was cut from there, `share` as wide, to those of the whole."""
    # Pixels are squares: the outer edge of the first lies half a pixel before its middle.
    across, down = left * WIDE + (share - 1) / 2, top * HIGH + (share - 1) / 2
    return np.array([[share, 0.0, across], [0.0, share, down]])


def _cut(seed: int, window: Matrix) -> SmallFrames:
    """What a crop by the window shows of a finely drawn picture."""
    fine = leaves(seed, 4 * WIDE, 4 * HIGH, 1200)
    return filmed(seen_through(fine, _from_fine(inverse(window)))[None])


def _from_fine(matrix: Matrix) -> Matrix:
    """A map of the picture's pixels as one of a picture four times as fine."""
    return np.hstack((matrix[:, :2] / 4, (matrix[:, 2] - matrix[:, :2] @ [0.375, 0.375])[:, None]))


def _grid(where: Overlap, film: SmallFrames, *, query: bool) -> np.ndarray:
    return laid(film.frames, where.to_query if query else where.to_reference, where.mask)


def _corners(matrix: Matrix) -> np.ndarray:
    """Outer corners of the grid, left upper and right lower, in pixels of a small frame."""
    return moved(matrix, np.array([[-0.5, -0.5], [63.5, 63.5]])).round(6)


def test_a_whole_copy_overlaps_wholly() -> None:
    where = overlap(WHOLE, PICTURE, PICTURE)

    assert where is not None
    assert where.mask.all()
    assert (where.query_share, where.reference_share) == pytest.approx((1, 1))
    assert _corners(where.to_query).tolist() == [[-0.5, -0.5], [95.5, 55.5]]
    assert _corners(where.to_reference).tolist() == [[-0.5, -0.5], [95.5, 55.5]]


def test_of_a_crop_all_is_seen_in_its_window_of_the_reference() -> None:
    where = overlap(_window(0.25, 0.125, 0.5), PICTURE, PICTURE)

    assert where is not None
    assert where.mask.all()
    assert where.query_share == pytest.approx(1)
    assert where.reference_share == pytest.approx(0.25)
    assert _corners(where.to_query) == pytest.approx(np.array([[-0.5, -0.5], [95.5, 55.5]]))
    assert _corners(where.to_reference) == pytest.approx(np.array([[23.5, 6.5], [71.5, 34.5]]))


def test_an_inset_shows_the_whole_reference_in_its_window_of_the_query() -> None:
    where = overlap(inverse(_window(0.5, 0.25, 0.25)), PICTURE, PICTURE)

    assert where is not None
    assert where.mask.all()
    assert where.query_share == pytest.approx(1 / 16)
    assert where.reference_share == pytest.approx(1)
    assert _corners(where.to_query) == pytest.approx(np.array([[47.5, 13.5], [71.5, 27.5]]))
    assert _corners(where.to_reference) == pytest.approx(np.array([[-0.5, -0.5], [95.5, 55.5]]))


def test_a_mirrored_copy_is_laid_from_right_to_left() -> None:
    mirror = filmed(leaves(1)[None, :, ::-1])
    where = overlap(flip(WIDE), mirror, PICTURE)

    assert where is not None
    assert (where.query_share, where.reference_share) == pytest.approx((1, 1))
    assert _corners(where.to_query).tolist() == [[95.5, -0.5], [-0.5, 55.5]]
    ours, theirs = _grid(where, mirror, query=True), _grid(where, PICTURE, query=False)
    assert np.abs(ours - theirs).mean() < 1.5


def test_a_turned_copy_overlaps_where_the_mask_says() -> None:
    turn = np.radians(20)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = np.array([WIDE, HIGH]) / 2
    matrix = np.hstack((turned, (middle - turned @ middle)[:, None]))
    query = filmed(seen_through(leaves(1), inverse(matrix))[None])
    where = overlap(matrix, query, PICTURE)

    assert where is not None
    assert not where.mask[0, 0]
    assert where.mask[32, 32]
    assert where.query_share == pytest.approx(where.reference_share, abs=0.02)
    assert 0.6 < where.query_share < 0.95
    ours, theirs = _grid(where, query, query=True), _grid(where, PICTURE, query=False)
    assert hamming_pairs(dct_hash(ours).hashes, dct_hash(theirs).hashes)[0] < 40
    # What only one of them shows is flat in both.
    assert np.ptp(ours[:, ~where.mask]) == np.ptp(theirs[:, ~where.mask]) == 0


@pytest.mark.parametrize(
    "matrix",
    [
        pytest.param(np.array([[1.0, 0.0, 330.0], [0.0, 1.0, 0.0]]), id="beside it"),
        pytest.param(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, -175.0]]), id="a strip"),
        pytest.param(_window(0.4, 0.4, 0.1), id="a tenth of it"),
        pytest.param(
            np.array([[0.7, -0.7, 400.0], [0.7, 0.7, -60.0]]), id="a corner of one turned by 45°"
        ),
    ],
)
def test_hardly_any_overlap_is_none(matrix: Matrix) -> None:
    assert overlap(matrix, PICTURE, PICTURE) is None


@settings(deadline=None, max_examples=25, derandomize=True)
@given(st.floats(0.3, 0.95), st.floats(0, 1), st.floats(0, 1))
def test_any_crop_shows_the_same_as_the_reference_once_laid_over_it(
    share: float, across: float, down: float
) -> None:
    window = _window(across * (1 - share), down * (1 - share), share)
    query, reference = _cut(2, window), _cut(2, WHOLE)

    where = overlap(window, query, reference)

    assert where is not None
    # The reference's small frames see finer than a crop of a third: compare at their resolution.
    assert where.reference_share == pytest.approx(share**2, abs=0.02)
    ours, theirs = (
        track(_grid(where, query, query=True), query),
        track(_grid(where, reference, query=False), reference),
    )
    assert hamming_pairs(ours.hashes, theirs.hashes)[0] < 72


def test_laid_frames_have_the_grids_shape_and_the_films_times() -> None:
    film = filmed(journey(3, np.arange(6) / 4))
    where = overlap(_window(0.1, 0.1, 0.7), film, film)
    assert where is not None

    grid = _grid(where, film, query=True)
    hashes = track(grid, film)

    assert grid.shape == (6, 64, 64)
    assert grid.dtype == np.float32
    assert hashes.times.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]
    assert hashes.duration == 1.5
    assert hashes.hashes.shape == (6, 32)


def test_a_film_without_a_frame_is_laid_as_none() -> None:
    where = overlap(_window(0.2, 0.2, 0.7), PICTURE, PICTURE)
    assert where is not None

    assert laid(PICTURE.frames[:0], where.to_query, where.mask).shape == (0, 64, 64)
