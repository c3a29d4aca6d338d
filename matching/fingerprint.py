"""Step: batches of frames become a fingerprint, and a fingerprint becomes stored rows.

The builder sees each dense frame once, in order. Its memory is bounded: pictures are kept only
until the still borders are known, afterwards 64 bytes a frame and region.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from matching.described import Described, HeadDescriber
from matching.engine.descriptors import HSV108
from matching.engine.hashing import Turn, dct_hashes, luminance, to_square
from matching.engine.regions import Box, box_within_bars, content_box
from matching.engine.small import SmallFrames, frames_of
from matching.engine.tracks import Track
from matching.engine.version import ENGINE_VERSION
from matching.models import Fingerprint
from matching.own_descriptor import own_descriptor
from matching.pictures import PictureBuilder, Pictures
from videos.models import MediaType

Kind = TypeVar("Kind", bound=np.generic)

# Still borders are judged on this many index frames; a shorter video on those it has.
BORDER_FRAMES = 20
BORDER_FRAMES_LEAST = 3
# Dense frames that wait for those at most: where index frames are far apart, some of them do.
BORDER_WAITING = 160
# Frames that are looked at together; their grey levels as floats are what takes memory here.
AT_ONCE = 8
# How the query is turned before it is looked for; the library is stored upright.
TURNS = (Turn.NONE, Turn.MIRRORED, Turn.LEFT, Turn.RIGHT)


@dataclass(frozen=True)
class Region:
    """Hashes of one region of all dense frames; `turned` (n, 32) as the turned picture's."""

    track: Track
    turned: dict[Turn, NDArray[np.uint8]]


@dataclass(frozen=True)
class IndexFrame:
    """Which dense frames are index frames: `position` into the tracks, `number` in the video."""

    position: NDArray[np.int64]
    number: NDArray[np.int64]
    colours: NDArray[np.float32]


@dataclass(frozen=True)
class VideoFingerprint:
    """All descriptors of a video so far. `regions[0]` is the whole picture.

    `own` is there where the settings name a descriptor of one's own.
    """

    version: str
    media_type: str
    duration: float
    regions: tuple[Region, ...]
    box: Box | None
    index: IndexFrame
    cuts: NDArray[np.float64]
    pictures: Pictures | None = None
    own: Described | None = None


class FingerprintBuilder:
    """Takes batches of pictures (n, h, w, 3) uint8 RGB with their times and gives fingerprints.

    With `hashes_only` there are no local features and no descriptor of one's own: such a
    fingerprint can be searched with, not stored.
    """

    def __init__(self, media_type: str, *, hashes_only: bool = False) -> None:
        self._media_type = media_type
        self._hashes_only = hashes_only
        self._times: list[NDArray[np.float64]] = []
        self._whole = _Hashed()
        self._boxed = _Hashed()
        self._box: Box | None = None
        self._box_decided = False
        self._samples: list[NDArray[np.uint8]] = []
        self._waiting: list[NDArray[np.uint8]] = []
        self._waiting_frames = 0
        self._positions: list[int] = []
        self._numbers: list[int] = []
        self._colours: list[NDArray[np.float32]] = []
        self._cuts: list[float] = []
        self._count = 0
        self._pictures = PictureBuilder()
        own = None if hashes_only else own_descriptor()
        self._describer = HeadDescriber(own) if own is not None else None

    def add(
        self,
        pictures: NDArray[np.uint8],
        timestamps: NDArray[np.float64],
        numbers: NDArray[np.int64],
        index: NDArray[np.bool_],
        cuts: Sequence[float],
    ) -> None:
        """Take dense frames in order; `index` (n,) masks the index frames among them."""
        self._cuts.extend(cuts)
        if self._describer is not None:
            self._describer.add(pictures, timestamps, numbers, index, cuts)
        for start in range(0, len(pictures), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            self._take(pictures[some], timestamps[some], numbers[some], index[some])

    def _take(
        self,
        pictures: NDArray[np.uint8],
        timestamps: NDArray[np.float64],
        numbers: NDArray[np.int64],
        index: NDArray[np.bool_],
    ) -> None:
        gray = luminance(pictures)
        self._whole.add(gray)
        self._times.append(timestamps)
        for position in np.flatnonzero(index):
            self._positions.append(self._count + int(position))
            self._numbers.append(int(numbers[position]))
        if index.any():
            self._colours.append(HSV108.compute(pictures[index]))
        self._count += len(pictures)
        # Rounded from the first frame to the last: which ones wait below depends on the batches.
        levels = np.clip(np.rint(gray), 0, 255).astype(np.uint8)
        looked = np.zeros_like(index) if self._hashes_only else index
        self._pictures.add(levels, timestamps, looked)
        self._look_inside(levels, index)

    def fingerprint(self, duration: float) -> VideoFingerprint:
        """The fingerprint of what was taken so far; `duration` in seconds."""
        box = self._box
        boxed: _Hashed | None = self._boxed if box is not None else None
        if not self._box_decided:
            box = self._judge_borders()
            boxed = _hash_inside(box, self._waiting) if box is not None else None
        times = _joined(self._times, np.float64)
        regions = [self._whole.region(times, duration)]
        if boxed is not None:
            regions.append(boxed.region(times, duration))
        return VideoFingerprint(
            version=ENGINE_VERSION,
            media_type=self._media_type,
            duration=duration,
            regions=tuple(regions),
            box=box,
            index=IndexFrame(
                np.array(self._positions, np.int64),
                np.array(self._numbers, np.int64),
                np.concatenate(self._colours)
                if self._colours
                else np.zeros((0, HSV108.dimension), np.float32),
            ),
            cuts=np.array(sorted(self._cuts), np.float64),
            pictures=self._pictures.pictures(duration),
            own=self._describer.described() if self._describer is not None else None,
        )

    def _look_inside(self, gray: NDArray[np.uint8], index: NDArray[np.bool_]) -> None:
        if self._box_decided and self._box is None:
            return
        if self._box_decided and self._box is not None:
            self._boxed.add(self._box.of(gray))
            return
        self._waiting.append(gray)
        self._samples.extend(gray[index])
        self._waiting_frames += len(gray)
        waited = self._waiting_frames >= BORDER_WAITING
        if waited and len(self._samples) < BORDER_FRAMES:
            frames = [frame for part in self._waiting for frame in part][:BORDER_WAITING]
            self._samples = frames[:: BORDER_WAITING // BORDER_FRAMES]
        if waited or len(self._samples) >= BORDER_FRAMES:
            self._box = self._judge_borders()
            if self._box is not None:
                self._boxed = _hash_inside(self._box, self._waiting)
            self._box_decided = True
            self._waiting, self._samples = [], []

    def _judge_borders(self) -> Box | None:
        if self._media_type == MediaType.IMAGE:
            return box_within_bars(self._samples[0]) if self._samples else None
        if len(self._samples) < BORDER_FRAMES_LEAST:
            return None
        return content_box(np.stack(self._samples[:BORDER_FRAMES]))


class _Hashed:
    """Hashes of one region, batch by batch."""

    def __init__(self) -> None:
        self._hashes: dict[Turn, list[NDArray[np.uint8]]] = {turn: [] for turn in TURNS}
        self._quality: list[NDArray[np.uint8]] = []

    def add(self, gray: NDArray[np.float32] | NDArray[np.uint8]) -> None:
        turned, quality = dct_hashes(to_square(gray), TURNS)
        for turn, hashes in turned.items():
            self._hashes[turn].append(hashes)
        self._quality.append(quality)

    def region(self, times: NDArray[np.float64], duration: float) -> Region:
        turned = {turn: _joined(parts, np.uint8, 32) for turn, parts in self._hashes.items()}
        quality = _joined(self._quality, np.uint8)
        return Region(Track(times, turned[Turn.NONE], quality, duration), turned)


def _hash_inside(box: Box, waiting: Sequence[NDArray[np.uint8]]) -> _Hashed:
    hashed = _Hashed()
    for gray in waiting:
        hashed.add(box.of(gray))
    return hashed


def _joined(parts: Sequence[NDArray[Kind]], dtype: type[Kind], width: int = 0) -> NDArray[Kind]:
    if parts:
        return np.concatenate(parts)
    return np.zeros((0, width) if width else 0, dtype)


def packed(video_id: uuid.UUID, fingerprint: VideoFingerprint) -> Fingerprint:
    """The unsaved row that keeps the dense hashes of `fingerprint`."""
    whole = fingerprint.regions[0].track
    row = Fingerprint(
        video_id=video_id,
        version=fingerprint.version,
        ready=True,
        media_type=fingerprint.media_type,
        duration=fingerprint.duration,
        dense_times=whole.times.astype("<f8").tobytes(),
        dense_hashes=whole.hashes.tobytes(),
        dense_quality=whole.quality.tobytes(),
    )
    if fingerprint.box is not None:
        box, inner = fingerprint.box, fingerprint.regions[1].track
        row.box = [box.left, box.top, box.width, box.height]
        row.box_hashes = inner.hashes.tobytes()
        row.box_quality = inner.quality.tobytes()
    if fingerprint.pictures is not None:
        pictures = fingerprint.pictures
        row.small_frames = pictures.strips
        row.small_height = pictures.height
        row.picture_width, row.picture_height = pictures.width, pictures.picture_height
    return row


def small_frames(row: Fingerprint) -> SmallFrames | None:
    """The small frames of a stored fingerprint, None where it has none."""
    if row.small_frames is None:
        return None
    return SmallFrames(
        frames_of(bytes(row.small_frames), row.small_height),
        np.frombuffer(row.dense_times, "<f8"),
        row.duration,
        row.picture_width,
        row.picture_height,
    )


def unpacked(row: Fingerprint) -> tuple[Track, ...]:
    """The tracks of a stored fingerprint: the whole picture, then the inside of its borders."""
    times = np.frombuffer(row.dense_times, "<f8")
    stored = [(row.dense_hashes, row.dense_quality)]
    if row.box_hashes is not None and row.box_quality is not None:
        stored.append((row.box_hashes, row.box_quality))
    return tuple(
        Track(
            times,
            np.frombuffer(hashes, np.uint8).reshape(-1, 32),
            np.frombuffer(quality, np.uint8),
            row.duration,
        )
        for hashes, quality in stored
    )
