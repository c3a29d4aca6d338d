"""A hash cut into twelve bands, so that an index of equal values finds near hashes.

Multi-index hashing (Norouzi, Punjani, Fleet, 2012): two hashes within 11 bits of each other share
at least one of twelve 21-bit bands; of those within 20 bits nine in ten do, within 31 half. Sixteen
bands of 16 bits find more and draw thirty times as many strangers (docs/benchmarks.md).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.engine.hashing import HASH_BYTES

BANDS: Final = 12
BAND_BITS: Final = 21

_WEIGHT: Final = 1 << np.arange(BAND_BITS - 1, -1, -1, dtype=np.int32)


def bands(hashes: NDArray[np.uint8]) -> NDArray[np.int32]:
    """The bands of hashes (n, 32) as int32 (n, 12), distinct across bands.

    The band's number stands above its 21 bits. The last four bits of a hash, of the highest
    frequencies, are in none.
    """
    if hashes.ndim != 2 or hashes.shape[1] != HASH_BYTES:
        raise ValueError(f"hashes must be (n, {HASH_BYTES}), not {hashes.shape}")
    bits = np.unpackbits(hashes, axis=1)[:, : BANDS * BAND_BITS]
    values = bits.reshape(len(hashes), BANDS, BAND_BITS).astype(np.int32) @ _WEIGHT
    return values | (np.arange(BANDS, dtype=np.int32) << BAND_BITS)
