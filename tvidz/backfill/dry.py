"""What a run would do, told without reading a file or changing a row."""

import os
from collections.abc import Iterator
from dataclasses import replace

from tvidz.backfill.known import Known, look_up
from tvidz.backfill.plan import Plan
from tvidz.backfill.report import Ended
from tvidz.backfill.run import AT_ONCE
from tvidz.backfill.sources import InBucket, Source
from tvidz.backfill.taking import Taker
from videos.errors import Refusal
from videos.s3 import StorageUnavailable, answering, s3
from videos.uploads.room import check_size


def would_end(plan: Plan, limit: int | None) -> Iterator[Ended]:
    """How each source would end; a file whose time has changed counts as new.

    In words: known, failed, would be refused, tried again, gone on with, registered, or taken in.
    """
    begun = 0
    for first in range(0, len(plan.sources), AT_ONCE):
        looked = [_look(source) for source in plan.sources[first : first + AT_ONCE]]
        known = look_up([source for source, _ in looked])
        for source, refusal in looked:
            over = Taker(plan).passed_over(source, known.get(source))
            if over is None:
                if begun == limit:
                    return
                begun += 1
            yield over or _would(source, refusal, known.get(source))


def _look(source: Source) -> tuple[Source, Refusal | None]:
    """The source as it lies there now, and what it would be refused for."""
    try:
        if not isinstance(source, InBucket):
            check_size(os.stat(source.path).st_size)
        else:
            if source.size is None:
                with answering():
                    head = s3().head_object(Bucket=source.bucket, Key=source.key)
                source = replace(source, etag=head["ETag"], size=head["ContentLength"])
            check_size(source.size or 0)
    except Refusal as refusal:
        return source, refusal
    except StorageUnavailable as error:
        return source, Refusal("NO_STORAGE", str(error).partition("\n")[0])
    except OSError as error:
        return source, Refusal("UNREADABLE", f"It cannot be read: {error.strerror or error}.")
    return source, None


def _would(source: Source, refusal: Refusal | None, known: Known | None) -> Ended:
    if refusal is not None:
        return Ended(source.text, "would be refused", refusal.code, refusal.message)
    if known is None:
        return Ended(source.text, "would be taken in")
    if not known.stored or known.retryable:
        return Ended(source.text, "would be tried again", video_id=known.video_id)
    word = "would be registered" if known.settled else "would be gone on with"
    return Ended(source.text, word, video_id=known.video_id)
