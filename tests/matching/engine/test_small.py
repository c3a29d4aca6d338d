"""Small frames come back as they were but for JPEG's error, however they were batched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.engine.geometry import inverse, moved
from matching.engine.small import STRIP, SmallFrames, Strips, frames_of, shrunk, strip
from tests.matching.scenery import Bytes, filmed, journey, leaves


def _stored(small: Bytes, *batches: int) -> bytes:
    whole: list[bytes] = []
    strips, start = Strips(whole), 0
    for count in (*batches, len(small)):
        if len(small[start : start + count]):
            strips.add(small[start : start + count])
        start += count
    return b"".join((*whole, strips.begun()))


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (320, 180, (96, 56)),
        (180, 320, (56, 96)),
        (320, 320, (96, 96)),
        (320, 240, (96, 72)),
        (320, 2, (96, 16)),
        (2, 2, (96, 96)),
    ],
)
def test_the_longer_side_is_96_and_both_are_whole_blocks(
    width: int, height: int, size: tuple[int, int]
) -> None:
    film = filmed(np.full((2, height, width), 90, np.uint8))

    assert film.size == size
    assert (film.frames == 90).all()


def test_a_small_frame_is_the_mean_of_what_it_was_made_of() -> None:
    picture = leaves(1, 288, 168)[None]

    blocks = picture.reshape(1, 56, 3, 96, 3).mean(axis=(2, 4))

    assert np.abs(shrunk(picture) - blocks).max() <= 1


@pytest.mark.parametrize("count", [1, STRIP - 1, STRIP, STRIP + 1, 50])
def test_frames_come_back_within_the_error_of_jpeg(count: int) -> None:
    small = shrunk(journey(2, np.arange(count) / 4))

    back = frames_of(_stored(small), 56)

    assert back.shape == small.shape
    error = np.abs(back.astype(int) - small)
    assert error.mean() < 6
    assert np.quantile(error, 0.99) < 25


def test_a_frame_takes_no_notice_of_its_neighbours_in_the_strip() -> None:
    one = shrunk(leaves(3)[None])
    black, white = np.zeros_like(one), np.full_like(one, 255)

    alone = frames_of(strip(one), 56)
    between = frames_of(strip(np.concatenate((black, one, white))), 56)

    assert np.array_equal(between[1], alone[0])
    assert (between[0].max(), between[2].min()) == (0, 255)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 70), st.lists(st.integers(1, 40), max_size=6))
def test_strips_are_the_same_to_the_byte_however_frames_are_batched(
    count: int, batches: list[int]
) -> None:
    small = shrunk(journey(4, np.arange(count) / 4))

    assert _stored(small, *batches) == _stored(small)


def test_asking_early_does_not_change_what_comes_later() -> None:
    small = shrunk(journey(5, np.arange(40) / 4))
    whole: list[bytes] = []
    strips = Strips(whole)
    for frame in small:
        strips.add(frame[None])
        strips.begun()

    assert b"".join((*whole, strips.begun())) == _stored(small)


def test_a_frame_takes_about_a_kilobyte() -> None:
    stored = _stored(shrunk(journey(6, np.arange(64) / 4)))

    assert len(stored) / 64 < 2000


def test_nothing_comes_back_from_nothing() -> None:
    assert Strips([]).begun() == b""
    assert frames_of(b"", 56).shape == (0, 56, 96)


WHOLE = _stored(shrunk(journey(7, np.arange(20) / 4)))


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(WHOLE[:-1], id="cut short"),
        pytest.param(WHOLE[:2], id="less than a length"),
        pytest.param(WHOLE + b"\0\0\0\0", id="an empty strip"),
        pytest.param(WHOLE[4:], id="without the first length"),
        pytest.param(b"\x09\0\0\0not a JPG", id="text"),
    ],
)
def test_bytes_that_are_no_strips_are_refused(stored: bytes) -> None:
    with pytest.raises(ValueError):
        frames_of(stored, 56)


def test_frames_of_another_height_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        frames_of(WHOLE, 48)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=60))
def test_no_bytes_at_all_make_anything_else_than_a_value_error(stored: bytes) -> None:
    with pytest.raises(ValueError):
        frames_of(stored, 56)


@pytest.mark.parametrize(("width", "height"), [(320, 180), (320, 240), (101, 320)])
def test_small_frames_know_where_their_points_lie_in_the_picture(width: int, height: int) -> None:
    film = filmed(np.zeros((1, height, width), np.uint8))
    wide, high = film.size
    # Outer edges lie half a pixel outside the first and the last pixel's middle.
    edges = np.array([[-0.5, -0.5], [wide - 0.5, high - 0.5]])

    assert moved(film.to_picture, edges) == pytest.approx(
        np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]])
    )
    assert moved(inverse(film.to_picture), moved(film.to_picture, edges)) == pytest.approx(edges)


def test_a_film_without_a_frame_still_has_a_size() -> None:
    film = SmallFrames(frames_of(b"", 56), np.zeros(0), 0.0, 320, 180)

    assert film.size == (96, 56)
