"""Keeping the operator's own descriptor: filling in what is missing, its index, what is left over.

Nothing is decoded again: the stored evidence pictures are the frames as the descriptor saw them,
but for JPEG's loss.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from django.db import connection
from django.db.models import Count, Exists, OuterRef, QuerySet

from matching.described import described, shot_heads, store_described
from matching.engine.descriptors import Descriptor
from matching.engine.version import ENGINE_VERSION
from matching.models import DescriptorCalibration, DescriptorVector, Fingerprint
from videos.evidence import evidence_pictures
from videos.models import MediaType, SceneCuts, Video

OPERATOR_CLASS = {"cosine": "vector_cosine_ops", "l2": "vector_l2_ops"}


@dataclass(frozen=True)
class Stored:
    """What the library holds of one version of a descriptor."""

    name: str
    version: str
    shots: int
    videos: int
    indexed: bool
    calibrated: bool


def lacking(descriptor: Descriptor) -> QuerySet[Video]:
    """Videos in the library without any vector of this version."""
    vectors = DescriptorVector.objects.filter(
        video=OuterRef("pk"), name=descriptor.name, version=descriptor.version
    )
    searchable = Fingerprint.objects.filter(
        video=OuterRef("pk"), version=ENGINE_VERSION, ready=True
    )
    return Video.objects.filter(Exists(searchable), media_type=MediaType.VIDEO).exclude(
        Exists(vectors)
    )


def backfill(descriptor: Descriptor) -> Iterator[tuple[Video, int | None]]:
    """Describe the videos that lack it, one by one: how many shots, None if its pictures are gone.

    Cut off and begun again, it goes on with the rest.
    """
    for video in lacking(descriptor).order_by("uploaded_at").iterator():
        cuts = SceneCuts.objects.filter(video=video).values_list("timestamps", flat=True).first()
        frames = list(video.frames.order_by("timestamp"))
        times = np.array([frame.timestamp for frame in frames], np.float64)
        chosen = shot_heads(times, np.array(cuts or [], np.float64))
        heads = [frame for frame, head in zip(frames, chosen.tolist(), strict=True) if head]
        try:
            made = described(
                descriptor,
                [
                    (frame.timestamp, frame.frame_number, descriptor.compute(picture[None])[0])
                    for frame, picture in evidence_pictures(video, heads)
                ],
            )
        except FileNotFoundError:
            yield video, None
            continue
        store_described(video.id, made)
        yield video, len(made.vectors)


def index_name(name: str, version: str) -> str:
    return f"idx_descriptor_{name}_{version}"


def make_index(descriptor: Descriptor) -> None:
    """Make the HNSW index over this version's vectors, in place of one that was cut off.

    CONCURRENTLY, because analyses go on writing; so it cannot stand in a transaction.
    """
    index = index_name(descriptor.name, descriptor.version)
    if _is_valid(index):
        return
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {index}")
        cursor.execute(
            f"CREATE INDEX CONCURRENTLY {index} ON {DescriptorVector._meta.db_table} "
            f"USING hnsw ((vector::vector({descriptor.dimension})) "
            f"{OPERATOR_CLASS[descriptor.distance]}) WITH (m = 16, ef_construction = 64) "
            f"WHERE name = %s AND version = %s",
            [descriptor.name, descriptor.version],
        )


def _is_valid(index: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [index]
        )
        found = cursor.fetchone()
    return bool(found and found[0])


def stored() -> list[Stored]:
    """Every version of every own descriptor that the library holds vectors of."""
    calibrated = set(DescriptorCalibration.objects.values_list("name", "version"))
    rows = (
        DescriptorVector.objects.order_by("name", "version")
        .values_list("name", "version")
        .annotate(Count("pk"), Count("video", distinct=True))
    )
    return [
        Stored(
            name,
            version,
            shots,
            videos,
            _is_valid(index_name(name, version)),
            (name, version) in calibrated,
        )
        for name, version, shots, videos in rows
    ]


def forget(name: str, version: str) -> int:
    """Drop a version's index, vectors and calibration; how many vectors there were."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {index_name(name, version)}")
    DescriptorCalibration.objects.filter(name=name, version=version).delete()
    gone, _ = DescriptorVector.objects.filter(name=name, version=version).delete()
    return gone
