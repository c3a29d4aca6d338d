"""Small grey frames of a video, kept so that two videos can be laid over each other later.

A reference is never decoded again: what verification and the evidence of motion need is here, about
a kilobyte a frame.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from matching.engine.geometry import Matrix

Bytes = NDArray[np.uint8]

LONGER_SIDE: Final = 96
# Whole blocks of a JPEG, so that no frame bleeds into the next of its strip.
_BLOCK: Final = 8
STRIP: Final = 16
_PART: Final = 256
_QUALITY: Final = 80
_LENGTH: Final = 4


@dataclass(frozen=True)
class SmallFrames:
    """frames (n, h, w) uint8 grey at times (n,) float64 seconds, rising; duration in seconds.

    width and height (pixels) are those of the pictures they were made of, on which local features
    were found.
    """

    frames: Bytes
    times: NDArray[np.float64]
    duration: float
    width: int
    height: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the small frames in pixels."""
        return self.frames.shape[2], self.frames.shape[1]

    def parts(self) -> Iterator["SmallFrames"]:
        """The video, some frames at a time: what is made of a long one is larger than it.

        There is one part at least.
        """
        for start in range(0, max(1, len(self.frames)), _PART):
            some = slice(start, start + _PART)
            yield replace(self, frames=self.frames[some], times=self.times[some])

    @property
    def to_picture(self) -> Matrix:
        """Takes points of a small frame to the picture it was made of: (2, 3)."""
        across, down = self.width / self.size[0], self.height / self.size[1]
        return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2]])


def shrunk(gray: Bytes) -> Bytes:
    """Grey pictures (n, h, w) with their longer side at 96 pixels, sides in whole blocks of 8."""
    height, width = gray.shape[1:]
    zoom = LONGER_SIDE / max(height, width)
    wide, high = (max(2, round(side * zoom / _BLOCK)) * _BLOCK for side in (width, height))
    small = np.empty((len(gray), high, wide), np.uint8)
    for place, picture in enumerate(gray):
        small[place] = cv2.resize(
            np.ascontiguousarray(picture), (wide, high), interpolation=cv2.INTER_AREA
        )
    return small


def strip(frames: Bytes) -> bytes:
    """Up to 16 frames (n, h, w) below each other as one JPEG, its length before it."""
    picture = frames.reshape(-1, frames.shape[2])
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    return len(encoded).to_bytes(_LENGTH, "little") + encoded


def frames_of(strips: bytes, height: int) -> Bytes:
    """The frames (n, height, w) of strips joined; ValueError for bytes that are none."""
    parts = [_decoded(one, height) for one in _cut(strips)]
    if not parts:
        return np.zeros((0, height, LONGER_SIDE), np.uint8)
    return np.concatenate(parts)


def _cut(strips: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(strips):
        length = int.from_bytes(strips[place : place + _LENGTH], "little")
        place += _LENGTH
        if length == 0 or place + length > len(strips):
            raise ValueError("these are no strips of small frames")
        yield strips[place : place + length]
        place += length


def _decoded(encoded: bytes, height: int) -> Bytes:
    picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_GRAYSCALE)
    if picture is None or picture.shape[0] % height:
        raise ValueError("a strip of small frames cannot be read")
    return np.asarray(picture.reshape(-1, height, picture.shape[1]), np.uint8)


class Taker(Protocol):
    """What takes strips one by one: a list, or something that keeps them elsewhere."""

    def append(self, one: bytes, /) -> None: ...


class Strips:
    """Makes strips of small frames, the same however the frames are batched.

    `whole` is given each as soon as it is full; `begun` is the one that is not.
    """

    def __init__(self, whole: Taker) -> None:
        self._whole = whole
        self._open: list[Bytes] = []
        self.height = 0

    def add(self, small: Bytes) -> None:
        """Take frames (n, h, w)."""
        self.height = small.shape[1]
        for frame in small:
            self._open.append(frame)
            if len(self._open) == STRIP:
                self._whole.append(strip(np.stack(self._open)))
                self._open = []

    def begun(self) -> bytes:
        """The strip of the last frames, empty when there are none."""
        return strip(np.stack(self._open)) if self._open else b""
