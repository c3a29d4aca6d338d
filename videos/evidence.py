"""Evidence pictures: the stored JPEG of each index frame, read back as arrays."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from videos import storage
from videos.models import FrameInfo, Video


def evidence_pictures(
    video: Video, frames: Iterable[FrameInfo]
) -> Iterator[tuple[FrameInfo, NDArray[np.uint8]]]:
    """Each of `frames` that has a picture with it: RGB (h, w, 3) uint8, as the decoder shrank it.

    Raises FileNotFoundError where the video's pack of pictures is gone.
    """
    with_picture = [frame for frame in frames if frame.picture_size]
    if not video.pictures_key or not with_picture:
        return
    with storage.open_stored(video.pictures_key) as pack:
        for frame in with_picture:
            pack.seek(frame.picture_offset or 0)
            stored = pack.read(frame.picture_size or 0)
            picture = cv2.imdecode(np.frombuffer(stored, np.uint8), cv2.IMREAD_COLOR)
            if picture is not None:
                yield frame, np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
