"""Do the local features of two pictures lie in one arrangement? The transform that says so.

Each pair of features alone proposes a similarity (shift, scale and rotation follow from place,
size and angle of both), so every proposal is tried and nothing is left to chance, unlike RANSAC
(Fischler and Bolles, 1981); see Perdoch, Chum and Matas, "Efficient representation of local
geometry for large scale object retrieval" (2009). The best is refined by least squares.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from matching.engine.local import Patches

Floats = NDArray[np.float64]
Matrix = NDArray[np.float64]

# Bits of 128 in which the signatures of one patch differ after re-encoding: nearly always fewer.
MOST_BITS: Final = 30
# Pixels of a picture some 320 wide: first by one pair's own size and angle, then as fitted.
_NEAR: Final = 8.0
_NEAR_WHEN_FITTED: Final = 4.0
_SIZES_APART: Final = 0.7
_TURN_APART: Final = np.radians(25.0)
_SMALLEST: Final = 0.15
_LEAST: Final = 3
_CELL: Final = 5.0
# Pooled over many frames: the pixels that may be missed, step by step.
_POOLED: Final = (8.0, 5.0, 3.0, 3.0)
_POOLED_LEAST: Final = 6
_STRETCH: Final = 1.6


@dataclass(frozen=True)
class Agreement:
    """matrix (2, 3) takes the query's pixels to the reference's; query and reference (m, 2) are the
    points that agree; distinct counts the different places among them on the poorer side."""

    matrix: Matrix
    query: Floats
    reference: Floats
    distinct: int


def moved(matrix: Matrix, points: NDArray[Any]) -> Floats:
    """Points (n, 2) under a matrix (2, 3)."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], dtype=np.float64)


def scale_of(matrix: Matrix) -> float:
    """By how much a matrix (2, 3) enlarges, as a length."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def joined(after: Matrix, before: Matrix) -> Matrix:
    """The matrix (2, 3) that does `before` and then `after`."""
    low = np.array([[0.0, 0.0, 1.0]])
    return np.asarray((np.vstack((after, low)) @ np.vstack((before, low)))[:2])


def inverse(matrix: Matrix) -> Matrix:
    """The way back; numpy's LinAlgError when there is none."""
    turned = np.linalg.inv(matrix[:, :2])
    return np.hstack((turned, -(turned @ matrix[:, 2:])))


def agreement(query: Patches, reference: Patches) -> Agreement | None:
    """The best arrangement that patches of two pictures share, or None below three."""
    if min(len(query), len(reference)) < _LEAST:
        return None
    ours, theirs = query.signature.view(np.uint64), reference.signature.view(np.uint64)
    different = np.bitwise_count(ours[:, None, :] ^ theirs[None, :, :])
    bits = different[:, :, 0] + different[:, :, 1]
    nearest = bits.argmin(axis=1)
    known = np.flatnonzero(bits[np.arange(len(bits)), nearest] <= MOST_BITS)
    if len(known) < _LEAST:
        return None
    other = nearest[known]
    q, r = query.xy[known].astype(np.float64), reference.xy[other].astype(np.float64)
    size = (reference.size[other] / query.size[known]).astype(np.float64)
    turn = np.radians((reference.angle[other] - query.angle[known]).astype(np.float64))
    return _arranged(q, r, size, turn)


def _arranged(q: Floats, r: Floats, size: Floats, turn: Floats) -> Agreement | None:
    room = np.clip(size, 1.0, 3.0)
    alike = _alike(size, turn)
    same = (_missed(q, r, size, turn) < _NEAR * room[:, None]) & alike
    same[(size < _SMALLEST) | (size > 1 / _SMALLEST)] = False
    best = int(np.count_nonzero(same, axis=1).argmax())
    inside, matrix = same[best], None
    for _ in range(4):
        matrix = similarity(q[inside], r[inside]) if np.count_nonzero(inside) >= _LEAST else None
        if matrix is None:
            return None
        error = np.abs(moved(matrix, q) - r).max(axis=1)
        before, inside = inside, (error < _NEAR_WHEN_FITTED * room[best]) & alike[best]
        if np.array_equal(before, inside):
            break
    if matrix is None or np.count_nonzero(inside) < _LEAST:
        return None
    return Agreement(matrix, q[inside], r[inside], min(_places(q[inside]), _places(r[inside])))


def _alike(size: Floats, turn: Floats) -> NDArray[np.bool_]:
    """Which pairs of features (m, m) are enlarged and turned about alike."""
    logs, turns = np.log(size), np.mod(turn, 2 * np.pi)
    apart = np.abs(turns[:, None] - turns[None])
    alike = (apart < _TURN_APART) | (apart > 2 * np.pi - _TURN_APART)
    return np.asarray(alike & (np.abs(logs[:, None] - logs[None]) < _SIZES_APART))


def _missed(q: Floats, r: Floats, size: Floats, turn: Floats) -> Floats:
    """Pixels, across or down, by which the similarity that each pair of features proposes by
    itself misses every other: (m, m)."""
    # As complex numbers a similarity is one product and one sum.
    ours, theirs = q[:, 0] + 1j * q[:, 1], r[:, 0] + 1j * r[:, 1]
    enlarged = size * np.exp(1j * turn)
    missed = np.multiply.outer(enlarged, ours)
    missed += (theirs - enlarged * ours)[:, None] - theirs
    return np.maximum(np.abs(missed.real), np.abs(missed.imag))


def _places(points: Floats) -> int:
    """Different places among points (n, 2): features at one spot are one witness."""
    cells = (points / _CELL).astype(np.int64)
    return len(np.unique(cells[:, 0] * 100_000 + cells[:, 1]))


def similarity(q: Floats, r: Floats) -> Matrix | None:
    """Least squares similarity (2, 3) from points (m, 2) to points (m, 2); None if all are one."""
    middle_q, middle_r = q.mean(axis=0), r.mean(axis=0)
    x, y = q - middle_q, r - middle_r
    spread = float((x**2).sum())
    if spread < 1e-6:
        return None
    a = float((x * y).sum()) / spread
    b = float((x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]).sum()) / spread
    turned = np.array([[a, -b], [b, a]])
    return np.hstack((turned, (middle_r - turned @ middle_q)[:, None]))


def affine(q: Floats, r: Floats) -> Matrix | None:
    """Least squares affine map (2, 3), for stretched pictures; None if it would squash them."""
    ones = np.hstack((q, np.ones((len(q), 1))))
    solved, _, rank, _ = np.linalg.lstsq(ones, r, rcond=None)
    if rank < 3:
        return None
    matrix = np.asarray(solved.T)
    long, short = np.linalg.svd(matrix[:, :2], compute_uv=False)
    return matrix if long < _STRETCH * short else None


def pooled(first: Matrix, q: Floats, r: Floats) -> list[Matrix]:
    """Finer maps from the points (m, 2) of many frames that lie under one: `first` leads.

    Empty when the points do not hold together.
    """
    matrix, room = first, float(np.clip(scale_of(first), 1.0, 3.0))
    inside = np.zeros(len(q), np.bool_)
    for limit in _POOLED:
        inside = np.abs(moved(matrix, q) - r).max(axis=1) < limit * room
        fitted = similarity(q[inside], r[inside]) if inside.sum() >= _POOLED_LEAST else None
        if fitted is None:
            return []
        matrix = fitted
    stretched = affine(q[inside], r[inside]) if inside.sum() >= 2 * _POOLED_LEAST else None
    return [matrix] if stretched is None else [matrix, stretched]


def flip(width: float) -> Matrix:
    """Takes pixels of a picture that wide to those of its mirror image, and back."""
    return np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0]])
