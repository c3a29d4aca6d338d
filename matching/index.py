"""The search index in PostgreSQL: storing a fingerprint, drawing candidates from what is stored.

Another engine (a vector database, say) would replace this file and nothing else.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from numpy.typing import NDArray

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
from matching.models import CutToken, FeatureVector, Fingerprint
from videos.models import FrameInfo, MediaType, SceneCuts

# Frames below this quality (0 to 100) are too flat to propose anything; PDQ's own advice.
LEAST_QUALITY = 50
ROWS_AT_ONCE = 500
# Hashes, and frames by their words, that one statement asks for: a film's would take minutes.
HASHES_AT_ONCE = 4000
FRAMES_AT_ONCE = 32
# Of a mark's 32 bits so many may differ: nine true pairs of ten stay, two strangers of three go.
MARK_BITS = 6
# Words a frame must share to be looked at, the best so many of all frames that do, and of them of
# one video: geometry costs a millisecond a frame.
LEAST_SHARED = 2
FRAMES_RANKED = 100
FRAMES_OF_VIDEO = 3
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
        rows = _feature_vectors(video_id, fingerprint)
        # A film's rows all at once would take ten times the memory of its fingerprint.
        while some := list(islice(rows, ROWS_AT_ONCE)):
            FeatureVector.objects.bulk_create(some)
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


def _feature_vectors(video_id: uuid.UUID, fingerprint: VideoFingerprint) -> Iterator[FeatureVector]:
    frames = dict(FrameInfo.objects.filter(video_id=video_id).values_list("frame_number", "pk"))
    index = fingerprint.index
    heads = shot_heads(fingerprint.regions[0].track.times[index.position], fingerprint.cuts)
    for region, held in enumerate(fingerprint.regions):
        hashes = held.track.hashes[index.position]
        banded = bands(hashes)
        for place, position in enumerate(index.position):
            quality = int(held.track.quality[position])
            number = int(index.number[place])
            coloured = region == 0 and bool(heads[place])
            local = _local(fingerprint, place) if region == 0 else {}
            yield FeatureVector(
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


def _local(fingerprint: VideoFingerprint, place: int) -> dict[str, Any]:
    """The columns of local features of an index frame; none where it has too few to tell."""
    pictures = fingerprint.pictures
    if pictures is None or len(pictures.words[place]) < LEAST_WORDS:
        return {}
    return {
        "words": pictures.words[place].tolist(),
        "marks": pictures.marks[place].tolist(),
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
    """Library frames that share a band with one of `hashes` (n, 32) and lie near it.

    A statement for so many hashes; it is an exact search up to 11 bits and finds most up to 20.
    `exclude` leaves one video (the query itself) out.
    """
    rows: list[tuple[int, uuid.UUID, int, float, float]] = []
    for start in range(0, len(hashes), HASHES_AT_ONCE):
        some = hashes[start : start + HASHES_AT_ONCE]
        parameters: dict[str, Any] = {
            "numbers": list(range(start, start + len(some))),
            "hashes": [to_bit_string(packed_hash) for packed_hash in some],
            "bands": [_as_text(row) for row in bands(some)],
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


# Both windows bound what follows: the first before rows of frames are read, the second so that one
# still scene, or a video that is in the library many times, does not hide the others.
WORD_CANDIDATES = """
WITH asked AS MATERIALIZED (
    SELECT number, word, mark
    FROM unnest(%(numbers)s::int[], %(words)s::int[], %(marks)s::int[]) AS given(number, word, mark)
),
counted AS (
    SELECT asked.number, held.feature, count(*) AS shared
    FROM asked
    CROSS JOIN LATERAL (
        SELECT feature, mark FROM matching_wordposting WHERE word = asked.word LIMIT %(rows)s
    ) AS held
    WHERE bit_count((held.mark # asked.mark)::bit(32)) <= %(bits)s
    GROUP BY asked.number, held.feature
    HAVING count(*) >= %(least)s
),
ranked AS (
    SELECT number, feature, shared,
           row_number() OVER (PARTITION BY number ORDER BY shared DESC, feature) AS place
    FROM counted
    WHERE NOT EXISTS (SELECT FROM unnest(%(own)s::bigint[]) AS own(id) WHERE own.id = feature)
),
near AS (
    SELECT ranked.number, ranked.shared, row.id, row.video_id,
           row_number() OVER (
               PARTITION BY ranked.number, row.video_id ORDER BY ranked.shared DESC, row.id
           ) AS of_video
    FROM ranked JOIN matching_featurevector AS row ON row.id = ranked.feature
    WHERE ranked.place <= %(ranked)s AND row.version = %(version)s
),
chosen AS (
    SELECT number, id,
           row_number() OVER (PARTITION BY number ORDER BY shared DESC, id) AS place
    FROM near WHERE of_video <= %(of_video)s
)
SELECT chosen.number, row.video_id, row.timestamp, row.patches
FROM chosen JOIN matching_featurevector AS row USING (id)
WHERE chosen.place <= %(most)s
"""


@dataclass(frozen=True)
class AskedWords:
    """A frame to look for by its words: words (n,) int32, different, and their marks (n,)."""

    words: NDArray[np.int32]
    marks: NDArray[np.int32]


@dataclass(frozen=True)
class DrawnFrame:
    """A library frame that shares words with the frame `number` that was asked for."""

    number: int
    video_id: uuid.UUID
    time: float
    patches: Patches


def draw_words(
    asked: Sequence[AskedWords], version: str, exclude: uuid.UUID | None, most: int
) -> Iterator[DrawnFrame]:
    """The `most` library frames that share most words with each of `asked`.

    A word is shared when its mark is about the same, too. A statement for so many frames.
    """
    parameters: dict[str, Any] = {
        "rows": settings.TVIDZ.max_rows_per_word,
        "bits": MARK_BITS,
        "least": LEAST_SHARED,
        "own": [] if exclude is None else _frames_with_words(exclude),
        "ranked": FRAMES_RANKED,
        "of_video": FRAMES_OF_VIDEO,
        "version": version,
        "most": most,
    }
    for start in range(0, len(asked), FRAMES_AT_ONCE):
        some = asked[start : start + FRAMES_AT_ONCE]
        numbers = np.repeat(np.arange(len(some)), [len(frame.words) for frame in some])
        parameters["numbers"] = _as_text(start + numbers)
        parameters["words"] = _as_text(np.concatenate([frame.words for frame in some]))
        parameters["marks"] = _as_text(np.concatenate([frame.marks for frame in some]))
        with transaction.atomic(), connection.cursor() as cursor:
            _prefer_indexes(cursor)
            cursor.execute("SET LOCAL work_mem = '64MB'")
            cursor.execute(WORD_CANDIDATES, parameters)
            rows = cursor.fetchall()
        for number, video_id, time, patches in rows:
            yield DrawnFrame(number, video_id, time, unpacked_patches(bytes(patches)))


def _as_text(numbers: NDArray[np.integer[Any]]) -> str:
    """An array as PostgreSQL writes it: psycopg takes ten times as long over a list."""
    return "{" + ",".join(map(str, numbers.tolist())) + "}"


def _frames_with_words(video_id: uuid.UUID) -> list[int]:
    rows = FeatureVector.objects.filter(video_id=video_id, words__isnull=False)
    return list(rows.values_list("pk", flat=True))


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
