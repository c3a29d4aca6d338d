"""One pass over a film: ffmpeg's child and our own process, over what decoding alone costs.

Everything that is compared runs by turns, a round at a time, so that a busy machine slows all of
it; a table's ratio is the median of the rounds' ratios.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from matching.engine.colour import colour_vector
from matching.engine.hashing import dct_hashes, luminance, to_square
from matching.engine.local import detect
from matching.engine.regions import Box
from matching.engine.small import Strips, shrunk
from matching.fingerprint import AT_ONCE, TURNS
from matching.pictures import FEATURES
from matching.words import vocabulary
from tvidz.benchmarks.footage import NoEncoder, footage
from tvidz.benchmarks.one_pass import Cost, floor, run
from tvidz.benchmarks.tables import Table
from tvidz.fingerprinting import decoding, index_frames, sampling_of
from videos.limits import media_limits
from videos.media.ffmpeg import find_ffmpeg
from videos.media.probe import probe
from videos.uploads.accept import recognise_path

Tell = Callable[[str], None]
Rounds = dict[str, list[Cost]]
Pictures = NDArray[np.uint8]

OURS: Final = ("pictures", "hashes", "whole")
RIVALS: Final = ("pyav", "opencv")


def measure(quick: bool, tell: Tell) -> list[Table]:
    """The tables of `manage.py bench extraction`."""
    folder = settings.TVIDZ.var / "bench"
    if quick:
        film = footage(folder, height=180, seconds=4)
        rounds = _rounds(film, (*OURS, *RIVALS), 1, tell)
        films = [("h264 180p", 4.0, rounds)]
        return [_ours(films), _rivals(films), _parts(film, 4.0, rounds), _memory([(4.0, film)])]
    films = []
    for codec, height, seconds, count in (
        ("h264", 720, 60.0, 3),
        ("h264", 1080, 60.0, 3),
        ("hevc", 720, 30.0, 3),
        ("vp9", 720, 30.0, 3),
        ("av1", 720, 30.0, 3),
    ):
        tell(f"{codec} {height}p")
        try:
            film = footage(folder, height=height, seconds=seconds, codec=codec)
        except NoEncoder as error:
            tell(f"left out: {error}")
            continue
        kinds = (*OURS, *RIVALS) if codec == "h264" else OURS
        films.append((f"{codec} {height}p", seconds, _rounds(film, kinds, count, tell)))
    film = footage(folder, height=720, seconds=60)
    lengths = [(s, footage(folder, height=720, seconds=s)) for s in (60.0, 300.0, 1800.0)]
    tell("memory, up to half an hour of video")
    return [
        _ours(films),
        _rivals([film for film in films if film[0].startswith("h264")]),
        _parts(film, 60.0, films[0][2]),
        _memory(lengths),
    ]


def _rounds(film: Path, kinds: Iterable[str], count: int, tell: Tell) -> Rounds:
    """Costs by kind, one a round; "floor" among them."""
    ffmpeg = find_ffmpeg(settings.TVIDZ.ffmpeg or None).path
    rounds: Rounds = {kind: [] for kind in ("floor", *kinds)}
    for number in range(count):
        for kind, costs in rounds.items():
            costs.append(floor(ffmpeg, film) if kind == "floor" else run(kind, film))
        tell(f"{film.name}: round {number + 1} of {count}")
    return rounds


def _ratio(rounds: Rounds, kind: str, of: Callable[[Cost], float], base: str = "cpu") -> float:
    pairs = zip(rounds[kind], rounds["floor"], strict=True)
    return median(of(cost) / getattr(least, base) for cost, least in pairs)


def _ours(films: list[tuple[str, float, Rounds]]) -> Table:
    table = Table(
        "One pass over a film, by the floor",
        (
            *("film", "floor, CPU s a minute", "pictures", "+ hashes, strips", "+ local features"),
            *("of it ffmpeg", "of it Python", "of it probing", "wall", "rounds"),
        ),
        notes=(
            "The floor is `ffmpeg -f null` with as many threads; figures from the third column on "
            "are times that. Pictures: shot boundaries, sampled pictures and their times, read. "
            "The last four tell of the whole; probing is the same however long the film.",
        ),
    )
    for name, seconds, rounds in films:
        table.rows.append(
            (
                name,
                median(cost.cpu for cost in rounds["floor"]) * 60 / seconds,
                *(_ratio(rounds, kind, lambda cost: cost.cpu) for kind in OURS),
                _ratio(rounds, "whole", lambda cost: cost.ffmpeg),
                _ratio(rounds, "whole", lambda cost: cost.python),
                _ratio(rounds, "whole", lambda cost: cost.probe),
                _ratio(rounds, "whole", lambda cost: cost.wall, "wall"),
                len(rounds["floor"]),
            )
        )
    return table


def _rivals(films: list[tuple[str, float, Rounds]]) -> Table:
    table = Table(
        "Other ways to the same pictures, by the floor",
        ("film", "tvidz", "PyAV", "OpenCV", "tvidz, wall", "PyAV, wall", "OpenCV, wall"),
        notes=(
            "PyAV and OpenCV decode in the process itself, without sandbox and shot boundaries; "
            "OpenCV brings its own ffmpeg and takes the threads it likes.",
        ),
    )
    kinds = ("pictures", *RIVALS)
    for name, _, rounds in films:
        cpu = [_ratio(rounds, kind, lambda cost: cost.cpu) for kind in kinds]
        wall = [_ratio(rounds, kind, lambda cost: cost.wall, "wall") for kind in kinds]
        table.rows.append((name, *cpu, *wall))
    return table


def _memory(films: list[tuple[float, Path]]) -> Table:
    table = Table(
        "Memory, MB",
        ("minutes of video", "ffmpeg's peak", "the worker grew by", "fingerprint", "frames"),
        notes=(
            "The worker's peak over what it had before, in a process that has seen one film. The "
            "fingerprint is the part of it that grows with the film.",
        ),
    )
    for seconds, film in films:
        cost = run("whole", film)
        row = (seconds / 60, cost.ffmpeg_peak, cost.grown, cost.held, cost.frames)
        table.rows.append(row)
    return table


def _parts(film: Path, seconds: float, rounds: Rounds) -> Table:
    """Each part of our own work by itself, over the film's first pictures."""
    least = median(cost.cpu for cost in rounds["floor"]) * 60 / seconds
    table = Table(
        "Our own work by part",
        ("part", "ms each", "each a minute", "by the floor"),
        notes=("Inside borders only where a film has still ones; no film here has.",),
    )
    for name, work, count, a_minute in _works(*_pictures(film)):
        each = _processor(work) / count
        table.rows.append((name, each * 1000, a_minute, each * a_minute / least))
    return table


def _works(dense: Pictures, index: Pictures) -> list[tuple[str, Callable[[], object], int, int]]:
    """Name, work, how many frames it is done for, how many frames a minute want it."""
    batches = [dense[start : start + AT_ONCE] for start in range(0, len(dense), AT_ONCE)]
    grays = [luminance(batch) for batch in batches]
    levels = [_levels(gray) for gray in grays]
    asked = list(_levels(luminance(index)))
    features = [detect(picture, FEATURES) for picture in asked]
    box = Box(0.1, 0.1, 0.8, 0.8)
    held = vocabulary()
    return [
        ("grey levels", lambda: [_levels(luminance(b)) for b in batches], len(dense), 240),
        ("hashes in four turns", lambda: [_hashes(gray) for gray in grays], len(dense), 240),
        ("inside borders", lambda: [_hashes(box.of(level)) for level in levels], len(dense), 240),
        ("small frames as strips", lambda: _strips(levels), len(dense), 240),
        ("colours", lambda: colour_vector(index), len(index), 60),
        ("local features", lambda: [detect(one, FEATURES) for one in asked], len(index), 60),
        ("their words", lambda: [held.words(one) for one in features], len(index), 60),
        ("their patches", lambda: [held.patches(one).packed() for one in features], len(index), 60),
    ]


def _levels(gray: NDArray[np.float32]) -> Pictures:
    return np.clip(np.rint(gray), 0, 255).astype(np.uint8)


def _hashes(gray: NDArray[Any]) -> object:
    return dct_hashes(to_square(gray), TURNS)


def _strips(levels: Iterable[Pictures]) -> None:
    strips = Strips([])
    for level in levels:
        strips.add(shrunk(level))


def _pictures(film: Path) -> tuple[Pictures, Pictures]:
    """The film's first sixty dense pictures, and its index frames' pictures."""
    told = probe(film, recognise_path(film), media_limits())
    sampling = sampling_of(told, film.name)
    chooser = index_frames(sampling)
    dense: list[Pictures] = []
    index: list[Pictures] = []
    with decoding(film, told, sampling) as stream:
        for frames in stream:
            index += list(frames.pictures[chooser.choose(frames.timestamps)])
            dense += list(frames.pictures[: max(0, 60 - len(dense))])
    return np.stack(dense), np.stack(index)


def _processor(work: Callable[[], object]) -> float:
    """Processor seconds, the median of five times."""
    spent = []
    for _ in range(5):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return median(spent)
