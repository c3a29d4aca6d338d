"""Bands find near hashes by equality."""

import numpy as np
import pytest

from matching.engine.bands import BAND_BITS, BANDS, bands


def test_the_same_bits_in_two_places_are_two_different_bands() -> None:
    same = np.resize(np.array([1, 0, 1, 1, 0, 0, 1] * 3, np.uint8), 256)
    row = bands(np.packbits(same)[None])[0]
    assert len(set(row.tolist())) == BANDS
    assert {value & (1 << BAND_BITS) - 1 for value in row.tolist()} == {0b1011001_1011001_1011001}


def test_bands_fit_a_signed_four_byte_column_and_keep_their_number_above_their_bits() -> None:
    rows = bands(np.full((1, 32), 255, dtype=np.uint8))
    assert rows.dtype == np.int32
    assert [value >> BAND_BITS for value in rows[0].tolist()] == list(range(BANDS))


def test_any_two_hashes_within_eleven_bits_share_a_band() -> None:
    rng = np.random.default_rng(11)
    for _ in range(200):
        bits = rng.integers(0, 2, 256, dtype=np.uint8)
        other = bits.copy()
        other[rng.choice(256, 11, replace=False)] ^= 1
        both = bands(np.packbits(np.stack([bits, other]), axis=1))
        assert (both[0] == both[1]).any()


def test_most_hashes_within_20_bits_share_a_band() -> None:
    rng = np.random.default_rng(12)
    shared = 0
    for _ in range(500):
        bits = rng.integers(0, 2, 256, dtype=np.uint8)
        other = bits.copy()
        other[rng.choice(256, 20, replace=False)] ^= 1
        both = bands(np.packbits(np.stack([bits, other]), axis=1))
        shared += bool((both[0] == both[1]).any())
    assert shared / 500 > 0.85, f"{shared} of 500"


def test_no_hashes_have_no_bands_and_wrong_ones_are_refused() -> None:
    assert bands(np.zeros((0, 32), np.uint8)).shape == (0, BANDS)
    with pytest.raises(ValueError, match="32"):
        bands(np.zeros((1, 31), np.uint8))
