"""Adding to the library again and again, as ingest does while others search."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from matching import index
from matching.fingerprint import VideoFingerprint
from matching.models import FeatureVector
from videos.extraction import EXTRACTION_VERSION
from videos.models import FrameInfo, MediaType, State, Video


def store_again(fingerprint: VideoFingerprint) -> int:
    """Store a fingerprint as one more video's; how many index rows that took."""
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
    with transaction.atomic():
        index.store(video.id, fingerprint)
    rows = FeatureVector.objects.filter(video=video).count()
    video.delete()
    return rows


@contextmanager
def adding(fingerprint: VideoFingerprint) -> Iterator[None]:
    """Somebody else adds and deletes a video without pause while the block runs."""
    over = threading.Event()

    def work() -> None:
        try:
            while not over.is_set():
                store_again(fingerprint)
        finally:
            connection.close()

    other = threading.Thread(target=work, daemon=True)
    other.start()
    try:
        yield
    finally:
        over.set()
        other.join()
