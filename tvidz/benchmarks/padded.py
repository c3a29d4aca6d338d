"""Playable files of any size: a short clip and a box behind it that no player reads."""

import random
import subprocess
from pathlib import Path

from django.conf import settings

from videos.media.ffmpeg import find_ffmpeg

SECONDS = 2


def clips(folder: Path, count: int) -> list[bytes]:
    """MP4 files of two seconds at 160 by 90, each of another picture; they lie in `folder` then."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_clip(folder / f"clip-{number}.mp4", number) for number in range(count)]


def padded(clip: bytes, size: int, seed: int) -> bytes:
    """The clip with a `free` box of noise at its end, `size` bytes in all."""
    filler = size - len(clip) - 8
    if filler < 0:
        raise ValueError(f"the clip alone is {len(clip)} bytes long")
    return clip + (8 + filler).to_bytes(4, "big") + b"free" + random.Random(seed).randbytes(filler)


def _clip(path: Path, number: int) -> bytes:
    if not path.exists():
        scene = f"life=s=40x22:r=10:seed={number + 1}:ratio=0.4:mold=10:life_color=white"
        program = find_ffmpeg(settings.TVIDZ.ffmpeg or None).path
        begun = path.with_suffix(".part")
        words = ["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-t", str(SECONDS), "-i", scene]
        words += ["-vf", "scale=160:90:flags=neighbor,boxblur=2", "-pix_fmt", "yuv420p"]
        subprocess.run([program, *words, "-f", "mp4", str(begun)], check=True, capture_output=True)
        begun.replace(path)
    return path.read_bytes()
