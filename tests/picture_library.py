"""A library made of pictures alone: all rows and files that an analysis leaves, without ffmpeg."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from matching import index
from matching.engine.descriptors import Descriptor
from matching.fingerprint import FingerprintBuilder, VideoFingerprint
from matching.own_descriptor import own_descriptor
from videos import storage
from videos.media.pictures import jpeg
from videos.models import FrameInfo, MediaType, SceneCuts, State, Video

Pictures = NDArray[np.uint8]
RATE = 4
SECONDS_A_SHOT = 3


def shots_of(seed: int, shots: int = 5) -> Pictures:
    """Frames (n, 90, 160, 3), four a second, three seconds a shot; each shot drifts sidewards."""
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(shots):
        small = rng.integers(0, 256, (5, 9, 3), dtype=np.uint8)
        wide = cv2.resize(small, (200, 90), interpolation=cv2.INTER_CUBIC)
        frames += [wide[:, step : step + 160] for step in range(SECONDS_A_SHOT * RATE)]
    return np.asarray(frames, np.uint8)


def fingerprint_of(pictures: Pictures) -> VideoFingerprint:
    """What the pipeline would make of the frames, by the settings as they stand."""
    builder = FingerprintBuilder(MediaType.VIDEO)
    numbers = np.arange(len(pictures))
    builder.add(pictures, numbers / RATE, numbers, numbers % RATE == 0, cuts_of(pictures))
    return builder.fingerprint(len(pictures) / RATE)


def cuts_of(pictures: Pictures) -> tuple[float, ...]:
    return tuple(float(s) for s in range(SECONDS_A_SHOT, len(pictures) // RATE, SECONDS_A_SHOT))


def taken_in(video_row: Callable[..., Video], pictures: Pictures, name: str) -> Video:
    """The frames as an analysed video of the library, its evidence pictures on disk."""
    fingerprint = fingerprint_of(pictures)
    video = video_row(name, state=State.READY, duration=fingerprint.duration)
    pack = b""
    for number in range(0, len(pictures), RATE):
        picture = jpeg(pictures[number], 78)
        FrameInfo.objects.create(
            video=video,
            extraction_version=1,
            frame_number=number,
            timestamp=number / RATE,
            is_keyframe=False,
            picture_offset=len(pack),
            picture_size=len(picture),
        )
        pack += picture
    video.pictures_key = storage.pictures_key(video.id)
    storage.put_bytes(video.pictures_key, pack)
    video.save(update_fields=["pictures_key"])
    SceneCuts.objects.create(video=video, timestamps=list(cuts_of(pictures)))
    index.store(video.id, fingerprint)
    return video


def library(video_row: Callable[..., Video], count: int = 6) -> list[Video]:
    """So many unrelated videos of five shots each."""
    return [taken_in(video_row, shots_of(100 + n), f"{n}.mp4") for n in range(count)]


def own() -> Descriptor:
    """The descriptor that the settings name; there must be one."""
    mine = own_descriptor()
    assert mine is not None
    return mine
