"""A descriptor of the operator's own, made of one frame a shot: such models are slow.

The first index frame of a shot is its head. Which frames are heads is certain only a moment
later, when the scene cuts are told; until then their pictures wait.
"""

import uuid
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from matching.engine.descriptors import Descriptor
from matching.models import DescriptorVector
from videos.models import FrameInfo

# A cut is told within the batch that ends a fifth of a second after it; a second is plenty.
SETTLED_AFTER: Final = 1.0
ROWS_AT_ONCE: Final = 500


@dataclass(frozen=True)
class Described:
    """Vectors (n, d) float32 of shot heads at `times` (n,) s; `numbers` (n,) are frame numbers.

    Frames of which the descriptor says nothing (a vector of zeros) are left out.
    """

    descriptor: Descriptor
    times: NDArray[np.float64]
    numbers: NDArray[np.int64]
    vectors: NDArray[np.float32]


class _Waiting(NamedTuple):
    time: float
    number: int
    picture: NDArray[np.uint8]


class HeadDescriber:
    """Takes batches as FingerprintBuilder does and runs the descriptor on shot heads alone."""

    def __init__(self, descriptor: Descriptor) -> None:
        self._descriptor = descriptor
        self._cuts: list[float] = []
        self._waiting: list[_Waiting] = []
        self._shot = -1
        self._heads: list[tuple[float, int, NDArray[np.float32]]] = []

    def add(
        self,
        pictures: NDArray[np.uint8],
        timestamps: NDArray[np.float64],
        numbers: NDArray[np.int64],
        index: NDArray[np.bool_],
        cuts: Sequence[float],
    ) -> None:
        """Take dense frames in order; `index` (n,) masks the index frames among them."""
        self._cuts = sorted([*self._cuts, *cuts])
        for place in np.flatnonzero(index):
            # A copy: a view would keep the whole batch.
            picture = pictures[place].copy()
            self._waiting.append(_Waiting(float(timestamps[place]), int(numbers[place]), picture))
        if len(timestamps):
            self._settle(float(timestamps[-1]) - SETTLED_AFTER)

    def described(self) -> Described:
        """What is known so far; asking changes nothing."""
        heads = [*self._heads, *self._described(self._heads_of(self._waiting))]
        return described(self._descriptor, heads)

    def _settle(self, until: float) -> None:
        settled = [each for each in self._waiting if each.time <= until]
        self._heads += self._described(self._heads_of(settled))
        if settled:
            self._shot = self._shot_of(settled[-1])
            del self._waiting[: len(settled)]

    def _shot_of(self, frame: _Waiting) -> int:
        return bisect_right(self._cuts, frame.time)

    def _heads_of(self, frames: Sequence[_Waiting]) -> list[_Waiting]:
        shots = [self._shot, *(self._shot_of(frame) for frame in frames)]
        return [
            frame
            for frame, shot, before in zip(frames, shots[1:], shots, strict=False)
            if shot != before
        ]

    def _described(
        self, frames: Sequence[_Waiting]
    ) -> list[tuple[float, int, NDArray[np.float32]]]:
        return [
            (frame.time, frame.number, self._descriptor.compute(frame.picture[None])[0])
            for frame in frames
        ]


def described(
    descriptor: Descriptor, heads: Sequence[tuple[float, int, NDArray[np.float32]]]
) -> Described:
    """Shot heads given as (time in s, frame number, vector), those without a vector left out."""
    telling = [head for head in heads if head[2].any()]
    return Described(
        descriptor,
        np.array([time for time, _, _ in telling], np.float64),
        np.array([number for _, number, _ in telling], np.int64),
        np.array([vector for _, _, vector in telling], np.float32).reshape(
            -1, descriptor.dimension
        ),
    )


def shot_heads(times: NDArray[np.float64], cuts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mask (n,) of the first frame of each shot; `times` (n,) and `cuts` in s, both ascending."""
    shot = np.searchsorted(cuts, times, side="right")
    heads = np.ones(len(times), bool)
    heads[1:] = shot[1:] != shot[:-1]
    return heads


def store_described(video_id: uuid.UUID, made: Described) -> None:
    """Store a video's vectors in place of those an earlier run stored under the same version."""
    own = {"name": made.descriptor.name, "version": made.descriptor.version}
    frames = dict(FrameInfo.objects.filter(video_id=video_id).values_list("frame_number", "pk"))
    rows = zip(made.times.tolist(), made.numbers.tolist(), made.vectors, strict=True)
    with transaction.atomic():
        DescriptorVector.objects.filter(video_id=video_id, **own).delete()
        DescriptorVector.objects.bulk_create(
            [
                DescriptorVector(
                    frame_id=frames[number], video_id=video_id, timestamp=time, vector=vector, **own
                )
                for time, number, vector in rows
            ],
            batch_size=ROWS_AT_ONCE,
        )
