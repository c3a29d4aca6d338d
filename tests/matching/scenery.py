"""Made-up pictures and films, drawn at any moment and in any cut, with the truth about them known.

Pictures are dead leaves: shapes of all sizes that cover one another, which have the corners, blobs
and grey levels of photographs. Films move over such a picture, or have toys move on it.
"""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from matching.engine.geometry import Matrix
from matching.engine.small import SmallFrames, shrunk

Bytes = NDArray[np.uint8]
Times = NDArray[np.float64]

WIDE, HIGH = 320, 180
# Frames a second of the films, as of a video that is analysed.
RATE = 4


@cache
def leaves(seed: int, width: int = WIDE, height: int = HIGH, count: int = 500) -> Bytes:
    """A grey picture (height, width) unlike that of any other seed; not to be written to."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width), 128, np.uint8)
    # Many small ones, few large: sizes as in photographs.
    sizes = 4 / np.sqrt(1 - rng.random(count) * 0.995)
    for size in -np.sort(-sizes):
        middle = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        axes = (max(1, round(size)), max(1, round(size * rng.uniform(0.4, 1))))
        turn, grey = float(rng.uniform(0, 180)), int(rng.integers(0, 256))
        if rng.random() < 0.5:
            cv2.ellipse(picture, middle, axes, turn, 0, 360, grey, -1, cv2.LINE_AA)
        else:
            corners = cv2.boxPoints((middle, (2.0 * axes[0], 2.0 * axes[1]), turn))
            cv2.fillConvexPoly(picture, corners.astype(np.int32), grey, cv2.LINE_AA)
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.8), np.uint8)
    picture.flags.writeable = False
    return picture


def seen_through(picture: Bytes, matrix: Matrix, width: int = WIDE, height: int = HIGH) -> Bytes:
    """The picture (height, width) in which what was at p lies at matrix (2, 3) times p."""
    warped = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_AREA)
    return np.asarray(warped, np.uint8)


def journey(seed: int, times: Times, width: int = WIDE, height: int = HIGH) -> Bytes:
    """Pictures (n, height, width) at times (n,) s of a camera that wanders over a landscape."""
    land = leaves(seed, 960, 540, 2500)
    across, down, zoom, *phase = np.random.default_rng(seed).uniform(0.8, 1.2, 6)
    frames = np.empty((len(times), height, width), np.uint8)
    for place, time in enumerate(times.tolist()):
        # Periods that share no multiple: no moment comes back within a test.
        left = 300 + 290 * np.sin(across * time / 19 + 6 * phase[0])
        top = 170 + 160 * np.sin(down * time / 12.7 + 6 * phase[1])
        share = 300 * (1 + 0.15 * np.sin(zoom * time / 8.9 + 6 * phase[2])) / width
        to_land = np.array([[share, 0.0, left], [0.0, share, top]])
        frames[place] = cv2.warpAffine(
            land,
            to_land,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        )
    return frames


def toys(stage: int, seed: int, times: Times, width: int = WIDE, height: int = HIGH) -> Bytes:
    """Pictures (n, height, width) at times (n,) s of toys that move on a still stage.

    One stage may see the toys of many seeds: they all look alike and move differently.
    """
    still = leaves(stage, width, height)
    rng = np.random.default_rng(seed)
    paths = [
        (rng.uniform(0.2, 0.8, 2), rng.uniform(2, 5, 2), rng.uniform(0, 6, 2)) for _ in range(5)
    ]
    frames = np.repeat(still[None], len(times), axis=0)
    for place, time in enumerate(times.tolist()):
        for number, (middle, period, phase) in enumerate(paths):
            x, y = middle + 0.2 * np.sin(2 * np.pi * time / period + phase)
            centre = (round(x * width * 16), round(y * height * 16))
            grey = (20, 235, 60, 200, 120)[number]
            cv2.circle(frames[place], centre, height * 16 // 12, grey, -1, cv2.LINE_AA, 4)
    return frames


def filmed(pictures: Bytes, rate: float = RATE) -> SmallFrames:
    """A film of pictures (n, h, w), `rate` of them a second, as the library keeps it."""
    count, height, width = pictures.shape
    return SmallFrames(shrunk(pictures), np.arange(count) / rate, count / rate, width, height)
