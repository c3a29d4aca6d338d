"""Finding the ffmpeg to use."""

import functools
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import Literal

import imageio_ffmpeg

from videos.media.errors import MediaError
from videos.media.limits import Limits
from videos.media.sandbox import kill_group, spawn

OLDEST = (5, 1)
"""The first release with -fps_mode; older ones are passed over."""

_ASK = Limits(wall_seconds=20, cpu_seconds=20)


@dataclass(frozen=True)
class Ffmpeg:
    """An ffmpeg that answered from inside the sandbox."""

    path: str
    version: str
    origin: Literal["setting", "system", "package"]


def find_ffmpeg(configured: str | None = None) -> Ffmpeg:
    """The ffmpeg to use: the configured one if given, else the system's, else the one from PyPI.

    The answer is kept for the life of the process. A configured path that does not work is an
    error, never passed over in silence. Raises MediaError FFMPEG_MISSING.
    """
    return _find(configured or None)


@functools.cache
def _find(configured: str | None) -> Ffmpeg:
    reasons: list[str] = []
    for origin, path in _candidates(configured):
        try:
            version = _version(path)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            reasons.append(f"{path}: {error}")
            continue
        return Ffmpeg(path, version, origin)
    raise MediaError("FFMPEG_MISSING", detail="; ".join(reasons))


def _candidates(
    configured: str | None,
) -> list[tuple[Literal["setting", "system", "package"], str]]:
    if configured:
        return [("setting", shutil.which(configured) or configured)]
    found: list[tuple[Literal["setting", "system", "package"], str]] = []
    if system := shutil.which("ffmpeg"):
        found.append(("system", system))
    try:
        found.append(("package", imageio_ffmpeg.get_ffmpeg_exe()))
    except RuntimeError:  # no binary in the package on this platform
        pass
    return found


def _version(path: str) -> str:
    """Ask inside the sandbox: an ffmpeg that cannot live there (a wrapper script) is no use."""
    if not os.path.isfile(path):
        raise ValueError("there is no such file")
    child = spawn([path, "-version"], readable=(), limits=_ASK)
    try:
        output, errors = child.communicate(timeout=_ASK.wall_seconds)
    finally:
        kill_group(child)
    found = re.match(rb"ffmpeg version (\S+)", output)
    if found is None:
        complaint = errors[-200:].decode("utf-8", "replace")
        raise ValueError(f"it does not answer as ffmpeg does: {complaint}")
    version = found[1].decode("ascii", "replace")
    numbers = re.match(r"n?(\d+)\.(\d+)", version)
    # Builds from git have a date or a hash in place of a number; they are newer than 5.1.
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST:
        raise ValueError(f"version {version} is older than 5.1")
    return version
