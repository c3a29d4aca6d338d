"""The search index in PostgreSQL: storing a fingerprint, drawing candidates from what is stored.

Another engine (a vector database, say) would replace this file and nothing else.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from numpy.typing import NDArray

from matching.engine.bands import bands
from matching.engine.cuts import cut_tokens
from matching.engine.hashing import to_bit_string
from matching.engine.tracks import Track
from matching.engine.voting import VotingSettings
from matching.fingerprint import VideoFingerprint, packed, unpacked
from matching.models import CutToken, FeatureVector, Fingerprint
from videos.models import FrameInfo, MediaType, SceneCuts

# Frames below this quality (0 to 100) are too flat to propose anything; PDQ's own advice.
LEAST_QUALITY = 50
ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Drawn:
    """Index rows near the query's hashes, as parallel arrays (k,).

    `query` indexes the hashes that were asked for, `video` the list `videos`; `region` is the
    library side's; `time` is in seconds, `distance` in bits.
    """

    videos: tuple[uuid.UUID, ...]
    query: NDArray[np.int64]
    video: NDArray[np.int64]
    region: NDArray[np.int64]
    time: NDArray[np.float64]
    distance: NDArray[np.float64]


def store(video_id: uuid.UUID, fingerprint: VideoFingerprint) -> None:
    """Make a video searchable, whole or not at all; replaces what an earlier run stored.

    Call it inside the transaction that fences the analysis.
    """
    with transaction.atomic():
        for model in (Fingerprint, FeatureVector, CutToken):
            model.objects.filter(video_id=video_id, version=fingerprint.version).delete()
        packed(video_id, fingerprint).save(force_insert=True)
        FeatureVector.objects.bulk_create(
            _feature_vectors(video_id, fingerprint), batch_size=ROWS_AT_ONCE
        )
        made = cut_tokens(fingerprint.cuts, fingerprint.duration, neighbours=False)
        CutToken.objects.bulk_create(
            [
                CutToken(
                    video_id=video_id,
                    version=fingerprint.version,
                    token=token,
                    time=time,
                    span=span,
                )
                for (token, time), span in {
                    (token, time): span
                    for token, time, span in zip(
                        made.token.tolist(), made.time.tolist(), made.span.tolist(), strict=True
                    )
                }.items()
            ],
            batch_size=ROWS_AT_ONCE,
        )


def _feature_vectors(video_id: uuid.UUID, fingerprint: VideoFingerprint) -> list[FeatureVector]:
    frames = dict(FrameInfo.objects.filter(video_id=video_id).values_list("frame_number", "pk"))
    index = fingerprint.index
    heads = _shot_heads(fingerprint)
    rows = []
    for region, held in enumerate(fingerprint.regions):
        hashes = held.track.hashes[index.position]
        banded = bands(hashes)
        for place, position in enumerate(index.position):
            quality = int(held.track.quality[position])
            number = int(index.number[place])
            coloured = region == 0 and bool(heads[place])
            rows.append(
                FeatureVector(
                    frame_id=frames[number],
                    video_id=video_id,
                    version=fingerprint.version,
                    region=region,
                    media_type=fingerprint.media_type,
                    frame_number=number,
                    timestamp=float(held.track.times[position]),
                    quality=quality,
                    hash=to_bit_string(hashes[place]),
                    bands=banded[place].tolist() if quality >= LEAST_QUALITY else [],
                    colour=index.colours[place] if coloured else None,
                )
            )
    return rows


def _shot_heads(fingerprint: VideoFingerprint) -> NDArray[np.bool_]:
    """Mask of the first index frame of each shot: those the colour index holds."""
    times = fingerprint.regions[0].track.times[fingerprint.index.position]
    shot = np.searchsorted(fingerprint.cuts, times, side="right")
    heads = np.ones(len(times), bool)
    heads[1:] = shot[1:] != shot[:-1]
    return heads


CANDIDATES = """
SELECT asked.number, near.video_id, near.region, near.timestamp, near.distance
FROM unnest(%(numbers)s::int[], %(hashes)s::text[], %(bands)s::text[])
     AS asked(number, hash, bands)
CROSS JOIN LATERAL (
    SELECT found.video_id, found.region, found.timestamp,
           found.hash <~> asked.hash::bit(256) AS distance
    FROM (
        SELECT video_id, region, timestamp, hash
        FROM matching_featurevector
        WHERE bands && asked.bands::int[] AND version = %(version)s
        LIMIT %(most)s
    ) AS found
    WHERE found.hash <~> asked.hash::bit(256) <= %(distance)s
) AS near
WHERE near.video_id IS DISTINCT FROM %(exclude)s
"""


def draw(hashes: NDArray[np.uint8], version: str, exclude: uuid.UUID | None) -> Drawn:
    """Library frames that share a 16-bit band with one of `hashes` (n, 32) and lie near it.

    One statement for the whole query; it is an exact search up to 15 bits and finds nearly all
    up to 31. `exclude` leaves one video (the query itself) out.
    """
    if not len(hashes):
        return _drawn([])
    parameters: dict[str, Any] = {
        "numbers": list(range(len(hashes))),
        "hashes": [to_bit_string(packed_hash) for packed_hash in hashes],
        "bands": ["{" + ",".join(map(str, row)) + "}" for row in bands(hashes).tolist()],
        "version": version,
        "most": settings.TVIDZ.max_rows_per_hash,
        "distance": VotingSettings().max_distance,
        "exclude": exclude,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        _prefer_indexes(cursor)
        cursor.execute(CANDIDATES, parameters)
        return _drawn(cursor.fetchall())


def _prefer_indexes(cursor: object) -> None:
    # The planner cannot know how few rows share a band with an array it has not seen, and in a
    # small library it likes to read the whole table once a frame. LOCAL: a pooled connection
    # must not carry this into another request.
    cursor.execute("SET LOCAL enable_seqscan = off")  # type: ignore[attr-defined]
    cursor.execute("SET LOCAL jit = off")  # type: ignore[attr-defined]


def _drawn(rows: Sequence[tuple[int, uuid.UUID, int, float, float]]) -> Drawn:
    videos = tuple(sorted({row[1] for row in rows}))
    number = {video: place for place, video in enumerate(videos)}
    return Drawn(
        videos,
        np.array([row[0] for row in rows], np.int64),
        np.array([number[row[1]] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.int64),
        np.array([row[3] for row in rows], np.float64),
        np.array([row[4] for row in rows], np.float64),
    )


@dataclass(frozen=True)
class LibraryVideo:
    """What verification needs of a library video: dense tracks by region, scene cuts in seconds."""

    video_id: uuid.UUID
    media_type: str
    tracks: tuple[Track, ...]
    cuts: NDArray[np.float64]


def library_videos(video_ids: Sequence[uuid.UUID], version: str) -> Iterator[LibraryVideo]:
    """The ready ones among `video_ids`, one at a time: an hour of video is half a megabyte."""
    cuts = dict(
        SceneCuts.objects.filter(video_id__in=video_ids).values_list("video_id", "timestamps")
    )
    rows = Fingerprint.objects.filter(video_id__in=video_ids, version=version, ready=True)
    for row in rows.iterator():
        own = np.array(cuts.get(row.video_id, []), np.float64)
        yield LibraryVideo(row.video_id, row.media_type, unpacked(row), own)


CUT_CANDIDATES = """
SELECT library.video_id, asked.time, asked.span, library.time, library.span
FROM unnest(%(tokens)s::bigint[], %(times)s::float8[], %(spans)s::float8[])
     AS asked(token, time, span)
JOIN matching_cuttoken AS library USING (token)
WHERE library.version = %(version)s AND library.video_id IS DISTINCT FROM %(exclude)s
LIMIT %(most)s
"""


def draw_cuts(
    fingerprint: VideoFingerprint, exclude: uuid.UUID | None
) -> dict[uuid.UUID, set[tuple[float, float]]]:
    """Library videos that share cut tokens with the query: (offset in s, speed) of each sharing.

    Library second = offset + speed * query second.
    """
    asked = cut_tokens(fingerprint.cuts, fingerprint.duration, neighbours=True)
    found: dict[uuid.UUID, set[tuple[float, float]]] = {}
    if not len(asked.token):
        return found
    with transaction.atomic(), connection.cursor() as cursor:
        _prefer_indexes(cursor)
        cursor.execute(
            CUT_CANDIDATES,
            {
                "tokens": asked.token.tolist(),
                "times": asked.time.tolist(),
                "spans": asked.span.tolist(),
                "version": fingerprint.version,
                "exclude": exclude,
                "most": settings.TVIDZ.max_rows_per_hash,
            },
        )
        for video_id, query_time, query_span, time, span in cursor.fetchall():
            # Spans are read to a frame; a hundredth is all the speed they can tell.
            speed = round(span / query_span, 2)
            found.setdefault(video_id, set()).add((round(time - speed * query_time, 1), speed))
    return found


SAME_CUTS = """
SELECT video_id FROM videos_scenecuts
WHERE (timestamps @> %(cuts)s::float8[] OR timestamps <@ %(cuts)s::float8[])
  AND cardinality(timestamps) >= %(least)s AND video_id IS DISTINCT FROM %(exclude)s
LIMIT %(most)s
"""


def same_cuts(cuts: Sequence[float], exclude: uuid.UUID | None) -> list[uuid.UUID]:
    """Videos whose cut times contain all of `cuts` (s), or are contained in them.

    Unshifted copies only (a re-mux, the first part of a film); shifted ones are the tokens' work.
    """
    least = settings.TVIDZ.cuts_to_propose
    if len(cuts) < least:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        _prefer_indexes(cursor)
        cursor.execute(
            SAME_CUTS,
            {
                "cuts": list(cuts),
                "least": least,
                "exclude": exclude,
                "most": settings.TVIDZ.max_candidates,
            },
        )
        return [row[0] for row in cursor.fetchall()]


COLOUR_NEIGHBOURS = """
SELECT video_id, timestamp, colour <-> %(vector)s::vector AS distance
FROM matching_featurevector
WHERE media_type = %(media_type)s AND version = %(version)s
ORDER BY colour <-> %(vector)s::vector
LIMIT %(most)s
"""


def nearest_colours(
    vector: NDArray[np.float32], version: str, most: int
) -> list[tuple[uuid.UUID, float, float]]:
    """Shots of videos nearest in colour to `vector` (108,): video, second, distance, best first."""
    with transaction.atomic(), connection.cursor() as cursor:
        _prefer_indexes(cursor)
        cursor.execute("SET LOCAL hnsw.ef_search = 100")
        cursor.execute(
            COLOUR_NEIGHBOURS,
            {
                "vector": str(vector.tolist()),
                "media_type": MediaType.VIDEO,
                "version": version,
                "most": most,
            },
        )
        return [(video, float(time), float(distance)) for video, time, distance in cursor]
