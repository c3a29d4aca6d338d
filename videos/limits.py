"""The limits of the settings in the form the media layer takes."""

from django.conf import settings

from videos.media.limits import Limits


def media_limits() -> Limits:
    """Limits of one ffmpeg run, from the settings as they stand now."""
    options = settings.TVIDZ
    return Limits(
        max_duration=options.max_duration,
        wall_seconds=float(options.analysis_timeout),
        cpu_seconds=options.analysis_timeout * options.ffmpeg_threads,
        memory_bytes=options.ffmpeg_memory_mb << 20,
        threads=options.ffmpeg_threads,
    )
