"""Films to measure with: real footage where TVIDZ_CORPUS names some, else drawn by ffmpeg.

Decoding costs by what is in a file, so it is given a film's bitrate, grain and shots of four
seconds. A minute at most is encoded; what is longer repeats it.
"""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from videos.media.ffmpeg import find_ffmpeg

RATE = 30
SHOT_SECONDS = 4
# Megabits a second of H.264 at 720 lines; the others say the same with less.
_MEGABITS = 4.0
_GRAIN = "noise=alls=5:allf=t"


class NoEncoder(Exception):
    """This ffmpeg cannot write the codec."""


@dataclass(frozen=True)
class _Codec:
    """An encoder's options, its share of H.264's bitrate, and how many seconds are worth it."""

    options: tuple[str, ...]
    share: float
    seconds: float


_CODECS = {
    "h264": _Codec(("-c:v", "libx264", "-preset", "veryfast"), 1.0, 60.0),
    "hevc": _Codec(("-c:v", "libx265", "-preset", "superfast", "-tag:v", "hvc1"), 0.6, 30.0),
    "vp9": _Codec(
        ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "7", "-row-mt", "1"),
        0.6,
        30.0,
    ),
    "av1": _Codec(("-c:v", "libsvtav1", "-preset", "10"), 0.5, 30.0),
}
CODECS = tuple(_CODECS)

_DRAWN = (
    "mandelbrot=s={size}:r={rate}:start_x=-0.743643:start_y=0.131825:start_scale=0.06"
    ":end_scale=0.0015:end_pts=200:maxiter=300",
    "life=s=160x90:r={rate}:seed=7:ratio=0.35:mold=12:life_color=white:death_color=teal"
    ":mold_color=black,scale={size}:flags=neighbor,boxblur=3",
    "testsrc2=s={size}:r={rate}",
    "cellauto=s=160x90:r={rate}:rule=110:seed=5:scroll=1,scale={size}:flags=neighbor,boxblur=2",
    "mandelbrot=s={size}:r={rate}:start_x=-1.25066:start_y=0.02012:start_scale=0.05"
    ":end_scale=0.00125:end_pts=200:maxiter=300",
)


def footage(folder: Path, *, height: int, seconds: float, codec: str = "h264") -> Path:
    """An MP4 of `seconds` at `height` lines, 16:9, 30 frames a second, without sound.

    codec is one of CODECS. What lies in `folder` already is not made again. Raises NoEncoder, and
    CalledProcessError when ffmpeg fails otherwise.
    """
    taken = _clips()
    source = "corpus" if taken else "drawn"
    encoded = min(seconds, _CODECS[codec].seconds)
    once = folder / f"{source}-{codec}-{height}p-{encoded:g}s.mp4"
    folder.mkdir(parents=True, exist_ok=True)
    if not once.exists():
        _encode(once, taken, height, encoded, codec)
    if encoded == seconds:
        return once
    longer = once.with_name(f"{source}-{codec}-{height}p-{seconds:g}s.mp4")
    if not longer.exists():
        # By frames: -t with copied streams ends at the next keyframe or so.
        _run(
            longer,
            *("-stream_loop", "-1", "-i", str(once), "-c", "copy"),
            *("-frames:v", str(round(seconds * RATE))),
        )
    return longer


def _clips() -> list[Path]:
    """The corpus's films in order of their names; none where TVIDZ_CORPUS is not set."""
    named = os.environ.get("TVIDZ_CORPUS")
    return sorted((Path(named) / "dev" / "refs").glob("*.mp4")) if named else []


def _encode(path: Path, clips: Sequence[Path], height: int, seconds: float, codec: str) -> None:
    chosen = _CODECS[codec]
    if f" {chosen.options[1]} " not in _told("-encoders"):
        raise NoEncoder(f"this ffmpeg has no {chosen.options[1]}")
    size = f"{round(height * 16 / 9 / 2) * 2}x{height}"
    shots = max(1, round(seconds / SHOT_SECONDS + 0.49))
    inputs: list[str] = []
    for shot in range(shots):
        if clips:
            # Spread over all of them, and none twice before each was taken.
            clip = clips[shot * max(1, len(clips) // shots) % len(clips)]
            inputs += ["-t", str(SHOT_SECONDS), "-i", str(clip)]
        else:
            drawn = _DRAWN[shot % len(_DRAWN)].format(size=size, rate=RATE)
            inputs += ["-f", "lavfi", "-t", str(SHOT_SECONDS), "-i", drawn]
    wide, high = size.split("x")
    fit = (
        f"scale={wide}:{high}:force_original_aspect_ratio=increase,crop={wide}:{high},"
        f"setsar=1,fps={RATE},format=yuv420p"
    )
    graph = ";".join(f"[{shot}:v]{fit}[s{shot}]" for shot in range(shots))
    joined = "".join(f"[s{shot}]" for shot in range(shots))
    graph += f";{joined}concat=n={shots},{_GRAIN}[film]"
    megabits = _MEGABITS * chosen.share * (height / 720) ** 1.5
    _run(
        path,
        *inputs,
        *("-filter_complex", graph, "-map", "[film]", "-t", str(seconds)),
        *(*chosen.options, "-b:v", f"{megabits:.2f}M", "-g", "250"),
    )


def _run(path: Path, *words: str) -> None:
    """ffmpeg to `path`, which is there whole or not at all."""
    begun = path.with_name(f"{path.name}.{os.getpid()}.part")
    program = find_ffmpeg(settings.TVIDZ.ffmpeg or None).path
    try:
        subprocess.run(
            [program, "-v", "error", "-nostdin", "-y", *words, "-an", "-f", "mp4", str(begun)],
            check=True,
            capture_output=True,
        )
        begun.replace(path)
    finally:
        begun.unlink(missing_ok=True)


def _told(question: str) -> str:
    program = find_ffmpeg(settings.TVIDZ.ffmpeg or None).path
    return subprocess.run(
        [program, "-hide_banner", question], check=True, capture_output=True, text=True
    ).stdout
