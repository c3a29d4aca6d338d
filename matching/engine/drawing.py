"""A picture of the evidence: two frames side by side and lines between the points that agree."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from matching.engine.geometry import Matrix
from matching.engine.transform import Outline, outline

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]
Colour = tuple[int, int, int]

# Beside the frames: the surface of a light and of a dark page, a shade apart from either.
_LIGHT: Final = (233, 236, 240)
_DARK: Final = (37, 42, 50)
_SHARED: Final = (251, 146, 60)
# Bright, because a dark seam runs along each line; neighbours in the list differ in hue and light,
# and none is near the colour of the outline.
_LINES: Final = (
    *((255, 221, 51), (77, 184, 255), (255, 128, 191), (61, 220, 132)),
    *((190, 150, 255), (255, 255, 255), (46, 230, 214)),
)
_SEAM: Final = 0.6
_OUTSIDE: Final = 0.65
_MOST_HEIGHT: Final = 0.7
# A line for so many pixels of width: more are a thicket.
_ROOM_A_LINE: Final = 32
_FEWEST: Final = 8
# Fractions of a pixel that OpenCV draws at, as a power of two.
_SHIFT: Final = 4


def draw_pair(
    query: Picture,
    reference: Picture,
    points: Floats,
    matrix: Matrix | None,
    width: int,
    *,
    dark: bool = False,
) -> Picture:
    """Two frames (h, w, 3) uint8 RGB at one height, the query's on the left: `width` pixels wide.

    points (m, 4) float64, x and y in the query's frame and then in the reference's, in shares; a
    narrow picture shows the first of them only. matrix (2, 3) takes the query's shares to the
    reference's: what both show is outlined, the rest is dimmed. `dark` for a dark page. Lines and
    marks keep their width in pixels, so ask for the size it is shown at.
    """
    fine = np.clip(width / 1280, 0.0, 1.0)
    stroke = float(1 + 1.5 * fine)
    ground = _DARK if dark else _LIGHT
    canvas, boxes = _laid_out((query, reference), width, ground)
    both = None if matrix is None else outline(matrix)
    if both is not None:
        _outline(canvas, boxes, both, ground, stroke)
    some = points[: max(_FEWEST, width // _ROOM_A_LINE)]
    _join(canvas, _placed(some[:, :2], boxes[0]), _placed(some[:, 2:], boxes[1]), stroke)
    return canvas


Frame = tuple[int, int, int, int]


def _laid_out(
    pictures: tuple[Picture, Picture], width: int, ground: Colour
) -> tuple[Picture, list[Frame]]:
    """The canvas with both pictures on it, and where: left, top, width, height in pixels."""
    gap = max(8, round(width / 40))
    across = [picture.shape[1] / picture.shape[0] for picture in pictures]
    high = max(1, round(min((width - gap) / sum(across), _MOST_HEIGHT * width)))
    wide = [max(1, round(high * each)) for each in across]
    room = max(1, width - gap - wide[0])
    # A pixel that rounding leaves over or lacks is the second picture's.
    wide[1] = room if abs(wide[1] - room) <= 1 else min(wide[1], room)
    canvas = np.full((high, width, 3), ground, np.uint8)
    left = (width - gap - sum(wide)) // 2
    boxes = []
    for picture, each in zip(pictures, wide, strict=True):
        smaller = picture.shape[0] > high
        method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        canvas[:, left : left + each] = cv2.resize(picture, (each, high), interpolation=method)
        boxes.append((left, 0, each, high))
        left += each + gap
    return canvas, boxes


def _placed(points: Floats, frame: Frame) -> Floats:
    """Points (m, 2) in shares of a picture as pixels of the canvas."""
    left, top, wide, high = frame
    return np.asarray(points * (wide, high) + (left - 0.5, top - 0.5), np.float64)


def _fixed(points: Floats) -> NDArray[np.int32]:
    """Points in the fractions of a pixel that OpenCV draws at."""
    return np.rint(points * (1 << _SHIFT)).astype(np.int32)


def _outline(
    canvas: Picture, boxes: list[Frame], both: Outline, ground: Colour, stroke: float
) -> None:
    for frame, shape in zip(boxes, (both.query, both.reference), strict=True):
        left, top, wide, high = frame
        corners = _placed(shape, frame)
        inside = np.zeros(canvas.shape[:2], np.uint8)
        cv2.fillPoly(inside, [_fixed(corners)], (1,), shift=_SHIFT)
        part = canvas[top : top + high, left : left + wide]
        outside = inside[top : top + high, left : left + wide] == 0
        dimmed = part[outside] * (1 - _OUTSIDE) + np.array(ground) * _OUTSIDE
        part[outside] = np.rint(dimmed).astype(np.uint8)
        thick = round(1.5 * stroke)
        # Along the frame's edge the outline lies inside, or half of it would be cut off.
        first = np.array([left, top]) + thick / 2
        last = np.maximum(first, np.array([left + wide, top + high]) - thick / 2 - 1)
        line = [_fixed(np.clip(corners, first, last))]
        for colour, width in (((0, 0, 0), thick + 2), (_SHARED, thick)):
            cv2.polylines(canvas, line, True, colour, width, cv2.LINE_AA, _SHIFT)


def _join(canvas: Picture, ours: Floats, theirs: Floats, stroke: float) -> None:
    """Lines between points (m, 2), each with a mark at either end."""
    # From top to bottom, so that neighbours on the picture are neighbours in the list of colours.
    order = np.argsort(ours[:, 1], kind="stable")
    ends = [(_fixed(ours[place]).tolist(), _fixed(theirs[place]).tolist()) for place in order]
    radius = round((1.5 * stroke + 1) * (1 << _SHIFT))
    thin, thick = max(1, round(stroke)), round(stroke + 2)
    seams = canvas.copy()
    for one, other in ends:
        cv2.line(seams, one, other, (0, 0, 0), thick, cv2.LINE_AA, _SHIFT)
    cv2.addWeighted(seams, _SEAM, canvas, 1 - _SEAM, 0, canvas)
    for number, (one, other) in enumerate(ends):
        colour = _LINES[number % len(_LINES)]
        cv2.line(canvas, one, other, colour, thin, cv2.LINE_AA, _SHIFT)
    for number, pair in enumerate(ends):
        for end in pair:
            edge = radius + (1 << _SHIFT)
            cv2.circle(canvas, end, edge, (0, 0, 0), -1, cv2.LINE_AA, _SHIFT)
            colour = _LINES[number % len(_LINES)]
            cv2.circle(canvas, end, radius, colour, -1, cv2.LINE_AA, _SHIFT)
