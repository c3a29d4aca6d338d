"""Frames seen in frames make ways to lay one video over another, and those tell which seconds."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.engine.agreement import AlignmentSettings
from matching.engine.alignment import AlignedSegment
from matching.engine.geometry import Agreement, Matrix, agreement, flip, inverse, joined, moved
from matching.engine.local import detect, inverted, mirrored
from matching.engine.sightings import Laying, Sighting, align_laid, laying_lines, layings
from matching.words import vocabulary
from tests.matching.scenery import HIGH, RATE, WIDE, Bytes, filmed, journey, leaves, toys

CORNERS = np.array([[0.0, 0.0], [WIDE, 0.0], [WIDE, HIGH], [0.0, HIGH]])
SETTINGS = AlignmentSettings()


def _scaled(share: float, left: float, top: float) -> Matrix:
    """Pixels of a picture to those of another in which it lies, that much as wide, at left, top."""
    return np.array([[share, 0.0, left + (share - 1) / 2], [0.0, share, top + (share - 1) / 2]])


def _inset(below: Bytes, pictures: Bytes, share: float, left: int, top: int) -> Bytes:
    """The pictures shown small in others."""
    shown = np.array(np.broadcast_to(below, pictures.shape))
    size = (round(WIDE * share), round(HIGH * share))
    for place, picture in enumerate(pictures):
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        shown[place, top : top + size[1], left : left + size[0]] = small
    return shown


def _seen(
    query: Bytes,
    reference: Bytes,
    pairs: Sequence[tuple[float, float]],
    *,
    flipped: bool = False,
    negative: bool = False,
) -> list[Sighting]:
    """What the features of the frames at those pairs of seconds tell."""
    found = []
    for ours, theirs in pairs:
        features = detect(query[round(ours * RATE)], 120)
        features = mirrored(features) if flipped else features
        features = inverted(features) if negative else features
        told = agreement(
            vocabulary().patches(features),
            vocabulary().patches(detect(reference[round(theirs * RATE)], 120)),
        )
        if told is not None:
            found.append(Sighting(ours, theirs, flipped, negative, told))
    return found


def _known(
    ours: float, theirs: float, matrix: Matrix, *, flipped: bool = False, seed: int = 1
) -> Sighting:
    """A sighting of 25 places that lie exactly under a matrix."""
    q = np.random.default_rng(seed).random((25, 2)) * (WIDE, HIGH)
    return Sighting(ours, theirs, flipped, False, Agreement(matrix, q, moved(matrix, q), 25))


def _apart(found: Matrix, true: Matrix) -> float:
    return float(np.abs(moved(found, CORNERS) - moved(true, CORNERS)).max())


def _timeline(found: Sequence[AlignedSegment]) -> str:
    return "\n".join(
        f"{s.q_start:.2f}–{s.q_end:.2f} is {s.r_start:.2f}–{s.r_end:.2f} x{s.speed:.3f} {s.motion}"
        for s in found
    )


def test_frames_of_a_crop_make_one_laying_that_fits_to_the_pixel() -> None:
    reference = journey(1, np.arange(60) / RATE)
    query = reference[20:50, 27:153, 48:272]

    made = layings(
        _seen(query, reference, [(0, 5), (2, 7), (4, 9), (6, 11)]), filmed(query), filmed(reference)
    )

    assert len(made) == 1
    assert _apart(made[0].matrix, _scaled(1, 48, 27)) < 2
    assert (made[0].mirrored, made[0].negative) == (False, False)
    assert len(made[0].sightings) == 4
    assert made[0].where.query_share == pytest.approx(1, abs=0.03)
    assert made[0].where.reference_share == pytest.approx(0.49, abs=0.03)


def test_two_insets_of_one_reference_are_two_layings() -> None:
    reference = journey(2, np.arange(60) / RATE)
    below = leaves(40)
    first = _inset(below, reference[:24], 0.5, 10, 10)
    second = _inset(below, reference[24:48], 0.4, 180, 96)
    query = np.concatenate((first, second))
    seen = _seen(query, reference, [(1, 1), (3, 3), (5, 5), (7, 7), (9, 9), (11, 11)])

    made = layings(seen, filmed(query), filmed(reference))

    assert len(made) == 2
    early, late = sorted(made, key=lambda laying: laying.sightings[0].query_time > 6)
    assert {one.query_time for one in early.sightings} == {1, 3, 5}
    assert {one.query_time for one in late.sightings} == {7, 9, 11}
    assert _apart(early.matrix, inverse(_scaled(0.5, 10, 10))) < 6
    assert _apart(late.matrix, inverse(_scaled(0.4, 180, 96))) < 6
    assert early.where.query_share == pytest.approx(0.25, abs=0.03)
    assert late.where.query_share == pytest.approx(0.16, abs=0.03)


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("negative", [False, True])
def test_a_laying_takes_pixels_of_the_query_as_it_is_mirrored_or_negative_or_both(
    flipped: bool, negative: bool
) -> None:
    reference = journey(3, np.arange(40) / RATE)
    query = reference[8:32, :, ::-1] if flipped else reference[8:32]
    query = 255 - query if negative else query
    seen = _seen(query, reference, [(0, 2), (3, 5), (5, 7)], flipped=flipped, negative=negative)

    (made,) = layings(seen, filmed(query), filmed(reference))
    (segment,) = align_laid(made, laying_lines(made), filmed(query), filmed(reference), SETTINGS)

    assert _apart(made.matrix, flip(WIDE) if flipped else _scaled(1, 0, 0)) < 2
    assert (made.mirrored, made.negative) == (flipped, negative)
    assert (segment.mirrored, segment.changes) == (flipped, ("inverted",) * negative)
    assert segment.motion is not None
    assert segment.motion.correlation > 0.9
    found = (segment.q_start, segment.q_end, segment.r_start, segment.r_end)
    assert found == pytest.approx((0, 6, 2, 8), abs=0.3), _timeline([segment])


def test_a_sighting_that_puts_the_picture_elsewhere_stays_out_of_the_laying() -> None:
    film = filmed(journey(4, np.arange(40) / RATE))
    right = [_known(second, second, _scaled(1, 0, 0), seed=second) for second in range(5)]
    wrong = [_known(7, 1, _scaled(0.4, 100, 60)), _known(8, 2, _scaled(1, 0, 0), flipped=True)]

    made = layings([*wrong, *right], film, film)

    assert {one.query_time for one in made[0].sightings} == {0, 1, 2, 3, 4}
    assert len(made) == 3


def test_a_way_that_shows_hardly_anything_of_both_is_none() -> None:
    film = filmed(journey(5, np.arange(8) / RATE))

    assert layings([_known(0, 0, _scaled(1, 310, 0))], film, film) == []
    assert layings([], film, film) == []


def _laid(
    matrix: Matrix, pairs: Sequence[tuple[float, float]], query: Bytes, reference: Bytes
) -> tuple[Laying, list[AlignedSegment]]:
    """The strongest laying of sightings under a known matrix, and the segments it gives."""
    seen = [_known(q, r, matrix, seed=place) for place, (q, r) in enumerate(pairs)]
    ours, theirs = filmed(query), filmed(reference)
    laying = layings(seen, ours, theirs)[0]
    return laying, align_laid(laying, laying_lines(laying), ours, theirs, SETTINGS)


@settings(deadline=None, max_examples=12, derandomize=True)
@given(
    st.integers(11, 14),
    st.floats(0, 8),
    st.sampled_from((0.5, 0.7, 0.9, 1.0, 1.1, 1.4, 2.0)),
    st.booleans(),
)
def test_the_seconds_are_found_at_any_shift_and_speed_cropped_and_mirrored(
    seed: int, offset: float, speed: float, flipped: bool
) -> None:
    reference = journey(seed, np.arange(96) / RATE)
    seconds = round(min(8, (22 - offset) / speed) * RATE) / RATE
    times = offset + speed * np.arange(0, seconds, 1 / RATE)
    query = journey(seed, times)[:, 27:153, 48:272]
    window = _scaled(1, 48, 27)
    if flipped:
        query, window = query[:, :, ::-1], joined(window, flip(224))
    pairs = [(float(q), offset + speed * float(q)) for q in np.arange(0, seconds, 2)]

    _, found = _laid(window, pairs, query, reference)

    true = (0, seconds, offset, offset + speed * seconds)
    told = f"{_timeline(found)}\ntrue: {true}, x{speed:.3f}"
    assert found, told
    whole = (found[0].q_start, found[-1].q_end, found[0].r_start, found[-1].r_end)
    assert whole == pytest.approx(true, abs=0.75), told
    middle = max(found, key=lambda segment: segment.q_end - segment.q_start)
    assert middle.speed == pytest.approx(speed, rel=0.05), told
    assert middle.motion is not None
    assert middle.motion.correlation > 0.6, told


def test_nothing_is_claimed_before_and_after_an_inset_is_shown() -> None:
    reference = journey(6, np.arange(60) / RATE)
    below = journey(7, np.arange(60) / RATE)
    query = np.array(below)
    query[16:40] = _inset(below[16:40], reference[8:32], 0.5, 150, 80)
    matrix = inverse(_scaled(0.5, 150, 80))

    laying, found = _laid(matrix, [(4, 2), (6, 4), (8, 6)], query, reference)

    assert laying.where.reference_share == pytest.approx(1, abs=0.03)
    assert len(found) == 1, _timeline(found)
    segment = found[0]
    seconds = (segment.q_start, segment.q_end, segment.r_start, segment.r_end)
    assert seconds == pytest.approx((4, 10, 2, 8), abs=0.5), _timeline(found)


def test_on_a_still_stage_the_seconds_are_those_in_which_the_same_moves() -> None:
    reference = toys(9, 1, np.arange(96) / RATE)
    query = reference[37:69]

    _, found = _laid(_scaled(1, 0, 0), [(1, 3), (4, 17), (6, 9)], query, reference)

    assert len(found) == 1, _timeline(found)
    seconds = (found[0].q_start, found[0].q_end, found[0].r_start, found[0].r_end)
    assert seconds == pytest.approx((0, 8, 9.25, 17.25), abs=0.4), _timeline(found)


def test_a_still_is_found_between_the_frames_it_is_seen_in() -> None:
    reference = journey(15, np.arange(60) / RATE)
    still = filmed(reference[22:23])
    # From half a second before it and half a second after, as index frames lie.
    seen = _seen(reference[22:23], reference, [(0, 5)]) + _seen(
        reference[22:23], reference, [(0, 6)]
    )

    (laying,) = layings(seen, still, filmed(reference))
    found = align_laid(laying, laying_lines(laying), still, filmed(reference), SETTINGS)

    assert len(seen) == 2
    assert [one.r_start for one in found] == [5.5], _timeline(found)
    assert _apart(laying.matrix, _scaled(1, 0, 0)) < 2


def test_two_films_on_one_stage_are_told_to_move_otherwise() -> None:
    reference, query = (toys(9, seed, np.arange(60) / RATE) for seed in (1, 2))

    _, found = _laid(_scaled(1, 0, 0), [(1, 1), (4, 4), (6, 6)], query, reference)

    for segment in found:
        assert segment.motion is not None
        assert segment.motion.correlation < 0.35, _timeline(found)


def test_sightings_on_one_line_vote_for_it() -> None:
    film = filmed(journey(8, np.arange(60) / RATE))
    pairs = [(0, 3), (2, 5.5), (4, 8), (6, 10.5), (8, 13)]
    seen = [_known(q, r, _scaled(1, 0, 0)) for q, r in pairs]

    (laying,) = layings(seen, film, film)
    best = laying_lines(laying)[0]

    # To half a second, the width of two bins; alignment draws it exactly.
    for q, r in pairs:
        assert best.offset + best.speed * q == pytest.approx(r, abs=0.5), best
