"""Two videos laid over each other: frames of both on one grid, over what both pictures show."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from matching.engine.geometry import Matrix, inverse, joined, moved
from matching.engine.hashing import SIDE, dct_hash
from matching.engine.small import SmallFrames
from matching.engine.tracks import Track

Floats = NDArray[np.float32]

# Less than this of the reference's shorter side is too small a window to tell anything.
_LEAST_SIDE: Final = 0.12
_LEAST_FILLED: Final = 0.4
_COARSER: Final = 1.5


@dataclass(frozen=True)
class Overlap:
    """Where both pictures lie.

    to_query and to_reference (2, 3) take points of the grid (64 by 64) to pixels of the small
    frames; mask (64, 64) bool is what both cover; the shares (0 to 1) are of either picture.
    """

    to_query: Matrix
    to_reference: Matrix
    mask: NDArray[np.bool_]
    query_share: float
    reference_share: float


def overlap(matrix: Matrix, query: SmallFrames, reference: SmallFrames) -> Overlap | None:
    """The overlap of two videos when matrix (2, 3) takes query pixels to reference pixels.

    Pixels are those of the pictures, not of the small frames. None when hardly anything overlaps.
    """
    small = joined(inverse(reference.to_picture), joined(matrix, query.to_picture))
    wide, high = reference.size
    across, down = query.size
    corners = np.array([[0, 0], [across, 0], [across, down], [0, down]], np.float64) - 0.5
    landed = moved(small, corners)
    low = np.maximum(landed.min(axis=0), -0.5)
    up = np.minimum(landed.max(axis=0), np.array([wide, high]) - 0.5)
    if float((up - low).min()) < _LEAST_SIDE * min(wide, high):
        return None
    step = (up - low) / SIDE
    start = low + step / 2
    to_reference = np.array([[step[0], 0, start[0]], [0, step[1], start[1]]])
    to_query = joined(inverse(small), to_reference)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    points = moved(to_query, np.stack((columns.ravel(), rows.ravel()), axis=1))
    inside = ((points >= -0.5) & (points <= np.array([across, down]) - 0.5)).all(axis=1)
    if inside.mean() < _LEAST_FILLED:
        return None
    area = float(np.prod(up - low) * inside.mean())
    ours = area / (abs(float(np.linalg.det(small[:, :2]))) * across * down)
    return Overlap(
        to_query,
        to_reference,
        inside.reshape(SIDE, SIDE),
        min(1.0, ours),
        min(1.0, area / (wide * high)),
    )


def laid(frames: NDArray[np.uint8], to_frame: Matrix, mask: NDArray[np.bool_]) -> Floats:
    """Small frames (n, h, w) on the grid: float32 (n, 64, 64), their mean where mask says no."""
    out = np.empty((len(frames), SIDE, SIDE), np.float32)
    columns = np.hypot(*to_frame[:, 0]), np.hypot(*to_frame[:, 1])
    reach = max(1, round(max(columns)))
    for place, frame in enumerate(frames):
        # One pixel in several is taken: let each stand for its surroundings first.
        picture = cv2.blur(frame, (reach, reach)) if max(columns) > _COARSER else frame
        out[place] = cv2.warpAffine(
            picture,
            to_frame,
            (SIDE, SIDE),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    if not mask.all() and len(out):
        out[:, ~mask] = out[:, mask].mean(axis=1)[:, None]
    return out


def track(grid: Floats, video: SmallFrames) -> Track:
    """The dense hashes of frames laid on the grid (n, 64, 64), all of the video's."""
    levels = np.clip(np.rint(grid), 0, 255).astype(np.uint8)
    made = dct_hash(levels)
    return Track(video.times, made.hashes, made.quality, video.duration)
