"""Small pictures as files, and which of them tells most about its video."""

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

MAX_SIDE = 320
"""Pixels of the longer side of the pictures the decoder hands out, if nothing else is asked for."""


def picture_size(width: int, height: int, longest: int = MAX_SIDE) -> tuple[int, int]:
    """Width and height scaled so that the longer side is at most `longest`; never enlarged."""
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def jpeg(picture: Picture, quality: int = 80, *, fine_colours: bool = False) -> bytes:
    """The picture, uint8 (h, w, 3) RGB, as a baseline JPEG file without metadata.

    `fine_colours` keeps the colours of every pixel, which thin lines need and films do not. Raises
    ValueError when it cannot be encoded.
    """
    turned = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    words = [cv2.IMWRITE_JPEG_QUALITY, quality]
    if fine_colours:
        words += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    done, encoded = cv2.imencode(".jpg", turned, words)
    if not done:
        raise ValueError("the picture could not be encoded as JPEG")
    return encoded.tobytes()


def thumbnail_score(picture: Picture) -> float:
    """How telling the picture, uint8 (h, w, 3) RGB, is as a thumbnail: 0 (flat) to 1.

    The product of three shares, so that lacking one is not made up by the others: how widely its
    brightness is spread (entropy of the histogram), how much of it is edges, and how little of it
    is pure black or pure white. Black frames, fades and title cards come out near 0.
    """
    grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
    histogram = np.bincount((grey >> 2).ravel(), minlength=64) / grey.size
    filled = histogram[histogram > 0]
    entropy = float(-(filled * np.log2(filled)).sum()) / 6.0
    gradient = np.abs(np.diff(grey.astype(np.int16), axis=1))
    edges = min(1.0, float((gradient > 8).mean()) / 0.15) if gradient.size else 0.0
    usable = float(((grey > 16) & (grey < 245)).mean())
    return entropy * (0.2 + 0.8 * edges) * usable
