"""Time to the first verdict: the keyframe pass and the whole analysis beside the decode floor."""

import statistics
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from matching.early import early_matches
from matching.words import vocabulary
from tvidz.benchmarks.copies import copy_of
from tvidz.benchmarks.footage import footage
from tvidz.benchmarks.machine import backend, cpu_seconds, spending
from tvidz.benchmarks.tables import Table
from tvidz.pipeline import analyse
from tvidz.preview import keyframes, looked_at
from tvidz.scratch import scratch_library
from videos.limits import media_limits
from videos.media.ffmpeg import find_ffmpeg
from videos.media.probe import Probe, probe
from videos.models import Upload
from videos.uploads.accept import Arrival, accept, recognise_path

DATABASE = "tvidz_bench_verdict"
FLOOR, RIVAL = "decoding all of it (ffmpeg -f null): the floor", "decoding keyframes only"
COPY, NOTHING = "keyframe pass, a copy", "keyframe pass, nothing found"
WHOLE = "whole analysis of the copy"


@dataclass
class Timed:
    """Processor seconds (ours, ffmpeg's, the database's together) and wall seconds, run by run."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Measure the block as one run."""
        pid = backend()
        began, served = time.monotonic(), cpu_seconds(pid)
        with spending() as spent:
            yield
        self.wall.append(time.monotonic() - began)
        self.cpu.append(spent.total + cpu_seconds(pid) - served)


def measure(quick: bool, tell: Callable[[str], None]) -> list[Table]:
    """The tables of `manage.py bench verdict`."""
    films = [(180, 12.0, 1)] if quick else [(720, 60.0, 5), (720, 300.0, 3)]
    return [_film(height, seconds, rounds, tell) for height, seconds, rounds in films]


def _film(height: int, seconds: float, rounds: int, tell: Callable[[str], None]) -> Table:
    folder = settings.TVIDZ.var / "bench"
    tell(f"{height}p, {seconds:g} s: making the film and its copy")
    film = footage(folder, height=height, seconds=seconds)
    copy = copy_of(film)
    vocabulary()
    timed = {name: Timed() for name in (FLOOR, RIVAL, COPY, NOTHING, WHOLE)}
    with scratch_library(DATABASE):
        tell("taking the film into the library")
        library = _taken(film)
        told = [_round(copy, library, timed, tell, number) for number in range(rounds)]
    floor = statistics.median(timed[FLOOR].cpu)
    rows = [
        (
            name,
            statistics.median(each.cpu),
            statistics.median(each.cpu) / floor,
            statistics.median(each.wall),
            len(each.cpu),
        )
        for name, each in timed.items()
    ]
    return Table(
        f"First verdict on {seconds:g} s of {height}p H.264",
        ("", "CPU s", "of the floor", "wall s", "runs"),
        [(name, *figures) for name, *figures in rows],
        (
            f"The copy was told from keyframes in {sum(told)} of {rounds} runs.",
            "Medians; one run of each after the other. CPU: Python, ffmpeg and the database.",
        ),
    )


def _round(
    copy: Path,
    library: uuid.UUID,
    timed: dict[str, Timed],
    tell: Callable[[str], None],
    number: int,
) -> bool:
    tell(f"round {number + 1}")
    with timed[FLOOR].one():
        _decode(copy)
    with timed[RIVAL].one():
        _decode(copy, "-skip_frame", "nokey")
    facts = probe(copy, recognise_path(copy), media_limits())
    with timed[COPY].one():
        found = _told(copy, facts, None)
    with timed[NOTHING].one():
        _told(copy, facts, library)
    accepted = accept(Arrival(copy, copy.name, Upload.Entrance.BACKFILL))
    with timed[WHOLE].one():
        analyse(accepted.analysis.pk)
    # The next round must not find this one.
    accepted.video.delete()
    return library in found


def _told(path: Path, facts: Probe, exclude: uuid.UUID | None) -> list[uuid.UUID]:
    """What the keyframe pass tells of a file; `exclude` is a library video it must not find."""
    taken = keyframes(path, facts)
    if taken is None:
        return []
    media_type = facts.container.media_type
    looked, duration = looked_at(facts), facts.duration
    _, matches = early_matches(*taken, media_type, looked, duration, exclude)
    return [match.video_id for match in matches]


def _taken(path: Path) -> uuid.UUID:
    accepted = accept(Arrival(path, path.name, Upload.Entrance.BACKFILL))
    analyse(accepted.analysis.pk)
    return accepted.video.id


def _decode(path: Path, *options: str) -> None:
    program = find_ffmpeg(settings.TVIDZ.ffmpeg or None).path
    threads = ("-threads", str(settings.TVIDZ.ffmpeg_threads))
    command = [program, "-v", "error", "-nostdin", *threads, *options, "-i", str(path)]
    subprocess.run([*command, "-an", "-f", "null", "-"], check=True, capture_output=True)
