"""Adding to the library again and again, as ingest does while others search."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from matching import index
from matching.fingerprint import VideoFingerprint
from tvidz.benchmarks.library import made_up_video
from videos.extraction import EXTRACTION_VERSION
from videos.models import FrameInfo, Video


def another_video(fingerprint: VideoFingerprint) -> Video:
    """One more video with the frames of a fingerprint, not in the index yet."""
    video = made_up_video(fingerprint.duration)
    video.save(force_insert=True)
    times = fingerprint.regions[0].track.times[fingerprint.index.position]
    FrameInfo.objects.bulk_create(
        FrameInfo(
            video=video,
            extraction_version=EXTRACTION_VERSION,
            frame_number=int(number),
            timestamp=float(time),
            is_keyframe=False,
        )
        for number, time in zip(fingerprint.index.number, times, strict=True)
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
