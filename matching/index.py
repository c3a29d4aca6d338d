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
from pgvector import SparseVector

from matching.described import shot_heads, store_described
from matching.engine.bands import bands
from matching.engine.cuts import cut_tokens
from matching.engine.hashing import to_bit_string
from matching.engine.local import Patches
from matching.engine.local import unpacked as unpacked_patches
from matching.engine.regions import Box
from matching.engine.small import SmallFrames
from matching.engine.tracks import Track
from matching.engine.voting import VotingSettings
from matching.fingerprint import VideoFingerprint, packed, small_frames, unpacked
from matching.models import WORDS, CutToken, FeatureVector, Fingerprint
from videos.models import FrameInfo, MediaType, SceneCuts

# Frames below this quality (0 to 100) are too flat to propose anything; PDQ's own advice.
LEAST_QUALITY = 50
ROWS_AT_ONCE = 500
# Hashes, and frames by their words, that one statement asks for: a film's would take minutes.
HASHES_AT_ONCE = 4000
FRAMES_AT_ONCE = 16
# Frames with fewer different words cannot be told from others by geometry.
LEAST_WORDS = 8


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
        if fingerprint.own is not None and fingerprint.media_type == MediaType.VIDEO:
            store_described(video_id, fingerprint.own)


def _feature_vectors(video_id: uuid.UUID, fingerprint: VideoFingerprint) -> list[FeatureVector]:
    frames = dict(FrameInfo.objects.filter(video_id=video_id).values_list("frame_number", "pk"))
    index = fingerprint.index
    heads = shot_heads(fingerprint.regions[0].track.times[index.position], fingerprint.cuts)
    rows = []
    for region, held in enumerate(fingerprint.regions):
        hashes = held.track.hashes[index.position]
        banded = bands(hashes)
        for place, position in enumerate(index.position):
            quality = int(held.track.quality[position])
            number = int(index.number[place])
            coloured = region == 0 and bool(heads[place])
            local = _local(fingerprint, place) if region == 0 else {}
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
                    **local,
                )
            )
    return rows


def _local(fingerprint: VideoFingerprint, place: int) -> dict[str, Any]:
    """The columns of local features of an index frame; none where it has too few to tell."""
    pictures = fingerprint.pictures
    if pictures is None or len(pictures.words[place]) < LEAST_WORDS:
        return {}
    words = pictures.words[place].tolist()
    return {
        "words": words,
        "word_vector": SparseVector(dict.fromkeys(words, 1.0), WORDS),
        "patches": pictures.patches[place],
    }


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


def draw(
    hashes: NDArray[np.uint8],
    version: str,
    exclude: uuid.UUID | None,
) -> Drawn:
    """Library frames that share a 16-bit band with one of `hashes` (n, 32) and lie near it.

    A statement for so many hashes; it is an exact search up to 15 bits and finds nearly all up to
    31. `exclude` leaves one video (the query itself) out.
    """
    rows: list[tuple[int, uuid.UUID, int, float, float]] = []
    for start in range(0, len(hashes), HASHES_AT_ONCE):
        some = hashes[start : start + HASHES_AT_ONCE]
        parameters: dict[str, Any] = {
            "numbers": list(range(start, start + len(some))),
            "hashes": [to_bit_string(packed_hash) for packed_hash in some],
            "bands": ["{" + ",".join(map(str, row)) + "}" for row in bands(some).tolist()],
            "version": version,
            "most": settings.TVIDZ.max_rows_per_hash,
            "distance": VotingSettings().max_distance,
            "exclude": exclude,
        }
        with transaction.atomic(), connection.cursor() as cursor:
            _prefer_indexes(cursor)
            cursor.execute(CANDIDATES, parameters)
            rows += cursor.fetchall()
    return _drawn(rows)


WORD_CANDIDATES = """
WITH asked AS MATERIALIZED (
    SELECT number, words::int[] AS words, vector::sparsevec AS vector
    FROM unnest(%(numbers)s::int[], %(words)s::text[], %(vectors)s::text[])
         AS given(number, words, vector)
)
SELECT asked.number, near.video_id, near.timestamp, near.patches
FROM asked
CROSS JOIN LATERAL (
    SELECT video_id, timestamp, patches
    FROM matching_featurevector
    WHERE words && asked.words AND version = %(version)s
      AND video_id IS DISTINCT FROM %(exclude)s
    ORDER BY word_vector <#> asked.vector
    LIMIT %(most)s
) AS near
"""


@dataclass(frozen=True)
class DrawnFrame:
    """A library frame that shares words with the frame `number` that was asked for."""

    number: int
    video_id: uuid.UUID
    time: float
    patches: Patches


def draw_words(
    asked: Sequence[NDArray[np.int32]], version: str, exclude: uuid.UUID | None, most: int
) -> Iterator[DrawnFrame]:
    """The `most` library frames that share most words with each of `asked` (words of a frame).

    A statement for so many frames.
    """
    given = [np.unique(words[words >= 0]) for words in asked]
    numbers = [number for number, words in enumerate(given) if len(words)]
    for start in range(0, len(numbers), FRAMES_AT_ONCE):
        some = numbers[start : start + FRAMES_AT_ONCE]
        parameters: dict[str, Any] = {
            "numbers": some,
            "words": ["{" + ",".join(map(str, given[number].tolist())) + "}" for number in some],
            "vectors": [_ones(given[number]) for number in some],
            "version": version,
            "exclude": exclude,
            "most": most,
        }
        with transaction.atomic(), connection.cursor() as cursor:
            _prefer_indexes(cursor)
            cursor.execute(WORD_CANDIDATES, parameters)
            rows = cursor.fetchall()
        for number, video_id, time, patches in rows:
            yield DrawnFrame(number, video_id, time, unpacked_patches(bytes(patches)))


def _ones(words: NDArray[np.int32]) -> str:
    return SparseVector(dict.fromkeys(words.tolist(), 1.0), WORDS).to_text()


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
    box: Box | None
    cuts: NDArray[np.float64]
    small: SmallFrames | None


def library_videos(video_ids: Sequence[uuid.UUID], version: str) -> Iterator[LibraryVideo]:
    """The ready ones among `video_ids`, one at a time: an hour of video is half a megabyte."""
    cuts = dict(
        SceneCuts.objects.filter(video_id__in=video_ids).values_list("video_id", "timestamps")
    )
    rows = Fingerprint.objects.filter(video_id__in=video_ids, version=version, ready=True)
    for row in rows.iterator():
        own = np.array(cuts.get(row.video_id, []), np.float64)
        box = None if row.box is None else Box(*row.box)
        yield LibraryVideo(row.video_id, row.media_type, unpacked(row), box, own, small_frames(row))


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
