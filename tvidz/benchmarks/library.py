"""A library of made-up frames in the real tables, as large as wanted, written by binary COPY.

What it is made after was measured on real footage (docs/benchmarks.md): frames of a shot resemble
each other, one frame of twenty is a very common one, and few words are very frequent: a word of a
frame stands in an unrelated frame with a probability of 4 in 10,000.
"""

import uuid
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from matching.engine.bands import BANDS, bands
from matching.engine.version import ENGINE_VERSION
from matching.models import Fingerprint
from videos.models import MediaType, State, Video

FRAMES_OF_VIDEO: Final = 100
FRAMES_OF_SHOT: Final = 5
WORDS_OF_FRAME: Final = 107
COMMON_FRAMES: Final = 200
COMMON_SHARE: Final = 0.05
# Share of its words that a frame has in common with the next of its shot.
WORDS_KEPT: Final = 0.45
# Bits of a hash that flip from one frame of a shot to the next, and of a mark between patches that
# share a word.
BIT_FLIP: Final = 0.03
MARK_FLIP: Final = 0.15
CENTRES: Final = 4096
# The logarithms of the centres' frequencies scatter so: two unrelated frames then share words as
# often as real ones do.
SCATTER: Final = 1.445
PATCH_BYTES: Final = 23

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Frames:
    """Made-up frames in order: hash (n, 32) uint8, words and marks (n, 107) int32."""

    hashes: Bytes
    words: Ints
    marks: Ints


class Maker:
    """Draws frames; the same seed gives the same."""

    def __init__(self, seed: int = 1) -> None:
        self._random = np.random.default_rng(seed)
        weight = np.exp(SCATTER * self._random.standard_normal((2, CENTRES)))
        self._sum = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
        self._common = self._shots(COMMON_FRAMES)

    def frames(self, count: int) -> Frames:
        """The next `count` frames, shot by shot."""
        shots = -(-count // FRAMES_OF_SHOT)
        first = self._shots(shots)
        of_shot = np.repeat(np.arange(shots), FRAMES_OF_SHOT)[:count]
        words = np.where(
            self._random.random((count, WORDS_OF_FRAME)) < WORDS_KEPT,
            first.words[of_shot],
            self._words((count, WORDS_OF_FRAME)),
        )
        hashes = first.hashes[of_shot] ^ self._flips((count, 32), BIT_FLIP)
        usual = np.flatnonzero(self._random.random(count) < COMMON_SHARE)
        which = self._random.integers(0, COMMON_FRAMES, len(usual))
        words[usual] = self._common.words[which]
        hashes[usual] = self._common.hashes[which] ^ self._flips((len(usual), 32), BIT_FLIP)
        words = self._different(words)
        return Frames(hashes, words, self._marks(words))

    def flipped(self, hashes: Bytes, share: float) -> Bytes:
        """Hashes (n, 32) with a share of their bits flipped."""
        return hashes ^ self._flips(hashes.shape, share)

    def _shots(self, count: int) -> Frames:
        words = self._words((count, WORDS_OF_FRAME))
        hashes = self._random.integers(0, 256, (count, 32), dtype=np.uint8)
        return Frames(hashes, words, self._marks(words))

    def _words(self, shape: tuple[int, int]) -> Ints:
        first, second = (
            np.minimum(np.searchsorted(held, self._random.random(shape)), CENTRES - 1)
            for held in self._sum
        )
        return (first * CENTRES + second).astype(np.int32)

    def _different(self, words: Ints) -> Ints:
        """Words (n, 107), rising, with others in the place of those a frame has twice."""
        words.sort(axis=1)
        while (twice := words[:, 1:] == words[:, :-1]).any():
            words[:, 1:][twice] = self._words((1, int(twice.sum())))[0]
            words.sort(axis=1)
        return words

    def _marks(self, words: Ints) -> Ints:
        """Marks (n, 107): a number of the word's own, with some bits flipped."""
        own = (words.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)
        flips = self._flips((*words.shape, 4), MARK_FLIP)
        return own.astype(np.uint32).view(np.int32) ^ flips.view(np.int32)[..., 0]

    def _flips(self, shape: tuple[int, ...], share: float) -> Bytes:
        """Bytes in which each bit is set with a probability of `share`, to a 64th."""
        mask = np.zeros(shape, np.uint8)
        # A random number of six bits a bit, compared with the share, bit plane by bit plane.
        level = round(share * 64)
        for plane in range(6):
            drawn = self._random.integers(0, 256, shape, dtype=np.uint8)
            mask = mask | drawn if level >> plane & 1 else mask & drawn
        return mask


def extend(maker: Maker, count: int) -> None:
    """Add `count` frames, a multiple of a video's, to the library of the default database."""
    numbers = count // FRAMES_OF_VIDEO
    videos = [made_up_video(FRAMES_OF_VIDEO) for _ in range(numbers)]
    Video.objects.bulk_create(videos, batch_size=1000)
    for start in range(0, numbers, 500):
        some = videos[start : start + 500]
        frames = maker.frames(len(some) * FRAMES_OF_VIDEO)
        Fingerprint.objects.bulk_create(_fingerprints(some, frames), batch_size=100)
        _copy_frames(some, frames)


def made_up_video(seconds: float) -> Video:
    """The unsaved row of a ready video that has no file."""
    name = uuid.uuid4()
    return Video(
        id=name,
        filename=f"{name}.mp4",
        media_type=MediaType.VIDEO,
        state=State.READY,
        storage_key=str(name),
        mime="video/mp4",
        demuxer="mov",
        size_bytes=1,
        sha256=name.hex * 2,
        duration=seconds,
    )


def _fingerprints(videos: list[Video], frames: Frames) -> list[Fingerprint]:
    times = np.arange(FRAMES_OF_VIDEO, dtype="<f8").tobytes()
    rows = []
    for number, video in enumerate(videos):
        part = slice(number * FRAMES_OF_VIDEO, (number + 1) * FRAMES_OF_VIDEO)
        rows.append(
            Fingerprint(
                video=video,
                version=ENGINE_VERSION,
                ready=True,
                media_type=MediaType.VIDEO,
                duration=FRAMES_OF_VIDEO,
                dense_times=times,
                dense_hashes=frames.hashes[part].tobytes(),
                dense_quality=bytes([80]) * FRAMES_OF_VIDEO,
            )
        )
    return rows


def _copy_frames(videos: list[Video], frames: Frames) -> None:
    """FrameInfo and FeatureVector rows: columns of one width, so that numpy lays out whole rows."""
    count = len(frames.hashes)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('videos_frameinfo', 'id'))"
            " FROM generate_series(1, %s)",
            [count],
        )
        ids = np.array([row[0] for row in cursor.fetchall()], np.int64)
        number = np.arange(count) % FRAMES_OF_VIDEO
        owner = np.repeat(
            np.array([np.frombuffer(video.id.bytes, "V16")[0] for video in videos]),
            FRAMES_OF_VIDEO,
        )
        made_at = np.zeros(count, np.int64)
        _copy(
            cursor,
            "videos_frameinfo (id, video_id, extraction_version, frame_number, timestamp,"
            " is_keyframe, created_at)",
            [
                (">i8", ids),
                ("V16", owner),
                (">i2", np.ones(count)),
                (">i4", number),
                (">f8", number),
                ("?", np.zeros(count)),
                (">i8", made_at),
            ],
        )
        _copy(
            cursor,
            "matching_featurevector (frame_id, video_id, version, region, media_type, frame_number,"
            " timestamp, quality, hash, bands, words, marks, patches)",
            [
                (">i8", ids),
                ("V16", owner),
                (f"S{len(ENGINE_VERSION)}", np.full(count, ENGINE_VERSION.encode())),
                (">i2", np.zeros(count)),
                ("S5", np.full(count, b"video")),
                (">i4", number),
                (">f8", number),
                (">i2", np.full(count, 80)),
                (_HASH, _bit_strings(frames.hashes)),
                (_array(BANDS), _arrays(bands(frames.hashes))),
                (_array(WORDS_OF_FRAME), _arrays(frames.words)),
                (_array(WORDS_OF_FRAME), _arrays(frames.marks)),
                (f"V{WORDS_OF_FRAME * PATCH_BYTES}", _noise(count, WORDS_OF_FRAME * PATCH_BYTES)),
            ],
        )


_HASH: Final = np.dtype([("bits", ">i4"), ("held", "V32")])


def _bit_strings(hashes: Bytes) -> NDArray[Any]:
    made = np.zeros(len(hashes), _HASH)
    made["bits"] = hashes.shape[1] * 8
    made["held"] = np.ascontiguousarray(hashes).view("V32")[:, 0]
    return made


def _array(length: int) -> np.dtype[Any]:
    """PostgreSQL's binary form of a one-dimensional int4[]."""
    head = [(name, ">i4") for name in ("dimensions", "nulls", "type", "length", "from")]
    return np.dtype([*head, ("values", [("size", ">i4"), ("value", ">i4")], (length,))])


def _arrays(values: Ints) -> NDArray[Any]:
    made = np.zeros(len(values), _array(values.shape[1]))
    made["dimensions"], made["type"], made["from"] = 1, 23, 1
    made["length"] = values.shape[1]
    made["values"]["size"], made["values"]["value"] = 4, values
    return made


def _noise(count: int, width: int) -> NDArray[Any]:
    made = np.random.default_rng(7).integers(0, 256, (count, width), dtype=np.uint8)
    return made.view(f"V{width}")[:, 0]


def _copy(cursor: Any, into: str, columns: list[tuple[Any, NDArray[Any]]]) -> None:
    fields: list[tuple[str, Any]] = [("fields", ">i2")]
    for place, (kind, _) in enumerate(columns):
        fields += [(f"size{place}", ">i4"), (f"value{place}", kind)]
    rows = np.zeros(len(columns[0][1]), np.dtype(fields))
    rows["fields"] = len(columns)
    for place, (kind, values) in enumerate(columns):
        rows[f"size{place}"] = np.dtype(kind).itemsize
        rows[f"value{place}"] = values
    with cursor.copy(f"COPY {into} FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\x00" + bytes(8))
        copy.write(rows.tobytes())
        copy.write(b"\xff\xff")
