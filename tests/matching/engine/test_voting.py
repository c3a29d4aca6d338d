"""Lines are found among near frames, and not by stuffing the ballot."""

import numpy as np
import pytest

from matching.engine.voting import (
    Candidates,
    Line,
    nearest,
    rarity,
    speeds,
    videos_by_second,
    vote,
)


def _candidates(
    query: list[float], reference: list[float], distance: float = 10, mirrored: bool = False
) -> Candidates:
    count = len(query)
    return Candidates(
        np.array(query, dtype=np.float64),
        np.array(reference, dtype=np.float64),
        np.full(count, distance, dtype=np.float64),
        np.ones(count, dtype=np.float32),
        np.full(count, mirrored),
    )


def _both(*parts: Candidates) -> Candidates:
    return Candidates(
        np.concatenate([part.query_time for part in parts]),
        np.concatenate([part.reference_time for part in parts]),
        np.concatenate([part.distance for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.mirrored for part in parts]),
    )


def _told(lines: list[Line]) -> str:
    return "\n".join(f"r = {a.offset:.2f} + {a.speed:.3f} q, {a.votes:.2f} votes" for a in lines)


def test_an_excerpt_gives_its_offset() -> None:
    lines = vote(_candidates([0, 1, 2, 3, 4], [30, 31, 32, 33, 34]))
    assert lines[0].offset == pytest.approx(30, abs=0.3), _told(lines)
    assert lines[0].speed == pytest.approx(1)
    assert not lines[0].mirrored


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 1.5, 2.0])
def test_a_copy_at_another_speed_gives_the_speed(speed: float) -> None:
    query = np.arange(0, 30, 1.0)
    lines = vote(_candidates(query.tolist(), (5 + speed * query).tolist()))
    error = np.abs(lines[0].offset + lines[0].speed * query - 5 - speed * query).max()
    assert error < 1.0, _told(lines)


def test_a_shuffled_copy_gives_a_line_for_each_piece() -> None:
    lines = vote(_candidates([0, 1, 2, 3, 4, 5, 6, 7], [20, 21, 22, 23, 4, 5, 6, 7]))
    offsets = [line.offset for line in lines[:2]]
    assert sorted(offsets) == pytest.approx([0, 20], abs=0.5), _told(lines)


def test_mirrored_frames_are_counted_apart() -> None:
    plain = _candidates([0, 1], [9, 10])
    mirrored = _candidates([0, 1, 2, 3, 4], [30, 31, 32, 33, 34], mirrored=True)
    lines = vote(_both(plain, mirrored))
    assert lines[0].mirrored
    assert lines[0].offset == pytest.approx(30, abs=0.3), _told(lines)


def test_a_still_scene_that_agrees_with_everything_does_not_outvote_a_moving_one() -> None:
    grid = [(q, r) for q in np.arange(0, 10, 0.25) for r in np.arange(40, 60, 1.0)]
    still = _candidates([float(q) for q, _ in grid], [float(r) for _, r in grid])
    moving = _candidates([12, 13, 14, 15, 16], [2, 3, 4, 5, 6])
    lines = vote(_both(still, moving))
    assert lines[0].offset == pytest.approx(-10, abs=0.3), _told(lines)


def test_many_samples_of_one_second_are_one_vote() -> None:
    crowd = _candidates([5.0, 5.25, 5.5, 5.75] * 10, [20.0, 20.25, 20.5, 20.75] * 10)
    assert vote(crowd)[0].votes <= 1.0


def test_near_frames_outvote_far_ones_and_frames_beyond_reach_have_no_vote() -> None:
    near, far = _candidates([0, 1, 2], [10, 11, 12], 4), _candidates([0, 1, 2], [50, 51, 52], 60)
    assert vote(_both(near, far))[0].offset == pytest.approx(10, abs=0.3)
    assert vote(_candidates([0, 1, 2], [50, 51, 52], 100)) == []


def test_a_single_frame_that_fits_a_still_scene_keeps_the_nearest_of_it() -> None:
    scene = _candidates([0.0] * 60, list(range(60)), distance=12)
    scene.distance[42] = 4

    lines = nearest(scene)

    assert vote(scene) == [], "shared among sixty seconds, its vote would be next to nothing"
    assert len(lines) == 8, _told(lines)
    assert lines[0] == Line(42.0, 1.0, mirrored=False, votes=1 - 4 / 80)


def test_a_single_frame_has_lines_apart_in_time_mirrored_and_plain_by_themselves() -> None:
    plain = _candidates([0.0] * 3, [7.0, 7.25, 30.0], distance=20)
    mirrored = _candidates([0.0], [7.0], distance=8, mirrored=True)

    lines = nearest(_both(plain, mirrored))

    assert [(line.offset, line.mirrored) for line in lines] == [
        *((7.0, True), (7.0, False), (30.0, False)),
    ]


def test_a_single_frame_has_no_line_through_what_is_beyond_reach() -> None:
    assert nearest(_candidates([0.0, 0.0], [3.0, 9.0], distance=80)) == []


def test_no_candidates_give_no_lines() -> None:
    assert nearest(_candidates([], [])) == []
    assert vote(_candidates([], [])) == []


def test_arrays_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="equal length"):
        Candidates(np.zeros(2), np.zeros(1), np.zeros(2), np.zeros(2), np.zeros(2, dtype=bool))


def test_the_speeds_tried_span_half_to_double_and_hold_1() -> None:
    tried = speeds()
    assert tried.min() == pytest.approx(0.5, rel=0.03)
    assert tried.max() == pytest.approx(2.0, rel=0.03)
    assert (tried == 1).any()


def test_a_frame_found_in_three_videos_weighs_a_third() -> None:
    weights = rarity(np.array([0.0, 0.0, 0.0, 0.0, 1.0]), np.array([7, 8, 9, 9, 7]))
    assert weights.tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1 / 3, 1])
    assert rarity(np.zeros(0), np.zeros(0, dtype=int)).shape == (0,)


def test_videos_are_counted_once_for_each_second_of_the_query() -> None:
    counts = videos_by_second(np.array([0.0, 0.5, 0.75, 2.0]), np.array([7, 7, 8, 7]), 3.5)
    assert counts.tolist() == [2, 0, 1, 0]
    assert videos_by_second(np.zeros(0), np.zeros(0, dtype=int), 2.0).tolist() == [0, 0, 0]
