"""Reading ffmpeg's pipes: lines about frames, and raw pictures, in big blocks."""

import contextlib
import fcntl
import os
import re
import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BLOCK = 1 << 16
PIPE_BYTES = 1 << 20
MAX_UNREAD_LINE = 1 << 14
"""Bytes without one whole record after which a pipe is not believed any more."""

_RECORD = re.compile(
    rb"frame:\d+ +pts:(-?\d+|NOPTS) +pts_time:\S+ *\nlavfi\.scd\.score=([0-9.]+|-?nan|-?inf) *\n"
)


@dataclass(frozen=True)
class Pipe:
    """One pipe: the end ffmpeg writes and the end we read, which never blocks."""

    reading: int
    writing: int

    @classmethod
    def open(cls) -> "Pipe":
        """A new pipe, as wide as the system lets it be: width is what spares us waking up."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        if sys.platform == "linux":
            with contextlib.suppress(OSError):  # over the user's share of pipe memory
                fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return cls(reading, writing)

    def close(self) -> None:
        """Close both ends, whichever are open."""
        for end in (self.reading, self.writing):
            with contextlib.suppress(OSError):
                os.close(end)


class BrokenStream(Exception):
    """What came down a pipe is not what ffmpeg writes."""


class RecordReader:
    """Lines of `metadata=print` as (microseconds or None, scdet's score) pairs."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, block: bytes) -> list[tuple[int | None, float]]:
        """The records completed by `block`. Raises BrokenStream."""
        text = self._rest + block
        records = []
        end = 0
        for found in _RECORD.finditer(text):
            if found.start() != end:
                raise BrokenStream
            end = found.end()
            stamp = None if found[1] == b"NOPTS" else int(found[1])
            records.append((stamp, float(found[2]) if found[2][-1:].isdigit() else 0.0))
        self._rest = text[end:]
        if len(self._rest) > MAX_UNREAD_LINE:
            raise BrokenStream
        return records


class PictureReader:
    """Raw RGB pictures read straight into an array that is then given away."""

    def __init__(self, width: int, height: int, count: int) -> None:
        self._shape = (count, height, width, 3)
        self._picture_bytes = width * height * 3
        self._renew(b"")

    def _renew(self, begun: bytes) -> None:
        self._array: npt.NDArray[np.uint8] = np.empty(self._shape, np.uint8)
        self._view = memoryview(self._array.data).cast("B")
        self._view[: len(begun)] = begun
        self._filled = len(begun)

    @property
    def whole(self) -> int:
        """How many pictures have come in completely and were not taken yet."""
        return self._filled // self._picture_bytes

    @property
    def full(self) -> bool:
        """Whether there is no room for more: not reading is what makes ffmpeg wait."""
        return self._filled == len(self._view)

    def read(self, descriptor: int) -> int:
        """Read what is there; the number of bytes, 0 at the end. Raises BlockingIOError."""
        count = os.readv(descriptor, [self._view[self._filled :]])
        self._filled += count
        return count

    def take(self, count: int) -> npt.NDArray[np.uint8]:
        """The first `count` pictures, uint8 (count, h, w, 3); what is begun after them stays."""
        end = count * self._picture_bytes
        begun = bytes(self._view[end : self._filled])
        taken = self._array[:count]
        self._renew(begun)
        return taken
