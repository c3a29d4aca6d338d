"""Made-up videos as tracks of hashes, with the truth about them known to the sample."""

from collections.abc import Callable

import numpy as np
import pytest

from matching.engine.tracks import Track

RATE = 4.0

MakeVideo = Callable[..., Track]
CopyOf = Callable[..., Track]


def _flipped(hashes: np.ndarray, bits: int, seed: int) -> np.ndarray:
    """The hashes (n, 32) with that many different bits of each turned over."""
    rng = np.random.default_rng(seed)
    plain = np.unpackbits(hashes, axis=1)
    for row in plain:
        row[rng.choice(256, bits, replace=False)] ^= 1
    return np.packbits(plain, axis=1)


@pytest.fixture
def make_video() -> MakeVideo:
    """A video of `seconds` whose picture changes by `change` bits from sample to sample."""

    def make(seconds: float, seed: int, change: int = 24, quality: int = 90) -> Track:
        rng = np.random.default_rng(seed)
        count = round(seconds * RATE)
        frames = [rng.integers(0, 2, 256, dtype=np.uint8)]
        for _ in range(count - 1):
            following = frames[-1].copy()
            following[rng.choice(256, change, replace=False)] ^= 1
            frames.append(following)
        return Track(
            np.arange(count) / RATE,
            np.packbits(np.array(frames), axis=1),
            np.full(count, quality, dtype=np.uint8),
            seconds,
        )

    return make


@pytest.fixture
def copy_of() -> CopyOf:
    """A track showing, from sample to sample, the given seconds of another, some bits changed."""

    def copy(track: Track, seconds: np.ndarray, bits: int = 10, seed: int = 99) -> Track:
        place = np.clip(np.rint(seconds * RATE).astype(int), 0, len(track.times) - 1)
        return Track(
            np.arange(len(seconds)) / RATE,
            _flipped(track.hashes[place], bits, seed),
            track.quality[place],
            len(seconds) / RATE,
        )

    return copy
