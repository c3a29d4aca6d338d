"""Adding to the library again and again, as ingest does while others search."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from matching import index
from matching.fingerprint import VideoFingerprint
from videos.extraction import EXTRACTION_VERSION
from videos.models import FrameInfo, MediaType, State, Video


def another_video(fingerprint: VideoFingerprint) -> Video:
    """One more video with the frames of a fingerprint, not in the index yet."""
    name = uuid.uuid4()
    video = Video.objects.create(
        id=name,
        filename=f"{name}.mp4",
        media_type=MediaType.VIDEO,
        state=State.READY,
        storage_key=str(name),
        mime="video/mp4",
        demuxer="mov",
        size_bytes=1,
        sha256=name.hex * 2,
        duration=fingerprint.duration,
    )
    FrameInfo.objects.bulk_create(
        FrameInfo(
            video=video,
            extraction_version=EXTRACTION_VERSION,
            frame_number=int(number),
            timestamp=float(number),
            is_keyframe=False,
        )
        for number in fingerprint.index.number
    )
    return video


def store(video: Video, fingerprint: VideoFingerprint) -> None:
    """What an analysis does to make a video searchable."""
    with transaction.atomic():
        index.store(video.id, fingerprint)


@contextmanager
def adding(fingerprint: VideoFingerprint) -> Iterator[None]:
    """Somebody else adds and deletes a video without pause while the block runs."""
    over = threading.Event()

    def work() -> None:
        try:
            while not over.is_set():
                video = another_video(fingerprint)
                store(video, fingerprint)
                video.delete()
        finally:
            connection.close()

    other = threading.Thread(target=work, daemon=True)
    other.start()
    try:
        yield
    finally:
        over.set()
        other.join()
