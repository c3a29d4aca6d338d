"""Pictures that belong to nobody: colour bars in their usual forms, drawn here.

Likeness to them says nothing about two videos, so frames near them are no evidence. (Black and flat
pictures have no detail and are none anyway; leaders and titles are known by the videos that share
them, see matching/judging.py, and by their place, see intros.py.)

Sources for the layouts: SMPTE ECR 1-1978 and RP 219-2002 (bars of 75 %, with the strips below),
EBU Tech 3325 (eight full bars of 75 and 100 %). Levels are Rec. 601 luma.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.engine.hashing import SIDE, dct_hash, hamming

Floats = NDArray[np.float32]

# Measured: bars with a clock laid over them lie 60 to 75 bits away, other footage from 102 on.
MOST_BITS: Final = 80
_LUMA: Final = np.array([0.299, 0.587, 0.114])
# White, yellow, cyan, green, magenta, red, blue, black.
_BARS: Final = np.array(
    [(1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1), (0, 0, 0)],
    np.float64,
)
_WIDE: Final = 256
# RP 219 leaves the patch below the first bar to the studio: white, or the colour +I.
_PATCHES: Final = (1.0, 0.2)
# Shares of the side that bars of another shape leave black: 4:3 in 16:9, and the other way round.
_BORDER: Final = 0.125


@cache
def background_hashes() -> NDArray[np.uint8]:
    """Hashes (n, 32) of the background pictures."""
    drawn = [_smpte(), *map(_high_definition, _PATCHES)]
    drawn += [_full(0.75), _full(1.0), _full(0.75, white=1.0)]
    framed = [picture for bars in drawn for picture in (bars, _boxed(bars, 1), _boxed(bars, 0))]
    squares = np.stack([_square(picture) for picture in framed])
    return dct_hash(squares).hashes


def is_background(hashes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of hashes (n, 32) are so near to a background picture that they say nothing: (n,)."""
    if not len(hashes):
        return np.zeros(0, np.bool_)
    return np.asarray(hamming(hashes, background_hashes()).min(axis=1) <= MOST_BITS)


def _row(levels: NDArray[np.float64], widths: NDArray[np.float64], height: int) -> Floats:
    """A strip of bars: luma 0 to 255 of each, and its share of the width."""
    ends = np.rint(np.cumsum(widths) / widths.sum() * _WIDE).astype(np.int64)
    line = np.repeat(levels, np.diff(np.concatenate(([0], ends))))
    return np.tile(line.astype(np.float32) * 255, (height, 1))


def _luma(colours: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    return np.asarray(colours @ _LUMA * level)


def _smpte() -> Floats:
    seven = _luma(_BARS[:7], 0.75)
    # Below: the bars of blue in reverse order with black between; then -I, white, +Q, black, PLUGE.
    reverse = seven[[6, 0, 4, 0, 2, 0, 0]] * np.array([1, 0, 1, 0, 1, 0, 1])
    plunge = np.array([0.11, 1.0, 0.09, 0.0, 0.0, 0.03, 0.0])
    widths = np.array([5 / 4, 5 / 4, 5 / 4, 5 / 4, 1 / 3, 1 / 3, 4 / 3])
    equal = np.ones(7)
    return np.vstack((_row(seven, equal, 171), _row(reverse, equal, 21), _row(plunge, widths, 64)))


def _high_definition(patch: float) -> Floats:
    seven = _luma(_BARS[:7], 0.75)
    # An eighth of the width on either side, the seven bars in the three quarters between.
    side = 7 / 6
    top = _row(np.concatenate(([0.4], seven, [0.4])), np.array([side, *np.ones(7), side]), 149)
    strips = [top, _row(np.array([0.7, patch, 0.75, 0.1]), np.array([side, 1, 6, side]), 21)]
    ramp = np.concatenate(([0.89, 0.0], np.linspace(0, 1, 16), [1.0, 0.2]))
    strips.append(_row(ramp, np.array([side, 1, *np.full(16, 5 / 16), 1, side]), 21))
    low = np.array([0.15, 0.0, 1.0, 0.0, 0.02, 0.0, 0.15])
    strips.append(_row(low, np.array([side, 1.5, 2, 5 / 6, 5 / 3, 1, side]), 65))
    return np.vstack(strips)


def _full(level: float, white: float | None = None) -> Floats:
    levels = _luma(_BARS, level)
    levels[0] = white if white is not None else levels[0]
    return _row(levels, np.ones(8), _WIDE)


def _boxed(picture: Floats, axis: int) -> Floats:
    """The picture with black on either side along the axis, as in a frame of another shape."""
    share = round(_WIDE * _BORDER / (1 - 2 * _BORDER))
    widths = [(share, share) if place == axis else (0, 0) for place in (0, 1)]
    return np.pad(picture, widths)


def _square(picture: Floats) -> Floats:
    """Area means on 64 by 64 of a picture whose sides are no multiples of that."""
    rows = np.linspace(0, picture.shape[0], SIDE * 8, endpoint=False).astype(np.int64)
    columns = np.linspace(0, picture.shape[1], SIDE * 8, endpoint=False).astype(np.int64)
    fine = picture[rows][:, columns].reshape(SIDE, 8, SIDE, 8)
    return np.asarray(fine.mean(axis=(1, 3)), np.float32)
