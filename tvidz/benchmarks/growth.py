"""What a longer film costs more: processor time, memory, rows and bytes, part by part."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection

from matching import index
from matching.fingerprint import VideoFingerprint
from matching.models import FeatureVector
from matching.search import search
from tvidz.benchmarks.footage import footage
from tvidz.benchmarks.machine import backend, cpu_seconds, spending
from tvidz.benchmarks.one_pass import memory
from tvidz.benchmarks.tables import Table
from tvidz.fingerprinting import fingerprint_file
from tvidz.scratch import scratch_library
from videos.extraction import EXTRACTION_VERSION
from videos.models import FrameInfo, SceneCuts, Upload, Video
from videos.uploads.accept import Arrival, accept

Tell = Callable[[str], None]

DATABASE: Final = "tvidz_bench_growth"
# ffmpeg's share is told by `extraction`; here the picture is small and everything after it alike.
HEIGHT: Final = 360


@dataclass
class _Spent:
    """Processor seconds of us, of children and of the database's server; by how many MB we grew."""

    own: float = 0.0
    children: float = 0.0
    server: float = 0.0
    grown: float = 0.0


def measure(quick: bool, tell: Tell) -> list[Table]:
    """The tables of `manage.py bench growth`."""
    lengths = (2.0, 4.0) if quick else (60.0, 300.0, 1800.0)
    height = 96 if quick else HEIGHT
    folder = settings.TVIDZ.var / "bench"
    table = Table(
        "What a longer film costs",
        (
            *("minutes", "part", "CPU s", "CPU s of PostgreSQL", "grew by, MB"),
            *("rows", "MB stored"),
        ),
        notes=(
            f"H.264 at {height} lines, the same minute again and again, so that every film holds "
            "the ones before it as often as it is longer. Memory is the part's peak over what "
            "the process had before the part. Stored: tables and indexes of the search.",
        ),
    )
    films = [footage(folder, height=height, seconds=seconds) for seconds in lengths]
    with scratch_library(DATABASE):
        # What is loaded once a process, and a database that is not empty.
        _store(films[0], fingerprint_file(films[0], "first.mp4")[0])
        for seconds, film in zip(lengths, films, strict=True):
            tell(f"{seconds / 60:g} minutes")
            for row in _rows(film):
                table.rows.append((seconds / 60, *row))
    return [table]


def _rows(film: Path) -> Iterator[tuple[str, float, float, float, int | None, float | None]]:
    with _watched() as spent:
        fingerprint, _ = fingerprint_file(film, film.name)
    yield ("extraction and fingerprint", spent.own + spent.children, 0.0, spent.grown, None, None)
    video = _video(film, fingerprint)
    rows, stored = FeatureVector.objects.count(), _stored()
    with _watched() as spent:
        index.store(video.id, fingerprint)
    rows = FeatureVector.objects.count() - rows
    stored = _stored() - stored
    yield ("storing", spent.own, spent.server, spent.grown, rows, stored)
    with _watched() as spent:
        search(fingerprint, video.id)
    yield ("searching", spent.own, spent.server, spent.grown, None, None)


def _store(film: Path, fingerprint: VideoFingerprint) -> None:
    index.store(_video(film, fingerprint).id, fingerprint)


def _video(film: Path, fingerprint: VideoFingerprint) -> Video:
    """The film in the library, as extraction leaves it."""
    video = accept(Arrival(film, film.name, Upload.Entrance.BACKFILL)).video
    times = fingerprint.regions[0].track.times[fingerprint.index.position]
    FrameInfo.objects.bulk_create(
        FrameInfo(
            video=video,
            extraction_version=EXTRACTION_VERSION,
            frame_number=number,
            timestamp=seconds,
            is_keyframe=False,
        )
        for number, seconds in zip(fingerprint.index.number.tolist(), times.tolist(), strict=True)
    )
    SceneCuts.objects.create(video=video, timestamps=fingerprint.cuts.tolist())
    return video


@contextmanager
def _watched() -> Iterator[_Spent]:
    """Fill in what the block costs."""
    told = _Spent()
    before = memory("VmRSS", os.getpid())
    Path("/proc/self/clear_refs").write_text("5")
    server = backend()
    began = cpu_seconds(server)
    with spending() as spent:
        yield told
    told.own, told.children = spent.own, spent.children
    told.server = cpu_seconds(server) - began
    told.grown = memory("VmHWM", os.getpid()) - before


def _stored() -> float:
    """Megabytes of the search's tables with their indexes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class "
            "WHERE relkind = 'r' AND relname LIKE 'matching_%'"
        )
        [size] = cursor.fetchone()
    return float(size) / 2**20
