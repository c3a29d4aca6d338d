"""Local features: small patches around corners and blobs, found again however the picture was cut.

Sources: Lowe, "Distinctive Image Features from Scale-Invariant Keypoints" (2004), by OpenCV;
Arandjelović and Zisserman, "Three things everyone should know to improve object retrieval" (2012)
for the square root (RootSIFT). A SIFT descriptor is a grid of 4 by 4 cells with 8 directions each,
turned upright by the patch's own direction, so mirroring a picture or inverting its colours only
changes the places of its numbers: neither is ever detected twice.
"""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

DIMENSION: Final = 128
SCALE: Final = 512
# Below OpenCV's 0.04: dim and blurred copies keep only weak corners.
_CONTRAST: Final = 0.015
_EDGE: Final = 12.0
_GRID: Final = 5
# Patches at least this wide (pixels) are what is left of a picture shown small in another.
_COARSE: Final = 6.0
_COARSE_SHARE: Final = 0.3


@dataclass(frozen=True)
class LocalFeatures:
    """The local features of one picture, the most telling first.

    xy (k, 2) float32 pixels from the upper left corner; size (k,) float32, the patch's diameter in
    pixels; angle (k,) float32 degrees, 0 to 360, clockwise; descriptor (k, 128) uint8, square roots
    of SIFT's shares times 512; width and height of the picture in pixels.
    """

    xy: Floats
    size: Floats
    angle: Floats
    descriptor: Bytes
    width: int
    height: int

    def __post_init__(self) -> None:
        if not len(self.xy) == len(self.size) == len(self.angle) == len(self.descriptor):
            raise ValueError("local features need one of each for every place")

    def __len__(self) -> int:
        return len(self.xy)

    def take(self, count: int) -> "LocalFeatures":
        """The first `count`, the most telling ones."""
        return replace(
            self,
            xy=self.xy[:count],
            size=self.size[:count],
            angle=self.angle[:count],
            descriptor=self.descriptor[:count],
        )


def detect(gray: Bytes, most: int) -> LocalFeatures:
    """At most `most` local features of a grey picture (h, w), the strongest, spread over it."""
    if gray.ndim != 2:
        raise ValueError(f"gray must be (h, w), not {gray.shape}")
    height, width = gray.shape
    picture = np.ascontiguousarray(gray)
    sift = cv2.SIFT.create(contrastThreshold=_CONTRAST, edgeThreshold=_EDGE)
    found = sift.detect(picture, None)
    xy = np.array([point.pt for point in found], np.float32).reshape(-1, 2)
    size = np.array([point.size for point in found], np.float32)
    response = np.array([point.response for point in found], np.float32)
    place = np.asarray(xy / np.array([width, height]), np.float32)
    chosen = _spread(place, size, response, most)
    strongest = [found[place] for place in chosen]
    # OpenCV fails to describe nothing in pictures less than three pixels wide or high.
    kept, described = sift.compute(picture, strongest) if strongest else ([], None)
    if described is None:
        described = np.zeros((0, DIMENSION), np.float32)
    share = described / np.maximum(described.sum(axis=1, keepdims=True), 1e-6)
    return LocalFeatures(
        np.array([point.pt for point in kept], np.float32).reshape(-1, 2),
        np.array([point.size for point in kept], np.float32),
        np.array([point.angle for point in kept], np.float32),
        np.clip(np.rint(np.sqrt(share) * SCALE), 0, 255).astype(np.uint8),
        width,
        height,
    )


def _spread(place: Floats, size: Floats, response: Floats, most: int) -> NDArray[np.int64]:
    """The strongest of each cell of a grid by turns, a share of them coarse ones.

    Coarse and fine ones take turns in the order, so that a part from the front is as mixed.
    """
    if not len(size):
        return np.zeros(0, np.int64)
    column, row = np.clip((place * _GRID).astype(np.int64), 0, _GRID - 1).T
    cell = row * _GRID + column
    coarse = size >= _COARSE
    wanted = min(round(most * _COARSE_SHARE), int(coarse.sum()))
    first = _by_turns(cell, np.where(coarse, response, -1.0), wanted)
    rest = response.copy()
    rest[first] = -1.0
    others = _by_turns(cell, rest, min(most, len(size)) - wanted)
    turn = np.concatenate(
        (
            (np.arange(len(first)) + 0.5) / max(1, len(first)),
            np.arange(len(others)) / max(1, len(others)),
        )
    )
    return np.concatenate((first, others))[np.argsort(turn, kind="stable")]


def _by_turns(cell: NDArray[np.int64], worth: Floats, count: int) -> NDArray[np.int64]:
    """Places of the `count` best, one from each cell before a second from any."""
    order = np.argsort(-worth, kind="stable")
    by_cell = order[np.argsort(cell[order], kind="stable")]
    starts = np.searchsorted(cell[by_cell], np.arange(_GRID * _GRID))
    rank = np.empty(len(cell), np.int64)
    rank[by_cell] = np.arange(len(cell)) - starts[cell[by_cell]]
    rank[worth < 0] = len(cell)
    return np.lexsort((-worth, rank))[:count].astype(np.int64)


_PLACES: Final = np.arange(DIMENSION).reshape(4, 4, 8)
_MIRRORED: Final = _PLACES[::-1, :, (-np.arange(8)) % 8].reshape(-1)
_INVERTED: Final = _PLACES[::-1, ::-1, :].reshape(-1)


def mirrored(features: LocalFeatures) -> LocalFeatures:
    """The features of the same picture seen in a mirror."""
    xy = features.xy.copy()
    xy[:, 0] = features.width - 1 - xy[:, 0]
    return replace(
        features,
        xy=xy,
        angle=np.asarray((180.0 - features.angle) % 360.0, np.float32),
        descriptor=features.descriptor[:, _MIRRORED],
    )


def inverted(features: LocalFeatures) -> LocalFeatures:
    """The features of the same picture in negative colours."""
    return replace(
        features,
        angle=np.asarray((features.angle + 180.0) % 360.0, np.float32),
        descriptor=features.descriptor[:, _INVERTED],
    )


SIGNATURE_BYTES: Final = 16
_STORED: Final = np.dtype(
    [("x", "<u2"), ("y", "<u2"), ("size", "<u2"), ("angle", "u1"), ("signature", "u1", 16)]
)
_FRACTION: Final = 64
_TURN: Final = 256 / 360


@dataclass(frozen=True)
class Patches:
    """What is kept of local features for geometry: place, size, angle and a short signature.

    xy (k, 2), size (k,), angle (k,) as in LocalFeatures; signature (k, 16) uint8, 128 bits.
    23 bytes a patch when packed: places to a 64th of a pixel, angles to 1.4 degrees.
    """

    xy: Floats
    size: Floats
    angle: Floats
    signature: Bytes

    def __len__(self) -> int:
        return len(self.xy)

    def packed(self) -> bytes:
        """As bytes for a column; `unpacked` is the way back."""
        rows = np.zeros(len(self), _STORED)
        rows["x"], rows["y"] = np.clip(np.rint(self.xy * _FRACTION), 0, 65535).T
        rows["size"] = np.clip(np.rint(self.size * _FRACTION), 1, 65535)
        rows["angle"] = np.rint(self.angle * _TURN).astype(np.int64) % 256
        rows["signature"] = self.signature
        return rows.tobytes()


def unpacked(stored: bytes) -> Patches:
    """The patches of a column's bytes; ValueError for bytes of another layout."""
    rows = np.frombuffer(stored, _STORED)
    return Patches(
        np.stack((rows["x"], rows["y"]), axis=1).astype(np.float32) / np.float32(_FRACTION),
        rows["size"].astype(np.float32) / np.float32(_FRACTION),
        rows["angle"].astype(np.float32) / np.float32(_TURN),
        np.ascontiguousarray(rows["signature"]),
    )
