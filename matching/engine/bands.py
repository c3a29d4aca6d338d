"""A hash cut into sixteen bands, so that an index of equal values finds near hashes.

Multi-index hashing (Norouzi, Punjani, Fleet, 2012): two hashes within 15 bits of each other share
at least one of sixteen 16-bit bands; of those within 31 bits almost all do.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.engine.hashing import HASH_BYTES

BANDS: Final = 16


def bands(hashes: NDArray[np.uint8]) -> NDArray[np.int32]:
    """The bands of hashes (n, 32) as int32 (n, 16), distinct across bands.

    The band's number stands in the high half and its 16 bits in the low half; number 8 and above
    would leave a signed four-byte column, so half the numbers are negative.
    """
    if hashes.ndim != 2 or hashes.shape[1] != HASH_BYTES:
        raise ValueError(f"hashes must be (n, {HASH_BYTES}), not {hashes.shape}")
    pairs = hashes.reshape(len(hashes), BANDS, 2).astype(np.int32)
    number = np.arange(BANDS, dtype=np.int32) - BANDS // 2
    return (number << 16) | (pairs[:, :, 0] << 8) | pairs[:, :, 1]
