"""Where the content stands in the picture: bars, frames and captions that never change cut off."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# Grey levels: compression stirs a still border by one or two, content by tens.
_STILL_LEVELS: Final = 4.0
_FLAT_LEVELS: Final = 5.0
# A row is content when this share of its pixels changes (a clock or a logo alone does not).
_LIVELY_SHARE: Final = 0.06
_LEAST_SIDE: Final = 0.25
_LEAST_CUT: Final = 0.02
_ROWS_AT_ONCE: Final = 16


@dataclass(frozen=True)
class Box:
    """A rectangle in shares (0 to 1) of the picture's width and height."""

    left: float
    top: float
    width: float
    height: float

    def of(self, pictures: NDArray[Any]) -> NDArray[Any]:
        """The part of pictures (n, h, w) or (n, h, w, 3) inside the box, at least a pixel."""
        high, wide = pictures.shape[1:3]
        top, left = round(self.top * high), round(self.left * wide)
        bottom = max(top + 1, round((self.top + self.height) * high))
        right = max(left + 1, round((self.left + self.width) * wide))
        return pictures[:, top:bottom, left:right]


def _extent(busy: NDArray[np.bool_]) -> tuple[int, int] | None:
    places = np.flatnonzero(busy)
    return None if len(places) == 0 else (int(places[0]), int(places[-1]) + 1)


def _box(rows: NDArray[np.bool_], columns: NDArray[np.bool_]) -> Box | None:
    down, across = _extent(rows), _extent(columns)
    if down is None or across is None:
        return None
    top, high = down[0] / len(rows), (down[1] - down[0]) / len(rows)
    left, wide = across[0] / len(columns), (across[1] - across[0]) / len(columns)
    if min(high, wide) < _LEAST_SIDE or max(1 - high, 1 - wide) < _LEAST_CUT:
        return None
    return Box(left, top, wide, high)


def content_box(gray: NDArray[Any]) -> Box | None:
    """The box of what moves in grey pictures (n, h, w), 0 to 255, some 20 spread over the clip.

    None when that is (nearly) the whole picture, when it is less than a quarter of a side, and
    when nothing moves and there are no flat bars: then the whole frame is all there is to see.
    """
    if gray.ndim != 3:
        raise ValueError(f"gray must be (n, h, w), not {gray.shape}")
    lively = _spread_in_time(gray) > _STILL_LEVELS
    box = _box(lively.mean(axis=1) > _LIVELY_SHARE, lively.mean(axis=0) > _LIVELY_SHARE)
    if box is not None:
        return box
    rows = np.max([_floats(frame).std(axis=1) for frame in gray], axis=0) > _FLAT_LEVELS
    columns = np.max([_floats(frame).std(axis=0) for frame in gray], axis=0) > _FLAT_LEVELS
    return _box(rows, columns)


def _spread_in_time(gray: NDArray[Any]) -> NDArray[np.float32]:
    """Each pixel's deviation (h, w) over the frames, some rows at a time to spare memory."""
    blocks = range(0, gray.shape[1], _ROWS_AT_ONCE)
    return np.concatenate([_floats(gray[:, r : r + _ROWS_AT_ONCE]).std(axis=0) for r in blocks])


def _floats(gray: NDArray[Any]) -> NDArray[np.float32]:
    return gray.astype(np.float32)


def box_within_bars(gray: NDArray[Any]) -> Box | None:
    """The box inside the flat bars of a single grey picture (h, w), 0 to 255.

    A picture alone does not tell a caption or a frame from content, so only bars of one level
    count, each side's by itself. A clear sky may pass for one: a region too many does no harm.
    None as in content_box.
    """
    if gray.ndim != 2:
        raise ValueError(f"gray must be (h, w), not {gray.shape}")
    picture = gray.astype(np.float32)
    rows = _between_bars(picture)
    columns = _between_bars(picture[rows].T) if rows.any() else rows
    return _box(rows, columns)


def _between_bars(picture: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Mask (h,) of the rows of (h, w) between a bar above and one below, either of them missing."""
    between = np.ones(len(picture), np.bool_)
    for end in (slice(None), slice(None, None, -1)):
        level = np.median(picture[end][0])
        other = np.sqrt(((picture[end] - level) ** 2).mean(axis=1)) > _FLAT_LEVELS
        between[end][: int(other.argmax()) if other.any() else len(other)] = False
    return between
