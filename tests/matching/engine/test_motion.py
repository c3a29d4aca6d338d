"""The same motion is known at any shift and speed, mirrored and negative; a stage is no motion."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.engine.geometry import Matrix, flip
from matching.engine.motion import Motion, lay_moving, motion, moving, shared_mask
from matching.engine.overlay import overlap
from matching.engine.small import SmallFrames
from tests.matching.scenery import HIGH, WIDE, Bytes, Times, filmed, journey, leaves, toys

WHOLE: Matrix = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
SECONDS = 20


def _times(seconds: float, start: float = 0.0, speed: float = 1.0) -> Times:
    """Moments of the world that a film shows which starts there and runs at that speed."""
    return start + speed * np.arange(round(seconds * 4)) / 4


def _compared(
    query: SmallFrames,
    reference: SmallFrames,
    offset: float = 0.0,
    speed: float = 1.0,
    matrix: Matrix = WHOLE,
    span: tuple[float, float] | None = None,
    *,
    negative: bool = False,
) -> Motion | None:
    where = overlap(matrix, query, reference)
    assert where is not None
    return motion(
        lay_moving(query, where, query=True),
        lay_moving(reference, where, query=False),
        shared_mask(where),
        span or (0.0, query.duration),
        offset,
        speed,
        negative=negative,
    )


def _told(made: Motion | None, offset: float, speed: float) -> str:
    return f"query seconds t against reference {offset:.2f} + {speed:.2f} t: {made}"


@settings(deadline=None, max_examples=25, derandomize=True)
@given(
    st.sampled_from((journey, lambda seed, times: toys(7, seed, times))),
    st.integers(1, 5),
    st.floats(0, 8),
    st.floats(0.5, 2),
    st.booleans(),
    st.booleans(),
)
def test_the_same_motion_is_alike_at_any_shift_and_speed_mirrored_and_negative(
    world: Callable[[int, Times], Bytes],
    seed: int,
    offset: float,
    speed: float,
    mirrored: bool,
    negative: bool,
) -> None:
    reference = filmed(world(seed, _times(SECONDS)))
    pictures = world(seed, _times(min(8, (SECONDS - offset - 1) / speed), offset, speed))
    pictures = pictures[:, :, ::-1] if mirrored else pictures
    query = filmed(255 - pictures if negative else pictures)

    matrix = flip(WIDE) if mirrored else WHOLE
    made = _compared(query, reference, offset, speed, matrix, negative=negative)

    assert made is not None
    assert made.correlation > 0.6, _told(made, offset, speed)
    assert min(made.query, made.reference) > 0.5


@settings(deadline=None, max_examples=25, derandomize=True)
@given(st.integers(1, 30), st.integers(31, 60), st.floats(0, 8), st.floats(0.5, 2))
def test_other_toys_on_the_same_stage_do_not_move_alike(
    ours: int, theirs: int, offset: float, speed: float
) -> None:
    query, reference = filmed(toys(7, ours, _times(8))), filmed(toys(7, theirs, _times(SECONDS)))

    made = _compared(query, reference, offset, speed)

    assert made is not None
    assert made.correlation < 0.2, _told(made, offset, speed)


@pytest.mark.parametrize("changed", ["mirrored", "two seconds off", "backwards"])
def test_motion_that_is_not_laid_as_it_was_changed_is_not_alike(changed: str) -> None:
    reference = toys(7, 1, _times(SECONDS))
    pictures = {
        "mirrored": reference[:40, :, ::-1],
        "two seconds off": reference[8:48],
        "backwards": reference[39::-1],
    }[changed]

    made = _compared(filmed(pictures), filmed(reference))

    assert made is not None
    assert made.correlation < 0.3


def test_motion_in_negative_colours_is_the_contrary_unless_it_is_said() -> None:
    reference = filmed(toys(7, 1, _times(SECONDS)))
    query = filmed(255 - toys(7, 1, _times(10)))

    said, unsaid = _compared(query, reference, negative=True), _compared(query, reference)

    assert said is not None
    assert unsaid is not None
    assert said.correlation > 0.95
    # Not below nought: half a second away something else moves there.
    assert unsaid.correlation < 0.5


def test_a_crop_moves_like_its_window_of_the_whole() -> None:
    reference = journey(2, _times(SECONDS))
    query = filmed(reference[12:52, 36:144, 64:256])
    # The crop's own pictures are smaller: its pixels are the reference's.
    window = np.array([[1.0, 0.0, 64.0], [0.0, 1.0, 36.0]])

    made = _compared(query, filmed(reference), 3.0, 1.0, window)

    assert made is not None
    assert made.correlation > 0.7


def test_what_the_whole_picture_does_is_no_motion() -> None:
    """Two films of one room in which the lamps are dimmed alike."""
    dimmed = (0.6 + 0.4 * np.cos(_times(10)))[:, None, None]
    first, second = toys(7, 1, _times(10)), toys(8, 2, _times(10))

    made = _compared(
        filmed((first * 0.5 + 60 * dimmed).astype(np.uint8)),
        filmed((second * 0.5 + 60 * dimmed).astype(np.uint8)),
    )

    assert made is not None
    assert abs(made.correlation) < 0.2


def test_one_flash_in_both_does_not_decide_alone() -> None:
    first, second = (np.array(toys(7, seed, _times(10))) for seed in (1, 2))
    for film in (first, second):
        film[20] = leaves(9)

    made = _compared(filmed(first), filmed(second))

    assert made is not None
    assert made.correlation < 0.4


def test_a_still_scene_has_no_motion_to_compare() -> None:
    still = filmed(np.repeat(leaves(3)[None], 20, axis=0))

    made = _compared(still, still)

    assert made == Motion(0.0, 0.0, 0.0)


def test_noise_on_a_still_scene_is_a_little_motion_that_is_not_alike() -> None:
    rng = np.random.default_rng(1)
    plain = np.repeat(leaves(3)[None].astype(int), 40, axis=0)
    first, second = (
        filmed(np.clip(plain + rng.integers(-4, 5, plain.shape), 0, 255).astype(np.uint8))
        for _ in range(2)
    )

    made = _compared(first, second)

    assert made is not None
    assert abs(made.correlation) < 0.2
    assert max(made.query, made.reference) < 0.5


@pytest.mark.parametrize(
    ("ours", "theirs", "span", "known"),
    [
        (3, 40, (0.0, 9.0), False),
        (4, 40, (0.0, 9.0), True),
        (40, 1, (0.0, 9.0), False),
        (40, 40, (2.0, 2.5), False),
        (40, 40, (2.0, 2.75), True),
        (40, 40, (50.0, 60.0), False),
    ],
)
def test_fewer_than_four_frames_together_tell_nothing(
    ours: int, theirs: int, span: tuple[float, float], known: bool
) -> None:
    pictures = toys(7, 1, _times(10))

    made = _compared(filmed(pictures[:ours]), filmed(pictures[:theirs]), span=span)

    assert (made is not None) == known


def test_only_what_lies_in_the_span_is_compared() -> None:
    reference = toys(7, 1, _times(SECONDS))
    query = np.concatenate((toys(7, 2, _times(5)), reference[20:40]))

    first = _compared(filmed(query), filmed(reference), span=(0.0, 4.75))
    last = _compared(filmed(query), filmed(reference), span=(5.0, 10.0))

    assert first is not None
    assert last is not None
    assert first.correlation < 0.2
    assert last.correlation > 0.95


def test_frames_between_two_are_blended_and_beyond_the_ends_the_last_stays() -> None:
    grid = np.stack([np.full((64, 64), level, np.float32) for level in (0, 100, 50)])
    film = SmallFrames(np.zeros((3, 56, 96), np.uint8), np.array([0.0, 1.0, 3.0]), 4.0, WIDE, HIGH)

    made = moving(grid, film)

    levels = made.at(np.array([-1.0, 0.25, 1.0, 2.0, 9.0]))[:, 16, 16]
    assert levels.tolist() == pytest.approx([0, 25, 100, 75, 50])
    assert made.step == 1.5
