"""A feature's words are stable, its signature tells it apart, and the file is what was written."""

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.engine.local import LocalFeatures, detect
from matching.engine.vocabulary import Vocabulary, from_bytes
from tests.matching.scenery import leaves


def _small(first: int = 40, second: int = 30, common: tuple[int, ...] = ()) -> Vocabulary:
    """A vocabulary whose centres are halves of descriptors of made-up pictures."""
    described = np.concatenate([detect(leaves(seed), 100).descriptor for seed in (61, 62)])
    chosen = np.random.default_rng(1).permutation(described)
    return Vocabulary(
        "9",
        chosen[:first, :64],
        chosen[first : first + second, 64:],
        np.median(described, axis=0).astype(np.uint8),
        np.array(common, np.int32),
    )


def _described(descriptor: np.ndarray) -> LocalFeatures:
    """Features of nothing but their descriptors (k, 128)."""
    ones = np.ones(len(descriptor), np.float32)
    return LocalFeatures(np.ones((len(ones), 2), np.float32), ones, ones, descriptor, 320, 180)


def test_a_vocabulary_comes_back_from_its_file_as_it_was() -> None:
    made = _small(common=(3, 5, 1199))

    back = from_bytes(made.to_bytes())

    assert back.version == "9"
    assert back.size == made.size == 1200
    for name in ("first", "second", "middle", "common"):
        assert np.array_equal(getattr(back, name), getattr(made, name))
        assert getattr(back, name).dtype == getattr(made, name).dtype


def _numpy_file(save: Callable[..., None], **fields: object) -> bytes:
    out = io.BytesIO()
    save(out, **fields)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"Dear Alice, this is no vocabulary.", id="text"),
        pytest.param(b"PK\x03\x04 and no more", id="the first bytes of an archive"),
        pytest.param(_small().to_bytes()[:-30], id="cut short"),
        pytest.param(_small().to_bytes()[:2000], id="its first 2,000 bytes"),
        pytest.param(_numpy_file(np.savez, version="9"), id="fields missing"),
        pytest.param(_numpy_file(np.save, arr=[1, 2]), id="one array"),
    ],
)
def test_what_is_no_vocabulary_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        from_bytes(content)


def test_the_word_is_that_of_the_nearest_centre_of_either_half() -> None:
    held = _small()
    descriptor = np.hstack((held.first[[7, 39, 0]], held.second[[29, 2, 0]]))

    words = held.words(_described(descriptor))

    assert words.tolist() == [[7 * 30 + 29], [39 * 30 + 2], [0]]
    assert words.dtype == np.int32


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(0, 3))
def test_words_stay_the_same_under_noise_smaller_than_half_the_way_to_the_next_centre(
    seed: int, most: int
) -> None:
    held = _small()
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 40, 50), rng.integers(0, 30, 50)
    plain = np.hstack((held.first[first], held.second[second])).astype(int)
    noisy = np.clip(plain + rng.integers(-most, most + 1, plain.shape), 0, 255)

    words = held.words(_described(noisy.astype(np.uint8)))

    assert words[:, 0].tolist() == (first * 30 + second).tolist()


def test_most_words_of_a_picture_survive_noise_when_two_centres_are_asked_for() -> None:
    held = _small()
    features = detect(leaves(63), 120)
    noise = np.random.default_rng(4).integers(-8, 9, features.descriptor.shape)
    noisy = np.clip(features.descriptor.astype(int) + noise, 0, 255).astype(np.uint8)

    kept = held.words(features)
    once = held.words(replace(features, descriptor=noisy))
    asked = held.words(replace(features, descriptor=noisy), nearest=2)

    assert asked.shape == (120, 4)
    assert (kept == once).mean() > 0.5
    assert (kept == asked).any(axis=1).mean() > max(0.9, float((kept == once).mean()))


@pytest.mark.parametrize("nearest", [1, 2, 3, 30])
def test_the_nearest_words_are_different_and_the_nearest_of_all_is_among_them(
    nearest: int,
) -> None:
    held = _small()
    features = detect(leaves(64), 20)

    words = held.words(features, nearest)

    assert words.shape == (20, nearest**2)
    assert all(len(set(row)) == nearest**2 for row in words.tolist())
    assert (words == held.words(features)).any(axis=1).all()
    assert words.max() < held.size


def test_a_common_word_is_minus_one_and_no_other_is() -> None:
    features = detect(leaves(65), 100)
    plain = _small().words(features)[:, 0]
    common = np.unique(plain)[::2]

    words = _small(common=tuple(common.tolist())).words(features)[:, 0]

    assert words.tolist() == [-1 if word in common else word for word in plain.tolist()]
    assert -1 in words


def test_a_picture_without_features_has_no_words_and_no_patches() -> None:
    nothing = detect(np.zeros((90, 160), np.uint8), 10)

    assert _small(common=(4,)).words(nothing, 2).shape == (0, 4)
    assert len(_small().patches(nothing)) == 0


def test_signatures_of_like_features_are_alike_and_of_others_are_not() -> None:
    features = detect(leaves(66), 100)
    noise = np.random.default_rng(5).integers(-3, 4, features.descriptor.shape)
    noisy = np.clip(features.descriptor.astype(int) + noise, 0, 255).astype(np.uint8)
    held = _small()

    ours = held.patches(features).signature
    theirs = held.patches(replace(features, descriptor=noisy)).signature
    bits = np.bitwise_count(ours[:, None] ^ theirs[None]).sum(axis=2, dtype=int)

    assert ours.shape == (100, 16)
    assert np.diag(bits).max() <= 30
    assert np.median(bits) > 45
