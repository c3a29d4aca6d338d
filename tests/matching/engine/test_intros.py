"""A leader before two different films is an intro; an excerpt from a film's start is a copy."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from matching.engine.alignment import AlignedSegment, align
from matching.engine.intros import is_intro
from matching.engine.tracks import Track
from matching.engine.voting import Line

MakeVideo = Callable[..., Track]


def _after(*tracks: Track) -> Track:
    """One film after the other."""
    hashes = np.concatenate([track.hashes for track in tracks])
    quality = np.concatenate([track.quality for track in tracks])
    return Track(np.arange(len(hashes)) / 4, hashes, quality, len(hashes) / 4)


def _part(track: Track, start: float, end: float) -> Track:
    rows = slice(round(start * 4), round(end * 4))
    hashes = track.hashes[rows]
    return Track(np.arange(len(hashes)) / 4, hashes, track.quality[rows], len(hashes) / 4)


def _shared(query: Track, reference: Track, offset: float) -> list[AlignedSegment]:
    found = align(query, query, reference, [Line(offset, 1.0, False, 5.0)])
    assert found, f"nothing agrees at an offset of {offset} s"
    return found


def _told(found: list[AlignedSegment]) -> str:
    return "\n".join(f"{s.q_start}–{s.q_end} is {s.r_start}–{s.r_end}" for s in found)


def test_a_leader_before_two_different_films_is_an_intro(make_video: MakeVideo) -> None:
    leader = make_video(5, seed=1)
    query = _after(leader, make_video(25, seed=2))
    reference = _after(leader, make_video(40, seed=3))

    found = _shared(query, reference, 0.0)

    assert is_intro(found, query, reference), _told(found)


def test_a_trailer_after_two_different_films_is_one_too(make_video: MakeVideo) -> None:
    trailer = make_video(6, seed=1)
    query = _after(make_video(25, seed=2), trailer)
    reference = _after(make_video(40, seed=3), trailer)

    found = _shared(query, reference, 15.0)

    assert is_intro(found, query, reference), _told(found)


def test_an_excerpt_from_the_start_of_a_film_is_a_copy_if_the_film_goes_on_without_a_seam(
    make_video: MakeVideo,
) -> None:
    film = make_video(60, seed=1, change=8)
    query = _after(_part(film, 0, 6), make_video(20, seed=2))

    found = _shared(query, film, 0.0)

    assert not is_intro(found, query, film), _told(found)


def test_an_excerpt_alone_is_a_copy_though_its_end_is_a_cut_of_the_film(
    make_video: MakeVideo,
) -> None:
    film = _after(make_video(6, seed=1), make_video(40, seed=2))
    query = _part(film, 0, 6)

    found = _shared(query, film, 0.0)

    assert not is_intro(found, query, film), _told(found)


@pytest.mark.parametrize(
    ("before_query", "before_reference"),
    [(0.0, 5.0), (5.0, 0.0), (5.0, 8.0)],
)
def test_what_stands_in_the_middle_of_either_is_no_intro(
    before_query: float, before_reference: float, make_video: MakeVideo
) -> None:
    piece = make_video(5, seed=1)
    ours = [make_video(before_query, seed=4)] if before_query else []
    theirs = [make_video(before_reference, seed=5)] if before_reference else []
    query = _after(*ours, piece, make_video(20, seed=2))
    reference = _after(*theirs, piece, make_video(20, seed=3))

    found = _shared(query, reference, before_reference - before_query)

    assert not is_intro(found, query, reference), _told(found)


@pytest.mark.parametrize(
    ("seconds", "after_query", "after_reference"),
    [
        pytest.param(10, 6, 40, id="more than half of the query"),
        pytest.param(10, 40, 6, id="more than half of the reference"),
        pytest.param(20, 60, 60, id="longer than leaders are"),
    ],
)
def test_what_is_too_long_is_no_intro(
    seconds: float, after_query: float, after_reference: float, make_video: MakeVideo
) -> None:
    piece = make_video(seconds, seed=1)
    query = _after(piece, make_video(after_query, seed=2))
    reference = _after(piece, make_video(after_reference, seed=3))

    found = _shared(query, reference, 0.0)

    assert not is_intro(found, query, reference), _told(found)


def test_a_leader_and_something_else_in_common_is_a_copy(make_video: MakeVideo) -> None:
    leader, piece = make_video(5, seed=1), make_video(8, seed=6)
    query = _after(leader, make_video(10, seed=2), piece, make_video(9, seed=7))
    reference = _after(leader, make_video(10, seed=3), piece, make_video(9, seed=8))

    found = _shared(query, reference, 0.0)

    assert len(found) == 2, _told(found)
    assert not is_intro(found, query, reference), _told(found)


def test_stills_and_what_agrees_nowhere_have_no_intro(make_video: MakeVideo) -> None:
    film = make_video(20, seed=1)
    still = film.take(np.array([4]))

    assert not is_intro([], film, film)
    found = align(replace(still, times=np.zeros(1), duration=0.0), still, film, [_line()])
    assert not is_intro(found, still, film)


def _line() -> Line:
    return Line(1.0, 1.0, False, 5.0)
