"""How one picture shows another, in words people use: mirrored, turned, cropped, inset, stretched.

The engine lays pictures over each other in pixels; what is kept and told is in shares of either
picture, so that it fits any size at which the pictures are shown.
"""

from dataclasses import astuple, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.engine.geometry import Matrix, inverse, joined, moved
from matching.engine.regions import Box

Floats = NDArray[np.float64]
Size = tuple[int, int]

_UNIT: Final = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
# Maps are found from points that are off by a pixel or two: so much of a picture is all of it,
# and turns and stretches below these are none.
_WHOLE: Final = 0.95
_LEAST_TURN: Final = 1.0
_LEAST_STRETCH: Final = 0.05


@dataclass(frozen=True)
class Transform:
    """What was done to the reference's picture to get the query's.

    mirrored: left and right are exchanged. rotation: degrees clockwise (-180 to 180) by which it
    was turned, before it was mirrored. stretch: how much wider for its height it became, 1 for not
    at all. crop: the box of the reference's picture that is seen, None for (nearly) all of it;
    inset: the box of the query's picture in which it is seen, None likewise. Boxes stand upright
    around what may be turned; shown and filled (0 to 1) are the true shares of the reference's
    picture that is seen and of the query's that it fills.
    """

    mirrored: bool
    rotation: float
    stretch: float
    crop: Box | None
    inset: Box | None
    shown: float
    filled: float

    def words(self) -> list[str]:
        """The same for people; empty when the picture is as it was."""
        told = ["mirrored"] if self.mirrored else []
        if round(abs(self.rotation)) == 180:
            told.append("upside down")
        elif abs(self.rotation) >= _LEAST_TURN:
            side = "right" if self.rotation > 0 else "left"
            told.append(f"turned by {abs(self.rotation):.0f}° to the {side}")
        if abs(self.stretch - 1) >= _LEAST_STRETCH:
            told.append("stretched" if self.stretch > 1 else "squeezed")
        if self.crop is not None:
            told.append(f"cropped to {self.shown:.0%} of the reference's picture")
        if self.inset is not None:
            told.append(f"inset, {self.filled:.0%} of the query's picture")
        return told


@dataclass(frozen=True)
class Outline:
    """What two pictures share: the same polygon as corners (k, 2) float64 in shares of either."""

    query: Floats
    reference: Floats


def in_shares(matrix: Matrix, query: Size, reference: Size) -> Matrix:
    """A matrix (2, 3) between pixels as one between shares of the pictures, 0 to 1 both.

    query and reference are widths and heights in pixels. Pixel 0 has its middle at 0 and its left
    edge at -0.5, as OpenCV counts; share 0 is that edge.
    """
    return joined(inverse(_pixels(reference)), joined(matrix, _pixels(query)))


def point_shares(points: Floats, size: Size) -> Floats:
    """Points (n, 2) in pixels as shares of a picture of that width and height."""
    return moved(inverse(_pixels(size)), points)


def _pixels(size: Size) -> Matrix:
    """Takes shares of a picture to its pixels."""
    return np.array([[size[0], 0.0, -0.5], [0.0, size[1], -0.5]])


def outline(matrix: Matrix) -> Outline | None:
    """What lies in both pictures, `matrix` (2, 3) taking the query's shares to the reference's.

    None when that is nothing. Raises numpy's LinAlgError for a matrix that flattens the picture.
    """
    back = inverse(matrix)
    corners = moved(matrix, _UNIT)
    for axis in (0, 1):
        for edge, inside in ((0.0, 1.0), (1.0, -1.0)):
            corners = _cut(corners, axis, edge, inside)
            if len(corners) < 3:
                return None
    return Outline(np.clip(moved(back, corners), 0, 1), np.clip(corners, 0, 1))


def _cut(corners: Floats, axis: int, edge: float, inside: float) -> Floats:
    """A polygon cut along a line (Sutherland and Hodgman, 1974); `inside` is the side's sign."""
    depth = (corners[:, axis] - edge) * inside
    kept: list[Floats] = []
    for place in range(len(corners)):
        one, other = depth[place - 1], depth[place]
        if (one >= 0) != (other >= 0):
            share = one / (one - other)
            kept.append(corners[place - 1] + share * (corners[place] - corners[place - 1]))
        if other >= 0:
            kept.append(corners[place])
    return np.array(kept).reshape(-1, 2)


def transform(matrix: Matrix, query: Size, reference: Size) -> Transform | None:
    """The transform that `matrix` (2, 3), from the query's shares to the reference's, stands for.

    query and reference are widths and heights, of which only the proportion counts. None when the
    two pictures share nothing. Raises numpy's LinAlgError as `outline` does.
    """
    both = outline(matrix)
    if both is None:
        return None
    linear = np.diag(reference) @ matrix[:, :2] @ np.diag(1 / np.array(query, np.float64))
    mirrored = bool(np.linalg.det(linear) < 0)
    across, down = np.hypot(*linear[:, 0]), np.hypot(*linear[:, 1])
    # The turn is read from the query unmirrored and unstretched.
    upright = linear @ np.diag([(-1.0 if mirrored else 1.0) / across, 1.0 / down])
    turn = np.degrees(np.arctan2(upright[1, 0] - upright[0, 1], upright[0, 0] + upright[1, 1]))
    return Transform(
        mirrored=mirrored,
        # Not -turn: that would make no turn at all a -0.
        rotation=0.0 - float(turn),
        stretch=float(down / across),
        crop=_part(both.reference),
        inset=_part(both.query),
        shown=_area(both.reference),
        filled=_area(both.query),
    )


def sides(box: Box | None) -> list[float] | None:
    """Left, top, width and height as they are told; None stays None, for the whole picture."""
    return None if box is None else [round(side, 4) for side in astuple(box)]


def _area(corners: Floats) -> float:
    """Of a polygon (k, 2): the shoelace formula."""
    x, y = corners.T
    return min(1.0, float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2)


def _part(corners: Floats) -> Box | None:
    """The box around a polygon in shares (k, 2), None when it is nearly the whole picture."""
    left, top = corners.min(axis=0).tolist()
    width, height = np.ptp(corners, axis=0).tolist()
    return Box(left, top, width, height) if width * height < _WHOLE else None
