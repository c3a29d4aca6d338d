"""Searching: both tiers, over libraries of made-up frames, beside an exact oracle.

Films of known copies are indexed first, through the way an upload goes, and asked for by doctored
copies of them; the made-up frames around them are what must not be found.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from django.conf import settings
from django.db import connection
from numpy.typing import NDArray

from matching import index
from matching.engine.bands import bands
from matching.engine.hashing import to_bit_string
from matching.engine.version import ENGINE_VERSION
from matching.engine.voting import VotingSettings
from matching.fingerprint import VideoFingerprint
from matching.models import FeatureVector
from matching.proposals import propose
from matching.search import search
from matching.seeing import see
from tvidz.benchmarks.adding import adding, another_video, store
from tvidz.benchmarks.films import Planted, Query, plant
from tvidz.benchmarks.library import FRAMES_OF_VIDEO, Maker, extend
from tvidz.benchmarks.machine import backend, cpu_seconds
from tvidz.benchmarks.tables import Table
from tvidz.scratch import scratch_library

try:
    import faiss
except ImportError:  # A package of the development set; without it two columns stay empty.
    faiss = None  # type: ignore[assignment]

Tell = Callable[[str], None]
Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

SIZES = (100_000, 1_000_000)
QUICK_SIZES = (1_000,)
# A minute of video, two hashes a second; as far from the library's as an easy copy's: 8 bits in the
# median, 19 at the 95th percentile (docs/benchmarks.md).
HASHES = 120
EASY_COPIES = 20
EASY_FLIPS = 0.05
NEAR_BITS = 31


@dataclass
class Timed:
    """Milliseconds of several runs: wall and the client's processor each, the server's in all."""

    wall: list[float] = field(default_factory=list)
    client: list[float] = field(default_factory=list)
    server: float = 0.0

    def row(self) -> tuple[float, float, float, float]:
        """p50 and p95 of wall, mean client CPU, mean server CPU, in ms."""
        p50, p95 = np.percentile(self.wall, (50, 95))
        return float(p50), float(p95), float(np.mean(self.client)), self.server / len(self.wall)


COSTS = ("p50 ms", "p95 ms", "client CPU ms", "server CPU ms")


def timed(
    do: Callable[[Asked], Answer], asked: Sequence[Asked], rounds: int = 1, *, warm: bool = True
) -> tuple[Timed, list[Answer]]:
    """`do` for each of `asked` once for warmth and then `rounds` times; what the last gave."""
    answers = [do(one) for one in asked] if warm else []
    result, pid = Timed(), backend()
    server = cpu_seconds(pid)
    for _ in range(rounds):
        answers = []
        for one in asked:
            wall, client = time.perf_counter(), time.process_time()
            answers.append(do(one))
            result.wall.append(1000 * (time.perf_counter() - wall))
            result.client.append(1000 * (time.process_time() - client))
    result.server = 1000 * (cpu_seconds(pid) - server)
    return result, answers


def measure(quick: bool, tell: Tell) -> list[Table]:
    """The tables of `manage.py bench search`."""
    hashes = Table(
        "Hash tier: a minute of video, 120 hashes upright",
        ("library frames", *COSTS, "× faiss flat", "easy copies found", "pairs ≤ 31 bits found"),
        notes=(
            f"{EASY_COPIES} videos of the library, {EASY_FLIPS:.0%} of their bits flipped. faiss "
            "looks at every hash, on one thread: the oracle.",
        ),
    )
    whole = Table(
        "Whole search: doctored copies of films among made-up frames",
        ("library frames", "part", *COSTS, "copies found"),
        notes=("Per query. `search` is everything: both tiers, verification, judging.",),
    )
    upkeep = Table(
        "Keeping it",
        (
            "library frames",
            "add a film: rows",
            "add: ms a minute",
            "add: server CPU ms a minute",
            "bands MB",
            "words MB",
            "frames MB",
            "built in s",
        ),
    )
    with scratch_library("tvidz_bench"):
        planted = plant(quick, tell)
        seconds = float(np.mean([query.fingerprint.duration for query in planted.queries]))
        whole = replace(
            whole, notes=(*whole.notes, f"{len(planted.queries)} queries of {seconds:.0f} s.")
        )
        maker, held = Maker(), 0
        for size in QUICK_SIZES if quick else SIZES:
            began = time.monotonic()
            _grow(maker, size - held, tell)
            held, built = size, time.monotonic() - began
            tell(f"{size} frames: asking")
            hashes.rows.append((size, *_hash_tier(maker, hashes)))
            whole.rows.extend((size, *row) for row in _tiers(planted))
            upkeep.rows.append((size, *_upkeep(planted, size), round(built)))
    return [hashes, whole, upkeep]


def _grow(maker: Maker, count: int, tell: Tell) -> None:
    step = 50_000
    for start in range(0, count, step):
        extend(maker, min(step, count - start))
        tell(f"made {min(start + step, count)} of {count} frames")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) matching_featurevector, matching_wordposting")


@dataclass(frozen=True)
class _Library:
    """All hashes of the library, with the videos they are of."""

    hashes: NDArray[np.uint8]
    videos: NDArray[np.object_]


def _everything() -> _Library:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT bit_send(hash), video_id FROM matching_featurevector"
            " WHERE region = 0 ORDER BY id"
        )
        held = cursor.fetchall()
    # Four bytes tell how many bits follow.
    joined = np.frombuffer(b"".join(bytes(row[0])[4:] for row in held), np.uint8)
    return _Library(joined.reshape(-1, 32), np.array([row[1] for row in held], object))


def _hash_tier(maker: Maker, table: Table) -> tuple[Any, ...]:
    library = _everything()
    chosen = np.random.default_rng(3).integers(
        0, len(library.hashes) // FRAMES_OF_VIDEO, EASY_COPIES
    )
    asked, videos = [], []
    for number in chosen * FRAMES_OF_VIDEO:
        frames = np.arange(number, number + HASHES) % len(library.hashes)
        asked.append(maker.flipped(library.hashes[frames], EASY_FLIPS))
        videos.append(library.videos[number])
    cost, answers = timed(lambda some: index.draw(some, ENGINE_VERSION, None), asked, 3)
    found = sum(video in drawn.videos for video, drawn in zip(videos, answers, strict=True))
    flat = _flat(library, asked)
    pairs = sum(int((drawn.distance <= NEAR_BITS).sum()) for drawn in answers)
    table.plans[f"hashes, {len(library.hashes)} frames"] = explained(
        index.CANDIDATES,
        {
            "numbers": list(range(HASHES)),
            "hashes": [to_bit_string(one) for one in asked[0]],
            "bands": ["{" + ",".join(map(str, row)) + "}" for row in bands(asked[0]).tolist()],
            "version": ENGINE_VERSION,
            "most": settings.TVIDZ.max_rows_per_hash,
            "distance": VotingSettings().max_distance,
            "exclude": None,
        },
    )
    row = cost.row()
    all_found = f"{found} of {len(videos)}"
    if flat is None:
        return (*row, None, all_found, None)
    return (*row, row[3] / flat[0], all_found, pairs / max(1, flat[1]))


def _flat(library: _Library, asked: Sequence[NDArray[np.uint8]]) -> tuple[float, int] | None:
    """Milliseconds of CPU a query that looking at every hash takes, and the pairs it finds."""
    if faiss is None:
        return None
    faiss.omp_set_num_threads(1)
    flat = faiss.IndexBinaryFlat(256)
    flat.add(np.ascontiguousarray(library.hashes))
    began, near = time.process_time(), 0
    for some in asked:
        _, distance, _ = flat.range_search(np.ascontiguousarray(some), NEAR_BITS + 1)
        near += len(distance)
    return 1000 * (time.process_time() - began) / len(asked), near


def _tiers(planted: Planted) -> list[tuple[Any, ...]]:
    rows = [
        _row("hashes", planted.queries, lambda asked: propose(asked, None)),
        _row("words", planted.queries, lambda asked: see(asked, None)),
        _row("search", planted.queries, search),
        _row("search, a still", planted.stills, search),
    ]
    with adding(planted.longest):
        rows.append(_row("search while adding", planted.queries, search))
    return rows


def _row(
    part: str, queries: Sequence[Query], do: Callable[[VideoFingerprint], Any]
) -> tuple[Any, ...]:
    cost, answers = timed(do, [query.fingerprint for query in queries])
    found = sum(
        query.video in _videos(answer) for query, answer in zip(queries, answers, strict=True)
    )
    return (part, *cost.row(), f"{found} of {len(queries)}")


def _videos(answer: Any) -> set[uuid.UUID]:
    return set(answer) if isinstance(answer, dict) else {match.video_id for match in answer}


def _upkeep(planted: Planted, size: int) -> tuple[Any, ...]:
    minutes = planted.longest.duration / 60
    videos = [another_video(planted.longest) for _ in range(5)]
    cost, _ = timed(lambda video: store(video, planted.longest), videos, warm=False)
    rows = FeatureVector.objects.filter(video=videos[0]).count()
    for video in videos:
        video.delete()
    p50, _, _, server = cost.row()
    sizes = [
        f"pg_relation_size('{name}') / 1e6"
        for name in ("idx_feature_vector_bands", "matching_wordposting_pkey")
    ]
    sizes.append("pg_total_relation_size('matching_featurevector') / 1e6")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(sizes)}")
        held = [float(value) for value in cursor.fetchone()]
    return (rows, p50 / minutes, server / minutes, *held)


def explained(statement: str, parameters: dict[str, Any]) -> str:
    """The plan as it ran, with times and buffers."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL jit = off")
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", parameters)
        lines = [row[0] for row in cursor.fetchall()]
        cursor.execute("ROLLBACK")
    return "\n".join(lines)
