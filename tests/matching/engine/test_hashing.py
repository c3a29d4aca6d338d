"""The hash is PDQ's where it says so, and its variants are those of the turned picture."""

import cv2
import numpy as np
import pytest

from matching.engine.hashing import (
    Turn,
    dct_hash,
    dct_hashes,
    from_bit_string,
    from_hex,
    hamming,
    hamming_pairs,
    inverted,
    luminance,
    quality,
    to_bit_string,
    to_hex,
    to_square,
)

Y, X = np.mgrid[0:64, 0:64]
WAVES = np.rint(127.5 + 60 * np.sin(X * 0.31 + 0.2 * Y) + 60 * np.cos(Y * 0.17 - 0.05 * X))
RINGS = np.rint(127.5 + 120 * np.cos(((X - 20.0) ** 2 + (Y - 40.0) ** 2) / 90))
BLOCKS = (X // 7 * 37 + Y // 5 * 61) % 256

# What the pdqhash package 0.2.8 (Meta's C++ code) says about these pictures.
KNOWN = {
    "waves": (WAVES, "05cbaa96054baa9635cbaa9617cbaa96bfcbaa96ffcbaa94003f556900345569"),
    "rings": (RINGS, "a9b1ad81ad81a489a48f94ce527e527e6b31a48fac81527eb48f6b31b48f94cf"),
    "blocks": (BLOCKS, "124e1f1c9d48f54b0ab5e2e3e9b17522d7387d8208dc9d89a1e4b5a9bdacb728"),
}


def _picture(values: np.ndarray) -> np.ndarray:
    return values.astype(np.uint8)[None]


def _scene(high: int = 240, wide: int = 320, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (high // 20, wide // 20))
    return np.kron(coarse, np.ones((20, 20))).astype(np.float32)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_a_64_by_64_picture_hashes_to_the_very_bits_of_pdq(name: str) -> None:
    picture, text = KNOWN[name]
    hashes, detail = dct_hash(_picture(picture))
    assert to_hex(hashes[0]) == text
    assert detail[0] == 100


def test_the_pdqhash_package_agrees_on_pictures_it_has_never_seen() -> None:
    pdqhash = pytest.importorskip("pdqhash", reason="the pdqhash package is not installed")
    rng = np.random.default_rng(7)
    for _ in range(20):
        noise = rng.integers(0, 256, (64, 64)).astype(np.uint8)
        grey = cv2.GaussianBlur(noise, (0, 0), 2).astype(np.uint8)
        bits, detail = pdqhash.compute(np.ascontiguousarray(np.repeat(grey[:, :, None], 3, 2)))
        ours = dct_hash(grey[None])
        assert np.unpackbits(ours.hashes[0]).tolist() == bits.tolist()
        assert ours.quality[0] == detail


@pytest.mark.parametrize(
    ("turn", "turned"),
    [
        (Turn.MIRRORED, WAVES[:, ::-1]),
        (Turn.HALF, WAVES[::-1, ::-1]),
        (Turn.LEFT, np.rot90(WAVES)),
        (Turn.RIGHT, np.rot90(WAVES, -1)),
    ],
)
def test_a_turned_hash_is_the_hash_of_the_turned_picture(turn: Turn, turned: np.ndarray) -> None:
    by_sign = dct_hash(_picture(WAVES), turn).hashes
    by_picture = dct_hash(_picture(turned)).hashes
    # Coefficients that are all but equal to the median may fall either way.
    assert hamming_pairs(by_sign, by_picture)[0] <= 2


def test_all_turns_asked_for_at_once_are_those_asked_for_one_by_one() -> None:
    pictures = np.concatenate([_picture(WAVES), _picture(RINGS)])
    together, detail = dct_hashes(pictures, tuple(Turn))
    for turn in Turn:
        alone = dct_hash(pictures, turn)
        assert np.array_equal(together[turn], alone.hashes)
        assert np.array_equal(detail, alone.quality)


def test_the_negative_of_a_picture_has_the_complement_of_its_hash() -> None:
    plain = dct_hash(_picture(RINGS)).hashes
    negative = dct_hash(_picture(255 - RINGS)).hashes
    assert hamming_pairs(inverted(plain), negative)[0] <= 2


def test_mirroring_the_query_equals_mirroring_the_reference() -> None:
    pictures = [_picture(WAVES), _picture(RINGS)]
    plain = [dct_hash(picture).hashes for picture in pictures]
    mirrored = [dct_hash(picture, Turn.MIRRORED).hashes for picture in pictures]
    one = int(hamming_pairs(mirrored[0], plain[1])[0])
    other = int(hamming_pairs(plain[0], mirrored[1])[0])
    assert abs(one - other) <= 4


def test_a_flat_picture_has_no_detail_and_a_busy_one_has_all_of_it() -> None:
    flat = np.full((1, 64, 64), 128, dtype=np.uint8)
    assert quality(flat)[0] == 0
    assert quality(_picture(BLOCKS))[0] == 100


def test_size_and_a_little_noise_move_few_bits() -> None:
    scene = _scene()
    small = scene[::2, ::2]
    noisy = scene + np.random.default_rng(1).normal(0, 8, scene.shape).astype(np.float32)
    first = dct_hash(to_square(scene[None])).hashes
    for name, other in (("half the size", small), ("noisy", noisy)):
        distance = int(hamming_pairs(first, dct_hash(to_square(other[None])).hashes)[0])
        assert distance <= 20, f"{name}: {distance} bits"


def test_two_scenes_lie_near_half_the_bits_apart() -> None:
    hashes = dct_hash(to_square(np.stack([_scene(seed=seed) for seed in range(8)]))).hashes
    distance = hamming(hashes, hashes)[np.triu_indices(8, 1)]
    assert distance.min() > 80, sorted(distance.tolist())


def test_luminance_weighs_green_most_and_blue_least() -> None:
    pictures = np.zeros((3, 2, 2, 3), dtype=np.uint8)
    for channel in range(3):
        pictures[channel, :, :, channel] = 255
    red, green, blue = luminance(pictures).mean(axis=(1, 2))
    assert red == pytest.approx(0.299 * 255)
    assert green == pytest.approx(0.587 * 255)
    assert blue == pytest.approx(0.114 * 255)


def test_pictures_smaller_than_64_and_of_odd_shape_still_hash() -> None:
    for shape in ((16, 16), (1, 640), (481, 37), (64, 64)):
        square = to_square(np.ones((1, *shape), dtype=np.float32) * 9)
        assert square.shape == (1, 64, 64)
        assert square.min() == pytest.approx(9)
        assert square.max() == pytest.approx(9)


def test_hamming_counts_bits_the_slow_way_too() -> None:
    rng = np.random.default_rng(5)
    a = rng.integers(0, 256, (5, 32), dtype=np.uint8)
    b = rng.integers(0, 256, (7, 32), dtype=np.uint8)
    slow = (np.unpackbits(a, axis=1)[:, None] != np.unpackbits(b, axis=1)[None]).sum(axis=2)
    assert np.array_equal(hamming(a, b), slow)
    assert hamming(a, b).dtype == np.uint16
    assert np.array_equal(hamming_pairs(a, b[:5]), np.diag(slow[:, :5]))
    assert hamming(np.zeros((1, 32), np.uint8), np.full((1, 32), 255, np.uint8))[0, 0] == 256


def test_hamming_of_nothing_is_empty() -> None:
    none, some = np.zeros((0, 32), np.uint8), np.zeros((3, 32), np.uint8)
    assert hamming(none, some).shape == (0, 3)
    assert hamming(some, none).shape == (3, 0)


def test_text_forms_go_there_and_back() -> None:
    packed = np.arange(32, dtype=np.uint8) * 7
    assert np.array_equal(from_bit_string(to_bit_string(packed)), packed)
    assert np.array_equal(from_hex(to_hex(packed)), packed)
    assert to_bit_string(packed)[8:16] == "00000111"
    assert to_hex(packed)[2:4] == "07"


@pytest.mark.parametrize("text", ["", "01", "2" * 256, "0" * 255, "0" * 257])
def test_a_wrong_bit_string_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="256"):
        from_bit_string(text)


@pytest.mark.parametrize("text", ["", "ff", "0" * 62])
def test_a_hex_text_of_the_wrong_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="64"):
        from_hex(text)


def test_wrong_shapes_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="64"):
        dct_hash(np.zeros((1, 32, 32), np.uint8))
    with pytest.raises(ValueError, match="32"):
        hamming(np.zeros((1, 16), np.uint8), np.zeros((1, 32), np.uint8))
    with pytest.raises(ValueError, match="pictures"):
        luminance(np.zeros((2, 2, 3), np.uint8))
