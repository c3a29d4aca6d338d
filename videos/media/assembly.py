"""Putting together what comes down ffmpeg's pipes, in any order, into batches of frames."""

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from videos.media.graph import TIME_BASE, grid_slot
from videos.media.shots import Cut
from videos.media.streams import PictureReader, RecordReader


@dataclass(frozen=True)
class Frames:
    """A batch of sampled frames, and what was learnt since the batch before. It may be empty.

    numbers      int64 (n,), the frame's running number among all decoded ones from time 0
    timestamps   float64 (n,), seconds, increasing
    is_keyframe  bool (n,), whether the codec calls it an I-frame
    pictures     uint8 (n, h, w, 3) RGB, upright, the longer side at most as
                 long as was asked for (320 pixels)
    cuts         shot boundaries found since the previous batch
    position     seconds, time of the newest decoded frame
    """

    numbers: npt.NDArray[np.int64]
    timestamps: npt.NDArray[np.float64]
    is_keyframe: npt.NDArray[np.bool_]
    pictures: npt.NDArray[np.uint8]
    cuts: tuple[Cut, ...]
    position: float


class Assembly:
    """Puts together what comes down the pipes in any order, by the frames' timestamps.

    A picture is ready when its place in the order of samples, its running number and its kind are
    known; each of those comes down a pipe of its own.
    """

    def __init__(self, size: tuple[int, int], batch_size: int, interval: float) -> None:
        self.readers = {name: RecordReader() for name in ("scores", "sampled", "intra", "other")}
        self.pictures = PictureReader(*size, batch_size)
        self.cuts: list[Cut] = []
        self.log = b""
        self.decoded = 0
        self.position = 0.0
        self.told = -1.0
        self.handed_out = 0
        self._interval = interval
        self._numbers: deque[tuple[int, int]] = deque()
        self._sampled: deque[int] = deque()
        self._intra: dict[int, bool] = {}
        self._rows: list[tuple[int, float, bool, bool]] = []
        self._last_slot = -1

    @property
    def ready(self) -> int:
        """Pictures that can be handed out."""
        return len(self._rows)

    def count(self, stamp: int | None) -> float | None:
        """Number the next decoded frame; its seconds, or None when it has no place in time."""
        if stamp is None or stamp < -500:
            return None
        seconds = max(0.0, stamp / TIME_BASE)
        self._numbers.append((stamp, self.decoded))
        self.decoded += 1
        self.position = max(self.position, seconds)
        return seconds

    def take(self, name: str, stamps: list[int]) -> None:
        """Note sampled frames (in order), or their kind."""
        if name == "sampled":
            self._sampled.extend(stamps)
        else:
            self._intra.update((stamp, name == "intra") for stamp in stamps)

    def assemble(self) -> None:
        """Name as many of the pictures that have come in as can be named by now."""
        while self._sampled and len(self._rows) < self.pictures.whole:
            stamp = self._sampled[0]
            if stamp not in self._intra or not self._find(stamp):
                break
            self._sampled.popleft()
            _, number = self._numbers.popleft()
            seconds = max(0.0, stamp / TIME_BASE)
            # When the size changes midway ffmpeg begins anew and may sample a place twice.
            slot = grid_slot(seconds, self._interval)
            self._rows.append((number, seconds, self._intra.pop(stamp), slot > self._last_slot))
            self._last_slot = max(slot, self._last_slot)

    def _find(self, stamp: int) -> bool:
        """Bring the sampled frame's number to the front; False when it has not come in yet."""
        while self._numbers and self._numbers[0][0] != stamp:
            self._numbers.popleft()
        return bool(self._numbers)

    def batch(self) -> Frames:
        """Everything ready, as one batch."""
        rows, self._rows = self._rows, []
        pictures = self.pictures.take(len(rows))
        kept = [index for index, row in enumerate(rows) if row[3]]
        if len(kept) < len(rows):
            pictures = pictures[kept]
        cuts, self.cuts = tuple(self.cuts), []
        self.handed_out += len(kept)
        self.told = self.position
        return Frames(
            numbers=np.array([rows[index][0] for index in kept], np.int64),
            timestamps=np.array([rows[index][1] for index in kept], np.float64),
            is_keyframe=np.array([rows[index][2] for index in kept], np.bool_),
            pictures=pictures,
            cuts=cuts,
            position=self.position,
        )
