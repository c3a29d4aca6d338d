"""What a video shows ten times a second, and at which other moments it shows the same.

For a still the question "which second?" has more than one right answer where nothing moves or
where a passage comes twice. Two pictures count as the same when, both averaged by area to 64 by 64
grey, no cell of 8 by 8 of those differs by more than SAME_LEVELS of 255 in the mean: less than a
moved mouth in a face of half the picture's height, more than what encoding adds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from videos.limits import media_limits
from videos.media.assembly import Frames
from videos.media.decode import Decoding
from videos.media.ffmpeg import find_ffmpeg
from videos.media.pictures import MAX_SIDE, Picture
from videos.media.probe import probe
from videos.uploads.accept import recognise_path

STEP: Final = 0.1
"""Seconds between moments."""

SAME_LEVELS: Final = 3.0
LEAST_SPREAD: Final = 12.0
"""Standard deviation of the small picture's levels below which it shows next to nothing."""

_SIDE: Final = 64
_CELLS: Final = 8
_FULL_SIDE: Final = 1920

Small = NDArray[np.uint8]


@dataclass(frozen=True)
class Moments:
    """times (n,) float64 in seconds and small (n, 64, 64) uint8, the grey pictures at them."""

    times: NDArray[np.float64]
    small: Small

    @property
    def telling(self) -> NDArray[np.bool_]:
        """Mask (n,): pictures with something in them, no black, no fog."""
        spread = self.small.reshape(len(self.small), -1).std(axis=1)
        return np.asarray(spread >= LEAST_SPREAD, np.bool_)


def watch(path: Path) -> Moments:
    """The moments of a video. Raises MediaError for what cannot be read, OSError."""
    times = [np.zeros(0)]
    pictures = [np.zeros((0, _SIDE, _SIDE), np.uint8)]
    for frames in _decoded(path, MAX_SIDE):
        if len(frames.timestamps):
            times.append(frames.timestamps)
            pictures.append(np.stack([small_picture(picture) for picture in frames.pictures]))
    return Moments(np.concatenate(times), np.concatenate(pictures))


def pictures_at(path: Path, times: Sequence[float]) -> list[Picture]:
    """The pictures, at the video's own size, of moments that `watch` gave; in the order asked."""
    wanted = set(times)
    found: dict[float, Picture] = {}
    for frames in _decoded(path, _FULL_SIDE):
        for time, picture in zip(frames.timestamps.tolist(), frames.pictures, strict=True):
            if time in wanted:
                found[time] = picture.copy()
    return [found[time] for time in times]


def small_picture(picture: Picture) -> Small:
    """(h, w, 3) RGB as (64, 64) grey, averaged by area."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def unlikeness(small: Small, others: Small) -> NDArray[np.float64]:
    """How far (64, 64) is from each of (n, 64, 64): levels of the cell that differs most, (n,)."""
    count, cell = len(others), _SIDE // _CELLS
    apart = np.abs(others.astype(np.int16) - small.astype(np.int16))
    cells = apart.reshape(count, _CELLS, cell, _CELLS, cell).mean(axis=(2, 4))
    return np.asarray(cells.reshape(count, -1).max(axis=1), np.float64)


def same_seconds(small: Small, moments: Moments) -> list[tuple[float, float]]:
    """First and last second of each passage of `moments` that shows the picture (64, 64)."""
    alike = np.flatnonzero(unlikeness(small, moments.small) <= SAME_LEVELS)
    if not len(alike):
        return []
    passages = np.split(alike, np.flatnonzero(np.diff(alike) > 1) + 1)
    return [
        (float(moments.times[passage[0]]), float(moments.times[passage[-1]]))
        for passage in passages
    ]


def _decoded(path: Path, longest_side: int) -> Iterator[Frames]:
    limits = media_limits()
    stream = Decoding(
        path,
        probe(path, recognise_path(path), limits),
        sample_interval=STEP,
        longest_side=longest_side,
        limits=limits,
        ffmpeg=find_ffmpeg(settings.TVIDZ.ffmpeg or None),
    )
    with stream:
        yield from stream
