"""Uploads on a running site: lines that are cut, and many at once by both entrances."""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from django.conf import settings

from tvidz.benchmarks import cuts
from tvidz.benchmarks.cuts import Told, cut_again_and_again, spread
from tvidz.benchmarks.machine import cpu_seconds
from tvidz.benchmarks.one_pass import memory
from tvidz.benchmarks.padded import clips, padded
from tvidz.benchmarks.site import RunningSite, SiteFailed, running_site
from tvidz.benchmarks.tables import Cell, Table
from tvidz.benchmarks.tus import Refused, Tus
from videos.limits import media_limits
from videos.media.probe import probe
from videos.uploads.accept import recognise_path

SETTLE = 3.0
BLOCK = 1 << 16
# A minute or two is usual for fifty clips of two seconds.
ANALYSED_WITHIN = 900.0

CAME = """
SELECT video.filename, video.sha256, video.storage_key,
       count(analysis.id), bool_and(analysis.state = 'ready')
FROM videos_video AS video LEFT JOIN videos_analysis AS analysis ON analysis.video_id = video.id
WHERE starts_with(video.filename, %s) GROUP BY video.id
"""
LEFT = "SELECT count(*) FROM videos_analysis WHERE state IN ('queued', 'processing')"


@dataclass(frozen=True)
class Sizes:
    """How much is uploaded; lengths in bytes."""

    cut_uploads: int
    cuts: int
    cut_length: int
    at_once: int
    length: int


FULL = Sizes(cut_uploads=10, cuts=100, cut_length=50 << 20, at_once=50, length=4 << 20)
QUICK = Sizes(cut_uploads=1, cuts=12, cut_length=2 << 20, at_once=3, length=1 << 18)


def measure(quick: bool, tell: Callable[[str], None]) -> list[Table]:
    """The tables of `manage.py bench uploads`."""
    sizes = QUICK if quick else FULL
    tell("making clips")
    made = clips(settings.TVIDZ.var / "bench", sizes.at_once)
    with running_site() as site, TemporaryDirectory(prefix="tvidz-", dir=site.var) as folder:
        time.sleep(SETTLE)
        told = Told()
        for number in range(sizes.cut_uploads):
            tell(f"cutting upload {number + 1} of {sizes.cut_uploads}")
            content = padded(made[0], sizes.cut_length, number)
            cut_again_and_again(site, content, f"cut-{number}.mp4", sizes.cuts, number, told)
        _analysed(site)
        crowds, floors, probing = [], [], []
        for seed, way in enumerate(WAYS):
            tell(f"{sizes.at_once} at once: {way.name}")
            files = [padded(clip, sizes.length, n + 1000 * seed) for n, clip in enumerate(made)]
            paths = _written(Path(folder), f"way{seed}", files)
            floors.append(_plain(Path(folder), files))
            probing.append(_probed(paths))
            crowds.append(_crowd(site, way, paths, files))
    return [*cuts.tables(told), *_tables(crowds, median(floors), median(probing))]


Sender = Callable[[RunningSite, Path], None]


def _by_tus(site: RunningSite, path: Path) -> None:
    content, client = path.read_bytes(), Tus(site.port)
    client.send(client.begin(len(content), path.name), 0, content)


def _by_form(site: RunningSite, path: Path) -> None:
    site.upload(path, path.name, as_it_is=True)


@dataclass(frozen=True)
class Way:
    """An entrance, and whether workers wait with analysing what comes until all has come."""

    name: str
    send: Sender
    paused: bool


WAYS = (
    Way("tus", _by_tus, paused=True),
    Way("form", _by_form, paused=True),
    Way("tus, analysed meanwhile", _by_tus, paused=False),
    Way("form, analysed meanwhile", _by_form, paused=False),
)


def _written(folder: Path, name: str, files: Sequence[bytes]) -> list[Path]:
    paths = [folder / f"{name}-{number}.mp4" for number in range(len(files))]
    for path, content in zip(paths, files, strict=True):
        path.write_bytes(content)
    return paths


@dataclass
class Crowd:
    """Uploads at once by one entrance."""

    way: Way
    length: int
    wall: float = 0.0
    cpu: float = 0.0
    before: float = 0.0
    most: float = 0.0
    seconds: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    videos: int = 0
    analyses: int = 0
    ready: int = 0
    hashes_equal: int = 0


def _crowd(site: RunningSite, way: Way, paths: Sequence[Path], files: Sequence[bytes]) -> Crowd:
    """Send all at once, wait until all were analysed, and look what has come."""
    crowd = Crowd(way, sum(len(content) for content in files))

    def one(path: Path) -> None:
        began = time.perf_counter()
        try:
            way.send(site, path)
        except (Refused, SiteFailed, OSError) as error:
            crowd.errors[str(error)[:40] or type(error).__name__] += 1
        crowd.seconds.append(time.perf_counter() - began)

    paused = site.workers_paused() if way.paused else nullcontext()
    with paused, _watched(site, crowd), ThreadPoolExecutor(len(paths)) as pool:
        list(pool.map(one, paths))
    _analysed(site)
    sums = {
        path.name: hashlib.sha256(content).hexdigest()
        for path, content in zip(paths, files, strict=True)
    }
    for name, sha256, key, analyses, ready in site.rows(
        CAME, paths[0].name.partition("-")[0] + "-"
    ):
        crowd.videos += 1
        crowd.analyses += analyses
        crowd.ready += bool(ready)
        stored = hashlib.sha256((site.var / "files" / key).read_bytes()).hexdigest()
        crowd.hashes_equal += sums.get(name) == sha256 == stored
    return crowd


@contextmanager
def _watched(site: RunningSite, crowd: Crowd) -> Iterator[None]:
    """Wall time, and processor time and memory of the web process."""
    web = site.child("uvicorn")
    crowd.before = memory("VmRSS", web)
    # From now on the peak is counted anew.
    Path(f"/proc/{web}/clear_refs").write_text("5")
    used, began = cpu_seconds(web), time.perf_counter()
    yield
    crowd.wall = time.perf_counter() - began
    crowd.cpu = cpu_seconds(web) - used
    crowd.most = memory("VmHWM", web)


def _analysed(site: RunningSite) -> None:
    """Wait until nothing is left to analyse."""
    deadline = time.monotonic() + ANALYSED_WITHIN
    while site.rows(LEFT) != [(0,)] and time.monotonic() < deadline:
        time.sleep(0.5)


def _plain(folder: Path, files: Sequence[bytes]) -> float:
    """Seconds that one loop takes to write the same bytes to the same disk and to hash them."""
    began = time.perf_counter()
    for number, content in enumerate(files):
        digest, rest = hashlib.sha256(), memoryview(content)
        with (folder / f"plain-{number}").open("wb", buffering=0) as file:
            for start in range(0, len(rest), BLOCK):
                file.write(rest[start : start + BLOCK])
                digest.update(rest[start : start + BLOCK])
            os.fdatasync(file.fileno())
        digest.hexdigest()
    return time.perf_counter() - began


def _probed(paths: Sequence[Path]) -> float:
    """Seconds that one loop takes to look at the headers in the sandbox, as every entrance does."""
    began = time.perf_counter()
    for path in paths:
        probe(path, recognise_path(path), media_limits())
    return time.perf_counter() - began


def _tables(crowds: Sequence[Crowd], floor: float, probing: float) -> list[Table]:
    count, length = len(crowds[0].seconds), crowds[0].length
    mib, rest = length / (1 << 20), (None, None, None)
    speed: list[tuple[Cell, ...]] = [
        ("written and hashed by a loop", floor, mib / floor, 1.0, *rest),
        ("probed in their sandbox by a loop", probing, mib / probing, probing / floor, *rest),
    ]
    became: list[tuple[Cell, ...]] = []
    for crowd in crowds:
        middle, late, _ = spread(crowd.seconds)
        times = crowd.wall / floor
        speed.append((crowd.way.name, crowd.wall, mib / crowd.wall, times, middle, late, crowd.cpu))
        errors = ", ".join(f"{code} × {times}" for code, times in crowd.errors.items()) or "none"
        kept = (crowd.videos, crowd.analyses, crowd.ready, crowd.hashes_equal)
        became.append((crowd.way.name, errors, *kept, round(crowd.before), round(crowd.most)))
    of_web = ("web process: MB before", "at most")
    return [
        Table(
            f"{count} videos of {mib / count:.1f} MiB at once",
            ("", "wall s", "MiB/s", "× the loop", "upload: p50 s", "p95 s", "CPU s of the web"),
            speed,
            (
                "Each upload from its first request to the answer that names the video. Client and "
                "site share the machine. The loops ran before each way: their medians.",
            ),
        ),
        Table(
            "What became of those",
            ("", "errors", "videos", "analyses", "ready", "hashes equal", *of_web),
            became,
        ),
    ]
