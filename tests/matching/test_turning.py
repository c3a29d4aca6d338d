"""A link with its sides exchanged."""

import pytest

from matching.models import DuplicateLink, Segment
from matching.turning import turned_fields, turned_kinds, turned_segment


def segment() -> Segment:
    return Segment(
        link=DuplicateLink(),
        q_start=1.0,
        q_end=3.0,
        r_start=10.0,
        r_end=14.0,
        speed=2.0,
        mirrored=True,
        transform=[0.5, 0.0, 0.1, 0.0, 0.5, 0.2],
        motion=0.9,
        matched_frames=8,
        similarity=0.95,
        pairs=[[1.0, 10.0, 0.9]],
        points=[[1.0, 10.0, [[0.1, 0.2, 0.3, 0.4]]]],
    )


def test_a_segment_turned_round_tells_the_same_of_the_other_side() -> None:
    turned = turned_segment(segment())

    assert (turned.q_start, turned.q_end, turned.r_start, turned.r_end) == (10.0, 14.0, 1.0, 3.0)
    assert (turned.speed, turned.mirrored, turned.motion) == (0.5, True, 0.9)
    assert turned.transform == pytest.approx([2.0, 0.0, -0.2, 0.0, 2.0, -0.4])
    assert turned.pairs == [[10.0, 1.0, 0.9]]
    assert turned.points == [[10.0, 1.0, [[0.3, 0.4, 0.1, 0.2]]]]


def test_turned_twice_it_is_as_before() -> None:
    before, after = segment(), turned_segment(turned_segment(segment()))

    for name in ("q_start", "q_end", "r_start", "r_end", "speed", "pairs", "points"):
        assert getattr(after, name) == getattr(before, name)
    assert after.transform == pytest.approx(before.transform)


def test_an_excerpt_of_the_one_is_all_of_the_other_among_other_footage() -> None:
    assert turned_kinds(["mirrored", "excerpt"]) == ["mirrored", "inserted"]
    assert turned_kinds(["inserted"]) == ["excerpt"]


def test_shares_and_roles_change_sides() -> None:
    fields = {
        "query": "a",
        "reference": "b",
        "covered_query": 1.0,
        "covered_reference": 0.2,
        "kinds": ["excerpt"],
        "score": 0.9,
    }

    assert turned_fields(fields) == {
        "query": "b",
        "reference": "a",
        "covered_query": 0.2,
        "covered_reference": 1.0,
        "kinds": ["inserted"],
        "score": 0.9,
    }
