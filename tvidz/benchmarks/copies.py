"""Copies of a film to ask with: encoded anew, smaller and worse, as an upload of it would be."""

import subprocess
from pathlib import Path

from django.conf import settings

from videos.media.ffmpeg import find_ffmpeg


def copy_of(film: Path, *, crf: int = 23, once: float = 60.0) -> Path:
    """A copy beside the film, made once: seconds up to `once` are encoded, the rest repeats them.

    Films of `footage` repeat themselves every minute, so the copy of a longer one is its copy too.
    """
    copy = film.with_name(f"{film.stem}-copy-{crf}.mp4")
    if copy.exists():
        return copy
    part = copy.with_name(f"{copy.stem}-once.mp4")
    encoder = ("-c:v", "libx264", "-preset", "veryfast", "-crf", str(crf), "-g", "250")
    _run("-t", str(once), "-i", str(film), *encoder, "-an", str(part))
    _run("-stream_loop", "-1", "-i", str(part), "-c", "copy", "-t", _seconds(film), str(copy))
    part.unlink()
    return copy


def _seconds(film: Path) -> str:
    """The film's length as `footage` wrote it into its name."""
    return film.stem.rpartition("-")[2].removesuffix("s")


def _run(*words: str) -> None:
    program = find_ffmpeg(settings.TVIDZ.ffmpeg or None).path
    begun = Path(words[-1]).with_suffix(".part.mp4")
    command = [program, "-v", "error", "-nostdin", "-y", *words[:-1], str(begun)]
    subprocess.run(command, check=True, capture_output=True)
    begun.replace(words[-1])
