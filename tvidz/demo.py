"""Sample videos made on the spot by ffmpeg's generators, and doctored copies of them.

Nothing is downloaded. Every film has motion and hard cuts, so that there is something to match.
"""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from videos.media.ffmpeg import find_ffmpeg

SIZE = "480x270"
RATE = 25
SCENE_SECONDS = 5


@dataclass(frozen=True)
class Film:
    """A library video: a name and the generators of its scenes."""

    name: str
    scenes: tuple[str, ...]


@dataclass(frozen=True)
class Copy:
    """A doctored copy: its name, what was done in words, its films and ffmpeg's filter graph."""

    name: str
    done: str
    films: tuple[str, ...]
    graph: str
    options: tuple[str, ...] = ()


def _mandelbrot(x: float, y: float, scale: float) -> str:
    return (
        f"mandelbrot=s={SIZE}:r={RATE}:start_x={x}:start_y={y}:start_scale={scale}"
        f":end_scale={scale / 40}:end_pts=200:maxiter=300"
    )


def _life(seed: int, mold: str) -> str:
    return (
        f"life=s=160x90:r={RATE}:seed={seed}:ratio=0.35:mold=12:life_color=white"
        f":death_color={mold}:mold_color=black,scale={SIZE}:flags=neighbor,boxblur=3"
    )


def _sierpinski(seed: int, kind: str) -> str:
    return f"sierpinski=s={SIZE}:r={RATE}:seed={seed}:type={kind}:jump=40,hue=h={seed * 47 % 360}"


def _cells(rule: int, seed: int, hue: int) -> str:
    return (
        f"cellauto=s=160x90:r={RATE}:rule={rule}:seed={seed}:scroll=1,scale={SIZE}:flags=neighbor"
        f",format=rgb24,colorchannelmixer=rr=0.{hue}:gg=0.6:bb=0.9,boxblur=2"
    )


def _drift(seed: int) -> str:
    return (
        f"gradients=s={SIZE}:r={RATE}:seed={seed}:n=6:speed=0.03:nb_colors=6,"
        f"format=rgb24,noise=all_seed={seed}:alls=12"
    )


FILMS = (
    Film(
        "seahorse-valley.mp4",
        (
            _mandelbrot(-0.743643, 0.131825, 0.06),
            _life(7, "teal"),
            _mandelbrot(-1.25066, 0.02012, 0.05),
            _sierpinski(3, "carpet"),
            _mandelbrot(-0.16070, 1.0375665, 0.04),
        ),
    ),
    Film(
        "cells-at-dawn.mp4",
        (
            _cells(110, 5, 9),
            _mandelbrot(0.001643, -0.822467, 0.08),
            _life(21, "orange"),
            _cells(73, 9, 4),
            _mandelbrot(-0.0882, 0.6545, 0.06),
        ),
    ),
    Film(
        "triangles-and-tides.mp4",
        (
            _sierpinski(5, "triangle"),
            _mandelbrot(-1.7687788, 0.0017389, 0.05),
            _cells(30, 2, 7),
            _mandelbrot(0.2925755, 0.0149977, 0.05),
            _life(33, "purple"),
        ),
    ),
)

COPIES = (
    Copy(
        "evening-upload.mp4",
        "ten seconds of seahorse-valley, re-encoded badly",
        ("seahorse-valley.mp4",),
        "[0:v]trim=6:16,setpts=PTS-STARTPTS,scale=320:180[out]",
        ("-crf", "36"),
    ),
    Copy(
        "mirror-mirror.mp4",
        "cells-at-dawn, mirrored and with bars above and below",
        ("cells-at-dawn.mp4",),
        "[0:v]hflip,pad=iw:ih*4/3:0:(oh-ih)/2[out]",
    ),
    Copy(
        "best-of.mp4",
        "parts of two films, one after the other, brighter",
        ("triangles-and-tides.mp4", "seahorse-valley.mp4"),
        "[0:v]trim=2:11,setpts=PTS-STARTPTS[a];[1:v]trim=13:23,setpts=PTS-STARTPTS[b];"
        "[a][b]concat=n=2,eq=brightness=0.06:contrast=1.1[out]",
    ),
    Copy(
        "a-little-faster.mp4",
        "triangles-and-tides at 1.25 times its speed",
        ("triangles-and-tides.mp4",),
        f"[0:v]setpts=PTS/1.25,fps={RATE}[out]",
    ),
)

STRANGER = Film("nothing-like-it.mp4", (_drift(4), _mandelbrot(-0.235125, 0.827215, 0.05)))


def make_library(folder: Path, told: Callable[[str], None]) -> list[Path]:
    """The films, made where they do not lie there already."""
    return [make_film(folder, film, told) for film in FILMS]


def make_film(folder: Path, film: Film, told: Callable[[str], None]) -> Path:
    """One film, made where it does not lie there already."""
    return _make(folder / film.name, _film_words(film), told)


def make_copies(folder: Path, told: Callable[[str], None]) -> list[tuple[Path, str]]:
    """Doctored copies and one stranger, each with what was done to it."""
    made = [(make_copy(folder, copy, told), copy.done) for copy in COPIES]
    return [*made, (make_film(folder, STRANGER, told), "new, a copy of nothing")]


def make_copy(folder: Path, copy: Copy, told: Callable[[str], None]) -> Path:
    """One doctored copy; its films lie in `folder`."""
    inputs = [word for film in copy.films for word in ("-i", str(folder / film))]
    words = [*inputs, "-filter_complex", copy.graph, "-map", "[out]", *copy.options]
    return _make(folder / copy.name, words, told)


def _film_words(film: Film) -> list[str]:
    words, made, joined = [], "", ""
    for number, scene in enumerate(film.scenes):
        words += ["-f", "lavfi", "-t", str(SCENE_SECONDS), "-i", scene]
        made += f"[{number}:v]setsar=1,format=yuv420p[s{number}];"
        joined += f"[s{number}]"
    graph = f"{made}{joined}concat=n={len(film.scenes)}[out]"
    return [*words, "-filter_complex", graph, "-map", "[out]"]


def _make(path: Path, words: list[str], told: Callable[[str], None]) -> Path:
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}")
    program = find_ffmpeg(settings.TVIDZ.ffmpeg or None).path
    encoder = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-f", "mp4"]
    subprocess.run(
        [program, "-v", "error", "-y", "-nostdin", *words, *encoder, str(beside)], check=True
    )
    beside.replace(path)
    told(path.name)
    return path
