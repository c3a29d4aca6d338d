"""The transform between two pictures is the true one to a pixel or two, and strangers have none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.engine.geometry import (
    Agreement,
    Matrix,
    affine,
    agreement,
    flip,
    inverse,
    joined,
    moved,
    pooled,
    scale_of,
    similarity,
)
from matching.engine.local import Patches, detect, inverted, mirrored
from matching.words import vocabulary
from tests.matching.scenery import HIGH, WIDE, Bytes, leaves, seen_through

CORNERS = np.array([[0.0, 0.0], [WIDE, 0.0], [WIDE, HIGH], [0.0, HIGH]])


def _patches(picture: Bytes) -> Patches:
    return vocabulary().patches(detect(picture, 120))


def _turned(scale: float, degrees: float, across: float, down: float) -> Matrix:
    a, b = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    return np.array([[a, -b, across], [b, a, down]])


def _about_the_middle(scale: float, degrees: float, across: float, down: float) -> Matrix:
    """Scaled and turned about the middle of the picture, then moved."""
    turned = _turned(scale, degrees, 0, 0)
    middle = np.array([WIDE, HIGH]) / 2
    place = middle - turned[:, :2] @ middle + (across, down)
    return np.hstack((turned[:, :2], place[:, None]))


def _apart(found: Matrix, true: Matrix) -> float:
    """How far the corners of a picture land from where they should, in pixels."""
    return float(np.abs(moved(found, CORNERS) - moved(true, CORNERS)).max())


MADE = {
    "shifted": _turned(1, 0, 40, -22),
    "cropped by 30 %": _turned(1 / 0.7, 0, -0.15 * WIDE / 0.7, -0.15 * HIGH / 0.7),
    "cropped to the lower right half": _turned(2, 0, -WIDE, -HIGH),
    "half as large": _turned(0.5, 0, 30, 60),
    "an inset of 30 %": _turned(0.3, 0, 0.65 * WIDE, 0.1 * HIGH),
    "turned by 8 degrees": _about_the_middle(1, 8, 0, 0),
    "turned by 90 degrees": _about_the_middle(0.9, 90, 0, 0),
    "turned by 200 degrees and larger": _about_the_middle(1.2, 200, 5, -9),
}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_done_to_a_picture_is_found(name: str, seed: int) -> None:
    # From a larger picture, so that one is not a blurred copy of the other.
    large, to_half = leaves(seed, 2 * WIDE, 2 * HIGH, 1500), _turned(0.5, 0, 0, 0)
    plain = seen_through(large, to_half)
    done = seen_through(large, joined(MADE[name], to_half))

    found = agreement(_patches(plain), _patches(done))

    assert found is not None
    assert _apart(found.matrix, MADE[name]) < 2, f"{found.matrix} is not {MADE[name]}"
    assert found.distinct >= 6
    assert len(found.query) == len(found.reference) >= found.distinct
    assert np.abs(moved(found.matrix, found.query) - found.reference).max() < 12


@settings(deadline=None, max_examples=15, derandomize=True)
@given(
    st.integers(10, 14),
    st.floats(0.6, 1.5),
    st.floats(-180, 180),
    st.floats(-40, 40),
    st.floats(-40, 40),
)
def test_any_similarity_is_found_to_two_pixels_and_back(
    seed: int, scale: float, degrees: float, across: float, down: float
) -> None:
    true = _about_the_middle(scale, degrees, across, down)
    plain, done = _patches(leaves(seed)), _patches(seen_through(leaves(seed), true))

    there, back = agreement(plain, done), agreement(done, plain)

    assert there is not None
    assert back is not None
    assert _apart(there.matrix, true) < 2
    # Two pixels of the smaller picture.
    assert _apart(back.matrix, inverse(true)) < 2 * max(1, 1 / scale)


@pytest.mark.parametrize("seed", range(20, 32))
def test_pictures_that_have_nothing_to_do_with_each_other_do_not_agree(seed: int) -> None:
    query, reference = detect(leaves(seed), 120), _patches(leaves(seed + 100))

    for form in (query, mirrored(query), inverted(query)):
        found = agreement(vocabulary().patches(form), reference)
        assert found is None or found.distinct < 4


def test_a_mirrored_picture_agrees_when_its_features_are_mirrored_and_not_else() -> None:
    query, reference = detect(leaves(3), 120), _patches(np.ascontiguousarray(leaves(3)[:, ::-1]))

    found = agreement(vocabulary().patches(mirrored(query)), reference)

    assert found is not None
    assert found.distinct > 20
    assert _apart(found.matrix, _turned(1, 0, 0, 0)) < 1
    plain = agreement(vocabulary().patches(query), reference)
    assert plain is None or plain.distinct < 4


def test_patches_at_one_spot_are_one_witness() -> None:
    """A caption that both have, with the rest of the pictures different."""
    spots = np.array([[100.0, 100.0], [101.0, 102.0], [103.0, 101.0], [102.0, 103.0]] * 3)
    rng = np.random.default_rng(2)
    signature = rng.integers(0, 256, (12, 16), dtype=np.uint8)
    ones = np.ones(12, np.float32)
    patches = Patches(spots.astype(np.float32), 8 * ones, 0 * ones, signature)

    found = agreement(patches, patches)

    assert found is not None
    assert len(found.query) == 12
    assert found.distinct == 1


def test_two_patches_are_too_few_to_agree() -> None:
    patches = _patches(leaves(4))
    two = Patches(patches.xy[:2], patches.size[:2], patches.angle[:2], patches.signature[:2])

    assert agreement(two, patches) is None
    assert agreement(patches, two) is None


def test_patches_of_other_size_or_turn_than_the_rest_do_not_count() -> None:
    patches = _patches(leaves(5))
    some = np.arange(len(patches)) % 3 == 0
    odd = Patches(
        patches.xy,
        np.where(some, patches.size * 2.5, patches.size).astype(np.float32),
        np.where(~some, patches.angle, patches.angle + 90).astype(np.float32),
        patches.signature,
    )

    found = agreement(patches, odd)

    assert isinstance(found, Agreement)
    assert _apart(found.matrix, _turned(1, 0, 0, 0)) < 1
    kept = {tuple(place) for place in found.query.tolist()}
    wrong = {tuple(place) for place in patches.xy[some].astype(float).tolist()}
    right = {tuple(place) for place in patches.xy[~some].astype(float).tolist()}
    assert not kept & (wrong - right)


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    """Any map that is worth turning round: scaled by 0.2 to 5, turned, stretched, mirrored."""
    scale, degrees = draw(st.floats(0.2, 5)), draw(st.floats(-180, 180))
    across, down = draw(st.floats(-500, 500)), draw(st.floats(-500, 500))
    stretch = draw(st.floats(0.6, 1.6)) * draw(st.sampled_from((-1, 1)))
    stretched = np.array([[stretch, 0.0, 0.0], [0.0, 1.0, 0.0]])
    return joined(_turned(scale, degrees, across, down), stretched)


@settings(deadline=None)
@given(matrices(), matrices(), matrices())
def test_joined_maps_do_one_after_the_other_and_the_inverse_leads_back(
    one: Matrix, two: Matrix, three: Matrix
) -> None:
    both = joined(one, two)

    assert moved(both, CORNERS) == pytest.approx(moved(one, moved(two, CORNERS)), abs=1e-6)
    assert moved(inverse(one), moved(one, CORNERS)) == pytest.approx(CORNERS, abs=1e-6)
    assert joined(one, joined(two, three)) == pytest.approx(joined(both, three), abs=1e-6)
    assert inverse(both) == pytest.approx(joined(inverse(two), inverse(one)), abs=1e-6)
    assert scale_of(both) == pytest.approx(scale_of(one) * scale_of(two))


@given(st.integers(1, 4000))
def test_a_flip_done_twice_is_none_and_puts_the_first_column_on_the_last(width: int) -> None:
    edges = np.array([[0.0, 5.0], [width - 1.0, 9.0]])

    assert joined(flip(width), flip(width)).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert moved(flip(width), edges).tolist() == [[width - 1.0, 5.0], [0.0, 9.0]]


def test_what_squashes_a_picture_has_no_way_back() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        inverse(np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0]]))


def _points(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 2)) * (WIDE, HIGH)


def test_least_squares_give_the_very_map_of_points_without_error() -> None:
    turned = _turned(0.7, -33, 12, 80)
    stretched = joined(turned, np.array([[1.3, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    points = _points(8, 1)

    assert similarity(points, moved(turned, points)) == pytest.approx(turned)
    assert affine(points, moved(stretched, points)) == pytest.approx(stretched)


def test_points_that_are_all_one_or_in_a_row_have_no_map() -> None:
    one = np.full((5, 2), 7.0)
    row = np.stack((np.arange(5.0), np.arange(5.0)), axis=1)

    assert similarity(one, _points(5, 2)) is None
    assert affine(row, _points(5, 2)) is None


def test_a_map_that_squashes_a_picture_to_half_its_width_is_no_copy() -> None:
    points = _points(20, 3)

    assert affine(points, points * (1.5, 1.0)) is not None
    assert affine(points, points * (2.0, 1.0)) is None


def _many(true: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """Points of many frames under one map, a pixel unsure, a third of them wrong."""
    q = _points(150, 4)
    r = moved(true, q) + np.random.default_rng(5).normal(0, 0.5, (150, 2))
    r[::3] = _points(50, 6) * 3
    return q, r


def test_points_of_many_frames_make_a_rough_map_exact_though_a_third_is_wrong() -> None:
    true = _turned(1.4, 3, -40, -25)
    rough = joined(true, _about_the_middle(1.02, -0.5, 2, -1))

    exact, stretched = pooled(rough, *_many(true))

    assert _apart(rough, true) > 5
    assert _apart(exact, true) < 0.5
    assert _apart(stretched, true) < 0.5


def test_points_of_many_frames_tell_that_a_picture_is_stretched() -> None:
    true = joined(_turned(1.4, 3, -40, -25), np.array([[1.12, 0.0, 0.0], [0.0, 1.0, 0.0]]))

    plain, stretched = pooled(_turned(1.48, 3, -40, -25), *_many(true))

    assert _apart(plain, true) > 10
    assert _apart(stretched, true) < 2


def test_points_that_do_not_hold_together_make_no_map() -> None:
    assert pooled(_turned(1, 0, 0, 0), _points(30, 7), _points(30, 8)) == []
    assert pooled(_turned(1, 0, 0, 0), np.zeros((0, 2)), np.zeros((0, 2))) == []
