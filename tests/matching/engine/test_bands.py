"""Bands find near hashes by equality."""

import numpy as np
import pytest

from matching.engine.bands import BANDS, bands


def test_the_same_sixteen_bits_in_two_places_are_two_different_bands() -> None:
    same = np.tile(np.array([0xAB, 0xCD], dtype=np.uint8), 16)[None]
    row = bands(same)[0]
    assert len(set(row.tolist())) == BANDS
    assert {value & 0xFFFF for value in row.tolist()} == {0xABCD}


def test_bands_fit_a_signed_four_byte_column_and_keep_their_number_in_the_high_half() -> None:
    rows = bands(np.full((1, 32), 255, dtype=np.uint8))
    assert rows.dtype == np.int32
    assert [value >> 16 for value in rows[0].tolist()] == list(range(-8, 8))


def test_any_two_hashes_within_fifteen_bits_share_a_band() -> None:
    rng = np.random.default_rng(11)
    for _ in range(200):
        bits = rng.integers(0, 2, 256, dtype=np.uint8)
        other = bits.copy()
        other[rng.choice(256, 15, replace=False)] ^= 1
        both = bands(np.packbits(np.stack([bits, other]), axis=1))
        assert (both[0] == both[1]).any()


def test_nearly_all_hashes_within_31_bits_share_a_band() -> None:
    rng = np.random.default_rng(12)
    shared = 0
    for _ in range(500):
        bits = rng.integers(0, 2, 256, dtype=np.uint8)
        other = bits.copy()
        other[rng.choice(256, 31, replace=False)] ^= 1
        both = bands(np.packbits(np.stack([bits, other]), axis=1))
        shared += bool((both[0] == both[1]).any())
    assert shared / 500 > 0.8, f"{shared} of 500"


def test_no_hashes_have_no_bands_and_wrong_ones_are_refused() -> None:
    assert bands(np.zeros((0, 32), np.uint8)).shape == (0, 16)
    with pytest.raises(ValueError, match="32"):
        bands(np.zeros((1, 31), np.uint8))
