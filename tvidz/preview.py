"""The keyframe pass: a look at a few keyframes before the whole video is decoded.

Keyframes cost a fifteenth of a full decode. A copy is told from them before the full pass has
begun; what they do not tell, or tell wrongly, that pass settles.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from videos.limits import media_limits
from videos.media.decode import Decoding
from videos.media.ffmpeg import find_ffmpeg
from videos.media.probe import Probe
from videos.models import MediaType

# The full pass searches after six seconds: in what is hardly longer it tells as soon.
SHORTEST: Final = 8.0
# Only keyframes of so many first seconds are read. All those of a film would take longer than the
# full pass takes to its first search.
LONGEST: Final = 120.0
# Frames that are looked at, spread evenly; alignment wants three that agree.
FRAMES: Final = 24
FRAMES_LEAST: Final = 3
# Keyframes a second beyond which keyframes are no shortcut.
DENSEST: Final = 2.5
_INTRA_ONLY: Final = frozenset({"mjpeg", "prores", "dnxhd"})
# ffmpeg's decoders of these decode every frame they are given.
_NEVER_SKIPPED: Final = frozenset({"vp9", "av1"})
_PATIENCE: Final = 30.0


def worth_a_preview(told: Probe) -> bool:
    """Whether keyframes could tell of a copy sooner than the full pass does."""
    video = told.container.media_type == MediaType.VIDEO
    whole = told.codec in _INTRA_ONLY or told.codec in _NEVER_SKIPPED
    return video and told.duration >= SHORTEST and not whole


def looked_at(told: Probe) -> float:
    """The seconds at the beginning of the video whose keyframes are looked at."""
    return min(told.duration, LONGEST)


def keyframes(path: Path, told: Probe) -> tuple[NDArray[np.uint8], NDArray[np.float64]] | None:
    """At most FRAMES keyframes (n, h, w, 3) uint8 RGB and their times (n,) in seconds.

    None where there are too few to tell anything, or so many that reading them is the full pass
    over again. Raises MediaError.
    """
    seconds = looked_at(told)
    limits = media_limits()
    pictures, times = [], []
    with Decoding(
        path,
        told,
        sample_interval=seconds / FRAMES,
        batch_size=2,
        keyframes_until=seconds,
        limits=replace(limits, wall_seconds=min(limits.wall_seconds, _PATIENCE)),
        ffmpeg=find_ffmpeg(settings.TVIDZ.ffmpeg or None),
    ) as stream:
        for frames in stream:
            pictures.append(frames.pictures)
            times.append(frames.timestamps)
            if len(frames.numbers) and frames.numbers[-1] > DENSEST * frames.timestamps[-1] + 1:
                return None
    joined = np.concatenate(pictures), np.concatenate(times)
    return joined if len(joined[1]) >= FRAMES_LEAST else None
