"""Visual words: each local feature becomes a number that like features share.

Source: Sivic and Zisserman, "Video Google" (2003) for the words; a product of two small
vocabularies, one for each half of the descriptor, makes millions of words from a few thousand
centres (Babenko and Lempitsky, "The inverted multi-index", 2012). The signature tells the features
of one word apart (Jégou, Douze and Schmid, "Hamming embedding", 2008).
"""

from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Final
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from matching.engine.local import DIMENSION, LocalFeatures, Patches

Floats = NDArray[np.float32]

HALF: Final = DIMENSION // 2
# The 32 numbers of a descriptor that make a mark: slanting directions in the upper and lower row of
# cells. What agrees there agrees elsewhere; the patch's own direction is alike in all patches.
_MARKED: Final = np.array(
    [cell * 8 + direction for cell in (0, 1, 2, 3, 12, 13, 14, 15) for direction in (1, 3, 5, 7)]
)
_FIELDS: Final = ("version", "first", "second", "middle", "common")


@dataclass(frozen=True)
class Vocabulary:
    """Centres of both halves (n, 64) uint8 in units of the descriptor, and what is known of words.

    middle (128,) uint8: the median of each number of a descriptor, for signatures. common (m,)
    int32, rising: words found in many unrelated videos, which say nothing.
    """

    version: str
    first: NDArray[np.uint8]
    second: NDArray[np.uint8]
    middle: NDArray[np.uint8]
    common: NDArray[np.int32]

    @property
    def size(self) -> int:
        """How many words there are."""
        return len(self.first) * len(self.second)

    # Made once: for one frame it would take as long as the product itself.
    @cached_property
    def _to_first(self) -> Floats:
        return _to_centres(self.first)

    @cached_property
    def _to_second(self) -> Floats:
        return _to_centres(self.second)

    def words(self, features: LocalFeatures, nearest: int = 1) -> NDArray[np.int32]:
        """Words (k, nearest²) of features, by the nearest centres of either half; -1 if common.

        The library keeps the nearest only; a query asks for several, as noise moves a descriptor
        over the border between two.
        """
        described = features.descriptor.astype(np.float32)
        first = _nearest(described[:, :HALF], self._to_first, nearest)
        second = _nearest(described[:, HALF:], self._to_second, nearest)
        words = first[:, :, None] * len(self.second) + second[:, None, :]
        words = words.reshape(len(described), nearest * nearest).astype(np.int32)
        if len(self.common):
            place = np.minimum(np.searchsorted(self.common, words), len(self.common) - 1)
            words[self.common[place] == words] = -1
        return words

    def patches(self, features: LocalFeatures) -> Patches:
        """The features as they are kept for geometry."""
        signature = np.packbits(features.descriptor > self.middle, axis=1)
        return Patches(features.xy, features.size, features.angle, np.ascontiguousarray(signature))

    def marks(self, features: LocalFeatures) -> NDArray[np.int32]:
        """Marks (k,) of features: 32 bits of their signatures, to tell apart those of one word."""
        bits = features.descriptor[:, _MARKED] > self.middle[_MARKED]
        packed = np.ascontiguousarray(np.packbits(bits, axis=1))
        return packed.view(">i4")[:, 0].astype(np.int32)

    def to_bytes(self) -> bytes:
        """The vocabulary as a file's content."""
        out = BytesIO()
        np.savez_compressed(out, **{name: getattr(self, name) for name in _FIELDS})
        return out.getvalue()


def from_bytes(content: bytes) -> Vocabulary:
    """A vocabulary from a file's content; ValueError when it is none."""
    try:
        # By its class: np.load would take other files for arrays of theirs.
        with NpzFile(BytesIO(content), allow_pickle=False) as held:
            fields = {name: held[name] for name in _FIELDS}
    except (OSError, KeyError, EOFError, BadZipFile, ZlibError) as error:
        raise ValueError(f"this is no vocabulary: {error}") from None
    version = str(fields.pop("version"))
    return Vocabulary(version, **fields)


def _to_centres(centres: NDArray[np.uint8]) -> Floats:
    """The matrix (65, n) that takes points, a one behind each, to squared distances from centres.

    Less the point's own square, which is the same for all of them.
    """
    held = centres.astype(np.float32)
    return np.ascontiguousarray(np.vstack((-2 * held.T, (held**2).sum(axis=1)[None, :])))


def _nearest(points: Floats, to_centres: Floats, count: int) -> NDArray[np.int64]:
    """Places (k, count) of the nearest centres, the nearest first.

    All numbers are whole and below 2²⁴, so float32 rounds none of them.
    """
    ones = np.ones((len(points), 1), np.float32)
    distance = np.hstack((points, ones)) @ to_centres
    # For one or two, asking again for the least is ten times as quick as argpartition.
    found = [distance.argmin(axis=1)]
    for _ in range(count - 1):
        distance[np.arange(len(points)), found[-1]] = np.inf
        found.append(distance.argmin(axis=1))
    return np.stack(found, axis=1)
