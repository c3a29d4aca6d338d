"""System checks: what this installation stands on, each with an id and a hint."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning, register

from videos.media.errors import MediaError
from videos.media.ffmpeg import find_ffmpeg
from videos.media.sandbox import capabilities


@register("tvidz")
def ffmpeg_found(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Which ffmpeg reads the videos."""
    try:
        found = find_ffmpeg(settings.TVIDZ.ffmpeg or None)
    except MediaError as error:
        return [
            Error(
                error.message,
                hint="Install ffmpeg 5.1 or newer, or set TVIDZ_FFMPEG to its path.",
                id="tvidz.E001",
            )
        ]
    return [Info(f"ffmpeg {found.version} ({found.origin}): {found.path}", id="tvidz.I001")]


@register("tvidz")
def sandbox_whole(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Whether the kernel offers every lock of the sandbox."""
    report = capabilities()
    if report.whole:
        return []
    return [
        Warning(
            f"Videos are read with fewer locks than intended: {report}.",
            hint="Linux 5.13 or newer has Landlock and seccomp; see docs/security.md.",
            id="tvidz.W001",
        )
    ]
