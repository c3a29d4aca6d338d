"""What is taken from the pictures themselves: local features as words, and small frames.

Both are made batch by batch. Of a query's index frames only some are looked for, so only their
whole descriptors are kept; what goes into the index is 3 KB a frame, and small frames are kept
as JPEG strips.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.engine.local import LocalFeatures, detect
from matching.engine.small import SmallFrames, Strips, frames_of, shrunk
from matching.spill import Spill
from matching.words import vocabulary

# Local features of a frame that are kept, and how many of a query's frame are looked for.
FEATURES: Final = 120
# Seconds between the frames of a query that are looked for by their words: alignment needs few.
ASK_EVERY: Final = 2.0
ASK_MOST: Final = 400


@dataclass(frozen=True)
class AskingFrame:
    """A frame of the query that words are asked for, at `time` seconds."""

    time: float
    features: LocalFeatures


@dataclass(frozen=True)
class Pictures:
    """What the pictures of a video gave so far.

    words: for each index frame the words (k,) int32 of its features, rising and different; marks:
    theirs, of the most telling feature of each word; patches: the same frames' packed patches;
    `strips`: small frames as stored, `height` pixels each. Of a long film patches and strips lie
    in a file, and are read when they are asked for.
    """

    words: tuple[NDArray[np.int32], ...]
    marks: tuple[NDArray[np.int32], ...]
    patches: Sequence[bytes]
    asking: tuple[AskingFrame, ...]
    whole_strips: Sequence[bytes]
    begun_strip: bytes
    height: int
    width: int
    picture_height: int
    times: NDArray[np.float64]
    duration: float

    @property
    def strips(self) -> bytes:
        """The small frames as stored."""
        return b"".join((*self.whole_strips, self.begun_strip))

    def small(self) -> SmallFrames:
        """The small frames as another video's are read from the database."""
        frames = frames_of(self.strips, self.height)
        return SmallFrames(frames, self.times, self.duration, self.width, self.picture_height)


class _Seen(NamedTuple):
    """A picture (h, w), its features, and what is kept of them."""

    picture: NDArray[np.uint8]
    features: LocalFeatures
    words: NDArray[np.int32]
    marks: NDArray[np.int32]
    patches: bytes


def _seen(picture: NDArray[np.uint8]) -> _Seen:
    features = detect(picture, FEATURES)
    words, first = np.unique(vocabulary().words(features)[:, 0], return_index=True)
    marks = vocabulary().marks(features)[first[words >= 0]]
    patches = vocabulary().patches(features).packed()
    return _Seen(picture.copy(), features, words[words >= 0], marks, patches)


class PictureBuilder:
    """Takes grey pictures (n, h, w) uint8 in order; `index` (n,) masks the index frames."""

    def __init__(self) -> None:
        self._whole_strips = Spill()
        self._strips = Strips(self._whole_strips)
        self._words: list[NDArray[np.int32]] = []
        self._marks: list[NDArray[np.int32]] = []
        self._patches = Spill()
        self._asking: list[AskingFrame] = []
        self._times: list[NDArray[np.float64]] = []
        self._every = ASK_EVERY
        self._size = (0, 0)
        self._seen: _Seen | None = None

    def add(
        self, gray: NDArray[np.uint8], times: NDArray[np.float64], index: NDArray[np.bool_]
    ) -> None:
        """Take a batch; times (n,) in seconds."""
        self._size = (gray.shape[2], gray.shape[1])
        self._times.append(times)
        self._strips.add(shrunk(gray))
        for place in np.flatnonzero(index):
            self._look(gray[place], float(times[place]))

    def _look(self, picture: NDArray[np.uint8], time: float) -> None:
        # Slides and screens stand still for minutes: what is the same to the bit is looked at once.
        if self._seen is None or not np.array_equal(picture, self._seen.picture):
            self._seen = _seen(picture)
        self._words.append(self._seen.words)
        self._marks.append(self._seen.marks)
        self._patches.append(self._seen.patches)
        if self._asking and time < self._asking[-1].time + self._every - 1e-3:
            return
        self._asking.append(AskingFrame(time, self._seen.features))
        if len(self._asking) > ASK_MOST:
            self._asking = self._asking[::2]
            self._every *= 2

    def pictures(self, duration: float) -> Pictures | None:
        """What was taken so far; None before the first picture."""
        if not self._times:
            return None
        return Pictures(
            tuple(self._words),
            tuple(self._marks),
            self._patches.so_far(),
            tuple(self._asking),
            self._whole_strips.so_far(),
            self._strips.begun(),
            self._strips.height,
            self._size[0],
            self._size[1],
            np.concatenate(self._times),
            duration,
        )
