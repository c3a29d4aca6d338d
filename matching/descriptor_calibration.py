"""What a descriptor's distances mean in this library, measured on the library itself.

Nobody has to label anything. A copy is a stored shot's own picture, or the next index frame of
the same shot, altered as copies are; a stranger is the nearest shot of any unrelated video to that
same altered picture. The nearest, because that is whom a search would show instead. The curve
says: if one of the two is shown, how likely is it the copy.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from django.db.models import CharField
from django.db.models.functions import MD5, Cast
from numpy.typing import NDArray

from matching.engine.alterations import ALTERATIONS, altered
from matching.engine.descriptors import Descriptor
from matching.engine.nearness import fit_nearness, held_out_error, separation
from matching.engine.version import ENGINE_VERSION
from matching.families import families
from matching.models import DescriptorCalibration
from matching.neighbours import shelf
from videos.evidence import evidence_pictures
from videos.models import FrameInfo, Video

MOST_SHOTS: Final = 20_000
MOST_PICTURES: Final = 300
LEAST_PICTURES: Final = 20
LEAST_FAMILIES: Final = 5


class TooLittle(Exception):
    """The library holds too little to measure anything; the message says what is missing."""


@dataclass(frozen=True)
class _Shots:
    """Stored shots: frame ids and families (n,), unit of vectors (n, d) as stored."""

    frame: NDArray[np.int64]
    video: list[uuid.UUID]
    family: NDArray[np.int64]
    vectors: NDArray[np.float32]


@dataclass(frozen=True)
class _Distances:
    """Distances (k,) of altered pictures to their own shot and to the nearest stranger."""

    own: NDArray[np.float64]
    stranger: NDArray[np.float64]
    family: NDArray[np.int64]
    pictures: int


def calibrate(
    descriptor: Descriptor, told: Callable[[int, int], None] | None = None
) -> DescriptorCalibration:
    """Measure, fit and store the curve of `descriptor`; replaces what was stored for its version.

    `told` hears how many pictures of how many are done. Raises TooLittle, and NotTelling where
    copies are no nearer than strangers.
    """
    shots = _shots(descriptor)
    if len(set(shots.family.tolist())) < LEAST_FAMILIES:
        raise TooLittle(
            f"At least {LEAST_FAMILIES} unrelated videos with this descriptor are needed; there "
            f"are {len(set(shots.family.tolist()))}. Is a backfill due?"
        )
    measured = _measured(descriptor, shots, told or (lambda done, total: None))
    if measured.pictures < LEAST_PICTURES:
        raise TooLittle(
            f"At least {LEAST_PICTURES} shots with evidence pictures are needed; there are "
            f"{measured.pictures}."
        )
    fitted = fit_nearness(measured.own, measured.stranger)
    row, _ = DescriptorCalibration.objects.update_or_create(
        name=descriptor.name,
        version=descriptor.version,
        defaults={
            "intercept": fitted.intercept,
            "slope": fitted.slope,
            "pictures": measured.pictures,
            "families": len(set(measured.family.tolist())),
            "separation": separation(measured.own, measured.stranger),
            "error": held_out_error(measured.own, measured.stranger, measured.family),
        },
    )
    return row


def _shots(descriptor: Descriptor) -> _Shots:
    """Shots of the library, at most so many, the same ones each time."""
    mixed = MD5(Cast("frame_id", CharField()))
    rows = (
        shelf(descriptor)
        .order_by(mixed)
        .values_list("frame_id", "video_id", descriptor.column)[:MOST_SHOTS]
    )
    frames, videos, vectors = zip(*rows, strict=True) if rows else ((), (), ())
    distinct = sorted(set(videos))
    family = dict(zip(distinct, families(distinct, ENGINE_VERSION).tolist(), strict=True))
    return _Shots(
        np.array(frames, np.int64),
        list(videos),
        np.array([family[video] for video in videos], np.int64),
        np.array([_numbers(vector) for vector in vectors], np.float32).reshape(
            len(vectors), descriptor.dimension
        ),
    )


def _numbers(vector: Any) -> Any:
    # pgvector gives arrays or its own Vector, as its adapter is registered or not.
    return vector.to_numpy() if hasattr(vector, "to_numpy") else vector


def _measured(
    descriptor: Descriptor, shots: _Shots, told: Callable[[int, int], None]
) -> _Distances:
    own, stranger, family = [], [], []
    pictures = 0
    chosen = _in_turns(shots)
    for done, place in enumerate(chosen, 1):
        copies = _copies(_pictures_of(shots, place), place)
        told(done, len(chosen))
        if not copies:
            continue
        pictures += 1
        distance = _distances(
            np.concatenate([descriptor.compute(each[None]) for each in copies]),
            shots.vectors,
            descriptor.distance,
        )
        own.append(distance[:, place])
        stranger.append(distance[:, shots.family != shots.family[place]].min(axis=1))
        family.append(np.full(len(copies), shots.family[place]))
    empty = [np.zeros(0)]
    return _Distances(
        np.concatenate(own or empty),
        np.concatenate(stranger or empty),
        np.concatenate(family or [np.zeros(0, np.int64)]),
        pictures,
    )


def _in_turns(shots: _Shots) -> list[int]:
    """Which shots to take pictures of: one of each family, another one of each, and so on."""
    turn: dict[int, int] = defaultdict(int)
    order = []
    for place, family in enumerate(shots.family.tolist()):
        order.append((turn[family], place))
        turn[family] += 1
    return [place for _, place in sorted(order)][:MOST_PICTURES]


def _pictures_of(shots: _Shots, place: int) -> list[NDArray[np.uint8]]:
    """The picture of a shot's head and of the next index frame, if that is in the same shot."""
    video = Video.objects.get(pk=shots.video[place])
    head = FrameInfo.objects.get(pk=int(shots.frame[place]))
    after = FrameInfo.objects.filter(video=video, frame_number__gt=head.frame_number)
    cuts = getattr(video, "scene_cuts", None)
    later = [cut for cut in (cuts.timestamps if cuts else []) if cut > head.timestamp]
    if later:
        after = after.filter(timestamp__lt=min(later))
    frames = [head, *after.order_by("frame_number")[:1]]
    try:
        return [picture for _, picture in evidence_pictures(video, frames)]
    except FileNotFoundError:
        return []


def _copies(pictures: list[NDArray[np.uint8]], seed: int) -> list[NDArray[np.uint8]]:
    """Each alteration once, of the shot's pictures in turn; nothing of nothing."""
    if not pictures:
        return []
    rng = np.random.default_rng(seed)
    return [
        altered(pictures[turn % len(pictures)], attack, rng)
        for turn, attack in enumerate(ALTERATIONS)
    ]


def _distances(
    asked: NDArray[np.float32], held: NDArray[np.float32], kind: str
) -> NDArray[np.float64]:
    """Distances (n, m) as PostgreSQL measures them; both of length 1 for "cosine"."""
    products = asked.astype(np.float64) @ held.T.astype(np.float64)
    if kind == "cosine":
        return 1 - products
    squares = (asked**2).sum(axis=1)[:, None] + (held**2).sum(axis=1)[None, :] - 2 * products
    return np.sqrt(np.maximum(squares, 0))
