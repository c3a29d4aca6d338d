"""Local features are the picture's own: mirrored, inverted, packed and unpacked they stay it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.engine.local import (
    LocalFeatures,
    Patches,
    detect,
    inverted,
    mirrored,
    unpacked,
)
from tests.matching.scenery import leaves

SEEDS = [1, 2, 3]


def _same(one: LocalFeatures, two: LocalFeatures) -> bool:
    return bool(
        np.allclose(one.xy, two.xy, atol=1e-3)
        and np.array_equal(one.size, two.size)
        and np.allclose((one.angle - two.angle + 180) % 360, 180, atol=1e-3)
        and np.array_equal(one.descriptor, two.descriptor)
    )


def _found_again(made: LocalFeatures, seen: LocalFeatures) -> tuple[float, float]:
    """The share of `made` that `seen` has at the same place, size and angle; how far descriptors
    of those lie apart, in units of 512, the median over features of the mean over numbers."""
    near = np.abs(made.xy[:, None] - seen.xy[None]).max(axis=2) < 1.0
    near &= np.abs(np.log(made.size[:, None] / seen.size[None])) < 0.1
    near &= np.abs((made.angle[:, None] - seen.angle[None] + 180) % 360 - 180) < 10
    ours, theirs = np.nonzero(near)
    apart = np.abs(made.descriptor[ours].astype(int) - seen.descriptor[theirs])
    return float(near.any(axis=1).mean()), float(np.median(apart.mean(axis=1)))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_features_of_a_mirrored_picture_are_the_mirrored_features(seed: int) -> None:
    picture = leaves(seed)

    share, apart = _found_again(mirrored(detect(picture, 120)), detect(picture[:, ::-1], 120))

    # Strangers lie 27 apart.
    assert share > 0.6
    assert apart < 4


@pytest.mark.parametrize("seed", SEEDS)
def test_the_features_of_a_negative_are_the_inverted_features(seed: int) -> None:
    picture = leaves(seed)

    share, apart = _found_again(inverted(detect(picture, 120)), detect(255 - picture, 120))

    assert share > 0.9
    assert apart < 0.5


def test_mirroring_and_inverting_twice_change_nothing_and_their_order_does_not_matter() -> None:
    features = detect(leaves(4), 120)

    assert _same(mirrored(mirrored(features)), features)
    assert _same(inverted(inverted(features)), features)
    assert _same(mirrored(inverted(features)), inverted(mirrored(features)))
    assert not _same(mirrored(features), features)


def test_darker_and_with_less_contrast_the_features_stay() -> None:
    picture = leaves(5)
    dim = (40 + picture * 0.4).astype(np.uint8)

    share, apart = _found_again(detect(picture, 120), detect(dim, 120))

    assert share > 0.6
    assert apart < 4


def test_no_more_are_taken_than_asked_for_and_the_same_every_time() -> None:
    features = detect(leaves(6), 50)

    assert len(features) == 50
    assert len(detect(leaves(6), 120)) == 120
    assert _same(features, detect(leaves(6), 50))


def test_they_are_spread_over_the_picture_however_crowded_one_corner_is() -> None:
    picture = np.array(leaves(7) // 8 + 100, np.uint8)
    picture[:36, :64] = leaves(7)[:36, :64]

    xy = detect(picture, 100).xy

    cells = np.unique((xy / (64, 36)).astype(int), axis=0)
    crowded = ((xy[:, 0] < 64) & (xy[:, 1] < 36)).mean()
    assert len(cells) >= 20
    assert crowded < 0.3


def test_the_front_has_wide_and_fine_patches_as_the_whole_has() -> None:
    features = detect(leaves(8), 120)

    wide = features.size >= 6

    assert 0.2 < wide.mean() < 0.8
    assert abs(wide[:60].mean() - wide.mean()) < 0.1
    assert _same(features.take(60), features.take(80).take(60))


@pytest.mark.parametrize("shape", [(180, 320), (1, 1), (2, 400), (16, 16)])
def test_a_flat_or_tiny_picture_has_none(shape: tuple[int, int]) -> None:
    features = detect(np.full(shape, 77, np.uint8), 120)

    assert len(features) == 0
    assert features.descriptor.shape == (0, 128)
    assert len(mirrored(features)) == len(inverted(features)) == 0


def test_colour_pictures_and_uneven_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match=r"gray must be \(h, w\)"):
        detect(np.zeros((9, 16, 3), np.uint8), 10)
    none = np.zeros(0, np.float32)
    with pytest.raises(ValueError, match="one of each"):
        LocalFeatures(np.zeros((1, 2), np.float32), none, none, np.zeros((0, 128), np.uint8), 9, 9)


@st.composite
def some_patches(draw: st.DrawFn) -> Patches:
    count = draw(st.integers(0, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return Patches(
        (rng.random((count, 2)) * 1000).astype(np.float32),
        (0.5 + rng.random(count) * 500).astype(np.float32),
        (rng.random(count) * 360).astype(np.float32),
        rng.integers(0, 256, (count, 16), dtype=np.uint8),
    )


@settings(deadline=None, max_examples=50)
@given(some_patches())
def test_packed_patches_come_back_to_a_64th_of_a_pixel_and_a_degree(patches: Patches) -> None:
    stored = patches.packed()
    back = unpacked(stored)

    assert len(stored) == 23 * len(patches)
    assert np.abs(back.xy - patches.xy).max(initial=0) <= 1 / 128 + 1e-4
    assert np.abs(back.size - patches.size).max(initial=0) <= 1 / 128 + 1e-4
    turn = np.abs((back.angle - patches.angle + 180) % 360 - 180)
    assert turn.max(initial=0) <= 360 / 256 / 2 + 1e-3
    assert np.array_equal(back.signature, patches.signature)
    assert back.packed() == stored


@settings(deadline=None, max_examples=50)
@given(st.binary(min_size=1, max_size=200).filter(lambda stored: len(stored) % 23))
def test_bytes_of_another_length_are_no_patches(stored: bytes) -> None:
    with pytest.raises(ValueError):
        unpacked(stored)


def test_places_outside_the_picture_are_packed_at_its_edge() -> None:
    xy = np.array([[-0.4, 2000.0]], np.float32)
    one = np.array([0.0], np.float32)

    back = unpacked(Patches(xy, one, one, np.zeros((1, 16), np.uint8)).packed())

    assert back.xy.tolist() == [[0.0, 65535 / 64]]
    assert back.size.tolist() == [1 / 64]
