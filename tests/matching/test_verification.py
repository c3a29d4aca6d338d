"""Lines and sightings are only proposals: the frames decide what agrees, where and how it moves."""

import uuid
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from matching.engine.geometry import Agreement, Matrix, flip, moved
from matching.engine.sightings import Sighting
from matching.engine.voting import Line
from matching.fingerprint import FingerprintBuilder, VideoFingerprint
from matching.index import LibraryVideo
from matching.proposals import Look, Proposed
from matching.verification import Verified, verify
from tests.matching.scenery import HIGH, RATE, WIDE, Bytes, journey, leaves, toys

UPRIGHT = Look(0, 0, quarter=False, negative=False)
WHOLE: Matrix = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def _built(gray: Bytes, cuts: tuple[float, ...] = ()) -> VideoFingerprint:
    builder = FingerprintBuilder("video")
    place = np.arange(len(gray))
    colour = np.repeat(gray[..., None], 3, axis=3)
    builder.add(colour, place / RATE, place, place % RATE == 0, cuts)
    return builder.fingerprint(len(gray) / RATE)


def _shelved(fingerprint: VideoFingerprint) -> LibraryVideo:
    """As it would come back from the database."""
    pictures = fingerprint.pictures
    return LibraryVideo(
        uuid.uuid4(),
        fingerprint.media_type,
        tuple(region.track for region in fingerprint.regions),
        fingerprint.box,
        fingerprint.cuts,
        None if pictures is None else pictures.small(),
    )


def _verified(
    query: VideoFingerprint,
    library: LibraryVideo,
    proposed: Proposed | None = None,
    sightings: Sequence[Sighting] = (),
) -> Verified:
    small = None if query.pictures is None else query.pictures.small()
    return verify(query, small, library, proposed or {}, sightings)


def _line(offset: float, speed: float = 1.0, *, second: bool = False) -> Line:
    return Line(offset, speed, second, 5.0)


def _seen(ours: float, theirs: float, matrix: Matrix, *, mirrored: bool = False) -> Sighting:
    """A sighting of 25 places that lie exactly under a matrix."""
    q = np.random.default_rng(round(ours * 4)).random((25, 2)) * (WIDE, HIGH)
    return Sighting(ours, theirs, mirrored, False, Agreement(matrix, q, moved(matrix, q), 25))


def _timeline(made: Verified) -> str:
    return "\n".join(
        f"{s.q_start:.2f}–{s.q_end:.2f} is {s.r_start:.2f}–{s.r_end:.2f} x{s.speed:.3f}"
        f"{' mirrored' if s.mirrored else ''} {s.changes} {s.motion}"
        for s in made.segments
    )


def _assert_seconds(made: Verified, *truth: tuple[float, float, float, float]) -> None:
    found = [(s.q_start, s.q_end, s.r_start, s.r_end) for s in made.segments]
    told = f"found:\n{_timeline(made)}\ntrue:\n{truth}"
    assert len(found) == len(truth), told
    assert np.abs(np.array(found) - np.array(truth)).max(initial=0) < 0.5, told


FILM = journey(21, np.arange(80) / RATE)
LIBRARY = _shelved(_built(FILM))


@pytest.mark.parametrize(
    ("change", "look", "second", "true"),
    [
        pytest.param(lambda film: film, UPRIGHT, False, WHOLE, id="upright"),
        pytest.param(lambda film: film[:, :, ::-1], UPRIGHT, True, flip(WIDE), id="mirrored"),
        pytest.param(
            lambda film: 255 - film,
            Look(0, 0, quarter=False, negative=True),
            False,
            WHOLE,
            id="negative",
        ),
        pytest.param(
            lambda film: np.rot90(film, -1, (1, 2)),
            Look(0, 0, quarter=True, negative=False),
            False,
            np.array([[0, 1.0, 0], [-1.0, 0, HIGH - 1]]),
            id="turned right",
        ),
        pytest.param(
            lambda film: np.rot90(film, 1, (1, 2)),
            Look(0, 0, quarter=True, negative=False),
            True,
            np.array([[0, -1.0, WIDE - 1], [1.0, 0, 0]]),
            id="turned left",
        ),
    ],
)
def test_a_proposed_line_gives_its_seconds_how_it_lies_and_that_it_moves_alike(
    change: Callable[[Bytes], Bytes], look: Look, second: bool, true: Matrix
) -> None:
    query = _built(change(FILM[12:52]))

    made = _verified(query, LIBRARY, {look: [_line(3.2, second=second)]})

    _assert_seconds(made, (0, 10, 3, 13))
    (segment,) = made.segments
    assert segment.changes == look.changes
    assert segment.mirrored == (second and not look.quarter)
    assert segment.matrix is not None
    pictures = query.pictures
    assert pictures is not None
    size = np.array([[0.0, 0.0], [pictures.width, pictures.picture_height]])
    assert moved(segment.matrix, size) == pytest.approx(moved(true, size), abs=0.01)
    assert segment.motion is not None
    assert segment.motion.correlation > 0.9, _timeline(made)


def test_inside_its_borders_a_copy_lies_where_the_box_is() -> None:
    framed = np.zeros((40, 240, WIDE), np.uint8)
    framed[:, 30:210] = FILM[12:52]
    query = _built(framed)
    assert query.box is not None

    made = _verified(query, LIBRARY, {Look(1, 0, quarter=False, negative=False): [_line(2.9)]})

    _assert_seconds(made, (0, 10, 3, 13))
    matrix = made.segments[0].matrix
    assert matrix is not None
    inside = np.array([[0.0, 30.0], [WIDE, 210.0]])
    assert moved(matrix, inside) == pytest.approx(np.array([[0.0, 0.0], [WIDE, HIGH]]), abs=3)
    assert made.segments[0].motion is not None
    assert made.segments[0].motion.correlation > 0.8, _timeline(made)


def test_a_crop_that_no_hash_proposes_is_found_by_what_was_seen() -> None:
    query = _built(FILM[20:60, 27:153, 48:272])
    window = np.array([[1.0, 0.0, 48.0], [0.0, 1.0, 27.0]])

    made = _verified(
        query, LIBRARY, sightings=[_seen(t, t + 5, window) for t in (0.0, 2.0, 4.0, 6.0, 8.0)]
    )

    _assert_seconds(made, (0, 10, 5, 15))
    assert len(made.sightings) == 5
    assert made.segments[0].motion is not None
    assert made.segments[0].motion.correlation > 0.6


def test_what_both_tiers_find_is_told_once() -> None:
    query = _built(FILM[12:52])

    made = _verified(
        query, LIBRARY, {UPRIGHT: [_line(3.0)]}, [_seen(t, t + 3, WHOLE) for t in (0.0, 4.0, 8.0)]
    )

    _assert_seconds(made, (0, 10, 3, 13))


def test_a_part_in_the_middle_is_all_that_is_claimed() -> None:
    other = journey(22, np.arange(30) / RATE)
    query = _built(np.concatenate((other[:14], FILM[40:64], other[14:])))

    made = _verified(query, LIBRARY, {UPRIGHT: [_line(6.4)]})

    _assert_seconds(made, (3.5, 9.5, 10, 16))


def test_two_films_of_one_place_are_told_to_move_otherwise() -> None:
    """Their frames agree, and proposals come from both tiers: only the toys move otherwise."""
    one, two = (_built(toys(31, seed, np.arange(40) / RATE)) for seed in (1, 2))

    made = _verified(
        one,
        _shelved(two),
        {UPRIGHT: [_line(0.0)]},
        [_seen(t, t, WHOLE) for t in (0.0, 3.0, 6.0, 9.0)],
    )
    same = _verified(one, _shelved(one), {UPRIGHT: [_line(0.0)]})

    for segment in made.segments:
        assert segment.motion is not None
        assert segment.motion.correlation < 0.35, _timeline(made)
    assert same.segments[0].motion is not None
    assert same.segments[0].motion.correlation > 0.99


def test_proposals_that_no_frame_confirms_give_nothing() -> None:
    stranger = _built(journey(23, np.arange(40) / RATE))

    by_line = _verified(stranger, LIBRARY, {UPRIGHT: [_line(0.0), _line(4.0, 1.25)]})
    by_sight = _verified(stranger, LIBRARY, sightings=[_seen(0, 3, WHOLE), _seen(4, 7, WHOLE)])

    assert by_line.segments == by_sight.segments == _verified(stranger, LIBRARY).segments == ()
    assert not by_line.cuts_alone


def test_without_small_frames_the_hashes_decide_alone(
    made_up: Callable[..., VideoFingerprint],
) -> None:
    film = made_up(20, seed=1)
    hashes = film.regions[0].track.hashes[20:60]

    made = _verified(made_up(10, seed=2, hashes=hashes), _shelved(film), {UPRIGHT: [_line(5.0)]})

    _assert_seconds(made, (0, 10, 5, 15))
    assert made.segments[0].motion is None
    assert made.segments[0].matrix is None


@pytest.mark.parametrize(("least", "told"), [(40, True), (41, False)])
def test_the_settings_say_how_many_frames_must_agree(
    least: int, told: bool, change_settings: Callable[..., None]
) -> None:
    change_settings(min_matches=least)

    made = _verified(_built(FILM[12:52]), LIBRARY, {UPRIGHT: [_line(3.0)]})

    assert bool(made.segments) == told
    assert made.least_matches == least


def test_an_image_needs_one_frame_only() -> None:
    builder = FingerprintBuilder("image")
    one = np.array([0])
    picture = np.repeat(FILM[24:25, ..., None], 3, axis=3)
    builder.add(picture, np.zeros(1), one, np.array([True]), ())

    made = _verified(builder.fingerprint(0.0), LIBRARY, {UPRIGHT: [_line(6.0)]})

    assert made.still
    assert made.least_matches == 1
    assert made.segments[0].r_start == pytest.approx(6.0, abs=0.3), _timeline(made)
    assert made.segments[0].motion is None


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 8])
def test_a_film_of_a_few_frames_is_compared_without_a_fault(frames: int) -> None:
    query = _built(FILM[24 : 24 + frames])

    made = _verified(query, LIBRARY, {UPRIGHT: [_line(6.0)]}, [_seen(0, 6, WHOLE)])

    assert len(made.segments) <= 1
    for segment in made.segments:
        assert segment.r_start == pytest.approx(6.0, abs=0.5), _timeline(made)


def test_a_still_film_and_a_black_one_are_compared_without_a_fault() -> None:
    still = np.repeat(leaves(41)[None], 24, axis=0)

    same = _verified(_built(still), _shelved(_built(still)), {UPRIGHT: [_line(0.0)]})
    black = _verified(
        _built(still * 0),
        _shelved(_built(still * 0)),
        {UPRIGHT: [_line(0.0)]},
        [_seen(0, 0, WHOLE)],
    )

    assert same.segments[0].evidence <= 1.5
    assert same.segments[0].motion is not None
    assert same.segments[0].motion.query == 0
    assert sum(segment.evidence for segment in black.segments) == 0
