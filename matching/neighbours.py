"""Nearest shots of the library by a descriptor of real numbers, by its HNSW index.

The colours that come with tvidz and the operator's own descriptor are asked alike. A distance
alone says little, so none is told without the descriptor's calibration.
"""

import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from numpy.typing import NDArray

from matching.described import Described, shot_heads
from matching.engine.descriptors import HSV108, Descriptor
from matching.engine.nearness import Nearness
from matching.engine.version import ENGINE_VERSION
from matching.fingerprint import VideoFingerprint
from matching.models import DescriptorCalibration, DescriptorVector, FeatureVector
from matching.own_descriptor import own_descriptor
from videos.models import MediaType

# Rows an HNSW search keeps in sight: 100 found all of the nearest ten among colours.
IN_SIGHT = 100


class UnknownDescriptor(LookupError):
    """There is no descriptor of real numbers of that name; the message names those there are."""


class Uncalibrated(LookupError):
    """Nobody has measured what a descriptor's distances mean; the message says how to."""


@dataclass(frozen=True)
class Neighbour:
    """A library shot near one of the query's: its head at `time`, the query's at `query_time`, s.

    `confidence` is the calibrated probability, 0 to 1, that both show the same scene.
    """

    video_id: uuid.UUID
    query_time: float
    time: float
    distance: float
    confidence: float


def vector_descriptors() -> dict[str, Descriptor]:
    """The descriptors shots can be asked for by, by name; raises ModelUnusable."""
    own = own_descriptor()
    known = (HSV108,) if own is None else (HSV108, own)
    return {each.name: each for each in known}


def vector_descriptor(name: str) -> Descriptor:
    """The descriptor of that name; raises UnknownDescriptor, ModelUnusable."""
    known = vector_descriptors()
    if name not in known:
        hint = "" if settings.TVIDZ.onnx_model else "; TVIDZ_ONNX_MODEL sets one of your own"
        raise UnknownDescriptor(f"No descriptor {name} here, only {', '.join(known)}{hint}.")
    return known[name]


def shelf(descriptor: Descriptor) -> QuerySet[Any]:
    """The library's rows that hold `descriptor`, one a shot, in its column."""
    if descriptor is HSV108:
        return FeatureVector.objects.filter(
            version=ENGINE_VERSION, media_type=MediaType.VIDEO, colour__isnull=False
        )
    return DescriptorVector.objects.filter(name=descriptor.name, version=descriptor.version)


def heads(fingerprint: VideoFingerprint, descriptor: Descriptor) -> Described:
    """What `descriptor` makes of the shot heads of a query."""
    if descriptor is not HSV108:
        if fingerprint.own is None or fingerprint.own.descriptor.version != descriptor.version:
            raise ValueError("the fingerprint was made without this descriptor")
        return fingerprint.own
    index = fingerprint.index
    times = fingerprint.regions[0].track.times[index.position]
    chosen = shot_heads(times, fingerprint.cuts)
    return Described(HSV108, times[chosen], index.number[chosen], index.colours[chosen])


def curve(descriptor: Descriptor) -> Nearness:
    """What the descriptor's distances mean; raises Uncalibrated."""
    row = DescriptorCalibration.objects.filter(
        name=descriptor.name, version=descriptor.version
    ).first()
    if row is None:
        raise Uncalibrated(
            f"The descriptor {descriptor.name} (version {descriptor.version}) is not calibrated "
            f"in this library. Run: manage.py descriptor calibrate --name {descriptor.name}"
        )
    return Nearness(row.intercept, row.slope)


NEIGHBOURS = """
SELECT asked.number, near.video_id, near.timestamp, near.distance
FROM unnest(%(numbers)s::int[], %(vectors)s::text[]) AS asked(number, vector)
CROSS JOIN LATERAL (
    SELECT video_id, timestamp, {held} {operator} asked.vector::{kind} AS distance
    FROM {table}
    WHERE {condition} AND video_id IS DISTINCT FROM %(exclude)s
    ORDER BY {held} {operator} asked.vector::{kind}
    LIMIT %(most)s
) AS near
"""


def statement(descriptor: Descriptor) -> str:
    """The search in SQL; its conditions and expression are those of the descriptor's index."""
    kind = f"vector({descriptor.dimension})"
    own = descriptor is not HSV108
    return NEIGHBOURS.format(
        kind=kind,
        operator="<=>" if descriptor.distance == "cosine" else "<->",
        table=(DescriptorVector if own else FeatureVector)._meta.db_table,
        held=f"(vector::{kind})" if own else "colour",
        condition="name = %(name)s AND version = %(version)s"
        if own
        else "media_type = %(media_type)s AND version = %(version)s",
    )


def parameters(
    descriptor: Descriptor, vectors: NDArray[np.float32], most: int, exclude: uuid.UUID | None
) -> dict[str, Any]:
    """What `statement(descriptor)` asks with for vectors (n, d)."""
    return {
        "numbers": list(range(len(vectors))),
        "vectors": [str(vector.tolist()) for vector in vectors],
        "name": descriptor.name,
        "media_type": MediaType.VIDEO,
        "version": ENGINE_VERSION if descriptor is HSV108 else descriptor.version,
        "most": most,
        "exclude": exclude,
    }


def nearest(asked: Described, most: int = 10, exclude: uuid.UUID | None = None) -> list[Neighbour]:
    """Up to `most` library shots near each of the query's, nearest first; one statement for all.

    `exclude` leaves one video (the query itself) out. Raises Uncalibrated.
    """
    meaning = curve(asked.descriptor)
    if not len(asked.vectors):
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        prefer_index(cursor)
        cursor.execute(
            statement(asked.descriptor),
            parameters(asked.descriptor, asked.vectors, most, exclude),
        )
        rows = sorted(cursor.fetchall(), key=lambda row: row[3])
    confidence = meaning.probability(np.array([row[3] for row in rows]))
    times = asked.times.tolist()
    return [
        Neighbour(video, times[number], float(time), float(distance), float(sure))
        for (number, video, time, distance), sure in zip(rows, confidence, strict=True)
    ]


def prefer_index(cursor: Any) -> None:
    """Make the planner take the HNSW index in small libraries, too; for this transaction alone."""
    # Reading and sorting all rows is cheaper by its count while they are few. LOCAL: a pooled
    # connection must not carry this into another request.
    for name in ("enable_seqscan", "enable_sort", "jit"):
        cursor.execute(f"SET LOCAL {name} = off")
    cursor.execute(f"SET LOCAL hnsw.ef_search = {IN_SIGHT}")
