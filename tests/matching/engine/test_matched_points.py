"""Which frame pairs of a segment are kept with their points."""

from typing import Any

import numpy as np
import pytest

from matching.engine.alignment import AlignedSegment
from matching.engine.geometry import Agreement, moved
from matching.engine.matched_points import matched_points
from matching.engine.sightings import Sighting

SIZE = (320, 180)
SAME = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def a_segment(**fields: Any) -> AlignedSegment:
    """Seconds 0 to 20 of the query are 30 to 50 of the reference, unless told otherwise."""
    plain: dict[str, Any] = {
        **{"q_start": 0.0, "q_end": 20.0, "r_start": 30.0, "r_end": 50.0, "speed": 1.0},
        **{"mirrored": False, "frames": 80, "matched_frames": 80, "mean_distance": 10.0},
        **{"evidence": 30.0, "contrast": 60.0, "matrix": SAME},
        **{f"pairs_{name}": np.zeros(0) for name in ("query", "reference", "distance")},
    }
    return AlignedSegment(**(plain | fields))


def sighting(query_time: float, reference_time: float, weight: int = 10, **fields: Any) -> Sighting:
    """The same points in both pictures, unless the matrix says otherwise."""
    matrix = fields.pop("matrix", SAME)
    rng = np.random.default_rng(round(query_time * 10))
    points = rng.random((fields.pop("count", 12), 2)) * (np.array(SIZE) - 1)
    agreed = Agreement(matrix, points, moved(matrix, points), weight)
    plain = {"mirrored": False, "negative": False} | fields
    return Sighting(query_time, reference_time, agreement=agreed, **plain)


def times(segment: AlignedSegment, *sightings: Sighting) -> list[tuple[float, float]]:
    kept = matched_points(segment, sightings, SIZE, SIZE)
    return [(pair.query_time, pair.reference_time) for pair in kept]


def test_the_best_four_come_first() -> None:
    weights = (5, 9, 7, 4, 8, 6)
    some = [sighting(time, 30 + time, weight) for time, weight in enumerate(weights)]

    assert times(a_segment(), *some) == [(1, 31), (4, 34), (2, 32), (5, 35)]


def test_sightings_off_the_line_or_outside_the_segment_are_left_out() -> None:
    kept = sighting(4, 34.5)
    others = [sighting(4.1, 36), sighting(22, 52), sighting(6, 12, weight=99)]

    assert times(a_segment(), *others, kept) == [(4, 34.5)]


def test_a_copy_at_another_speed_has_another_line() -> None:
    fast = a_segment(speed=1.5, r_end=60.0)

    assert times(fast, sighting(10, 45), sighting(10.5, 40.5)) == [(10, 45)]


def test_no_frame_of_the_query_comes_twice() -> None:
    twice = [sighting(4, 34, 10), sighting(4, 34.6, 20)]

    assert times(a_segment(), *twice) == [(4, 34.6)]


def test_sightings_that_lay_the_picture_elsewhere_are_left_out() -> None:
    aside = np.array([[1.0, 0.0, 100.0], [0.0, 1.0, 0.0]])

    assert times(a_segment(), sighting(4, 34, matrix=aside)) == []
    assert times(a_segment(matrix=aside), sighting(4, 34, matrix=aside)) == [(4, 34)]
    assert times(a_segment(matrix=None), sighting(4, 34, matrix=aside)) == [(4, 34)]


def test_a_still_has_its_one_moment() -> None:
    still = a_segment(q_end=0.0, r_end=31.0)

    assert times(still, sighting(0, 30.4), sighting(0.1, 30)) == [(0, 30.4)]


def test_points_are_in_shares_of_either_picture() -> None:
    agreed = Agreement(SAME, np.array([[-0.5, -0.5]]), np.array([[159.5, 89.5]]), 1)
    one = Sighting(4, 34, mirrored=False, negative=False, agreement=agreed)

    (pair,) = matched_points(a_segment(matrix=None), [one], (160, 90), SIZE)

    assert pair.points.tolist() == [[0.0, 0.0, 0.5, 0.5]]
    assert pair.swapped().points.tolist() == [[0.5, 0.5, 0.0, 0.0]]
    assert (pair.swapped().query_time, pair.swapped().reference_time) == (34, 4)


def test_points_found_in_the_mirrored_picture_are_told_where_they_are_seen() -> None:
    # Right at the left edge of the mirrored picture is at the right edge of the one people see.
    agreed = Agreement(SAME, np.array([[-0.5, 20.0]]), np.array([[-0.5, 20.0]]), 1)
    one = Sighting(4, 34, mirrored=True, negative=False, agreement=agreed)
    flipped = np.array([[-1.0, 0.0, 319.0], [0.0, 1.0, 0.0]])

    (pair,) = matched_points(a_segment(matrix=flipped, mirrored=True), [one], SIZE, SIZE)

    assert pair.points[0] == pytest.approx([1.0, 20.5 / 180, 0.0, 20.5 / 180])


def test_of_many_points_thirty_that_lie_far_apart_are_kept() -> None:
    close = [[10.0 + step / 100, 10.0] for step in range(200)]
    far = [[300.0, 10.0], [10.0, 170.0], [300.0, 170.0]]
    points = np.array(close + far)
    one = Sighting(4, 34, False, False, Agreement(SAME, points, points, 4))

    (pair,) = matched_points(a_segment(), [one], SIZE, SIZE)

    assert len(pair.points) == 30
    corners = {(round(x * 320 - 0.5), round(y * 180 - 0.5)) for x, y in pair.points[:4, :2]}
    assert corners == {(10, 10), (300, 10), (10, 170), (300, 170)}


def test_points_on_one_spot_count_once() -> None:
    points = np.array([[10.0, 10.0]] * 5 + [[200.0, 100.0]])
    one = Sighting(4, 34, False, False, Agreement(SAME, points, points, 2))

    (pair,) = matched_points(a_segment(), [one], SIZE, SIZE)

    assert len(pair.points) == 2
