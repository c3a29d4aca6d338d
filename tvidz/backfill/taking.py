"""One source on its way in: taken in, registered, analysed; told as it ended."""

import os
import stat
import time
import uuid
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event

import structlog
from django.db import InterfaceError, OperationalError, ProgrammingError

from matching.links import links_of
from matching.models import DuplicateLink
from moderation.registration import register
from tvidz.backfill.known import Known, stamp_of
from tvidz.backfill.plan import Plan
from tvidz.backfill.report import Ended
from tvidz.backfill.sources import InBucket, OnDisk, Source
from tvidz.pipeline import analyse
from tvidz.progress import Duplicate, publish
from videos.advisory import only_one
from videos.errors import Refusal
from videos.models import UNFINISHED, WITHHELD, Analysis, State, Upload, Video
from videos.queue import again
from videos.s3 import StorageUnavailable
from videos.uploads.accept import Arrival, refuse, sha256_of, take_in
from videos.uploads.room import check_size
from videos.uploads.s3.ingest import take_in_object

log = structlog.get_logger(__name__)

# An analysis that a worker has, or whose worker died and whose lease has not run out.
ELSEWHERE = "with a worker"
LOOK_AGAIN = 0.5


@dataclass(frozen=True)
class Taker:
    """Takes in what a plan names. `here`: analyse in this process, instead of by workers."""

    plan: Plan
    here: bool = True

    def passed_over(self, source: Source, known: Known | None) -> Ended | None:
        """How a source ended before that needs nothing more, else None."""
        if known is None or not known.settled:
            return None
        if known.state in (State.FAILED, State.QUARANTINED):
            told = (known.code, known.message)
            return Ended(source.text, known.state, *told, video_id=known.video_id)
        rights = self.plan.rights(source)
        unregistered = rights is not None and rights.holder.pk not in known.holders
        if unregistered and known.state != State.DELETED:
            return None
        return Ended(source.text, "known", video_id=known.video_id)

    def take(self, source: Source) -> Ended:
        """See a source through, as far as it goes here; raises what the database fails with."""
        began = time.monotonic()
        try:
            ended = self._take(source)
        except (OperationalError, InterfaceError, ProgrammingError):
            raise
        except Refusal as refusal:
            ended = Ended(source.text, "refused", refusal.code, refusal.message)
        except StorageUnavailable as error:
            ended = Ended(source.text, "refused", "NO_STORAGE", _first_line(error))
        except OSError as error:
            told = f"It cannot be read: {error.strerror or error}."
            ended = Ended(source.text, "refused", "UNREADABLE", told)
        except Exception:
            log.exception("not taken in", source=source.text)
            told = "Something went wrong on our side; the log has the details."
            ended = Ended(source.text, "failed", "INTERNAL", told)
        return replace(ended, seconds=time.monotonic() - began)

    def follow(self, ended: Ended, stop: Event) -> Ended:
        """Wait for an analysis that somebody else has, and do it where they have let go of it."""
        began = time.monotonic()
        while ended.video_id is not None and ended.word == ELSEWHERE:
            video = Video.objects.filter(pk=ended.video_id).first()
            if video is None:
                return replace(ended, word="failed", code="GONE", message="It was deleted.")
            ended = _analysed(ended.source, video)
            if ended.word == ELSEWHERE and stop.wait(LOOK_AGAIN):
                break
        return replace(ended, seconds=time.monotonic() - began)

    def _take(self, source: Source) -> Ended:
        video, new = self._in_bucket(source) if isinstance(source, InBucket) else self._file(source)
        if not video.storage_key:
            told = (video.error_code, video.error_message)
            return Ended(source.text, "refused", *told, video_id=video.pk)
        rights = self.plan.rights(source)
        if rights is not None and video.state not in WITHHELD:
            _tell_turned(register(video.pk, rights).turned)
        if not new and video.state == State.FAILED and video.error_retryable:
            again(video.pk)
            video.refresh_from_db()
        if video.state in UNFINISHED:
            if self.here:
                return _analysed(source.text, video)
            word = "queued"
        else:
            well = not new and video.state not in (State.FAILED, State.QUARANTINED)
            word = "known" if well else str(video.state)
        return _ended(source.text, video, word)

    def _file(self, source: OnDisk) -> tuple[Video, bool]:
        """The video of a file, and whether it is new."""
        there = os.stat(source.path)
        if not stat.S_ISREG(there.st_mode):
            raise OSError(0, "it is no file")
        text = source.text
        stamp = stamp_of(text, there)
        arrival = replace(
            self.plan.arrival(source, os.path.basename(text)),
            path=Path(source.path),
            stamp=stamp,
            confirm=partial(_unchanged, source, stamp),
        )
        try:
            check_size(there.st_size)
        except Refusal as refusal:
            # Told without reading it, so it has no origin but this.
            arrival = replace(arrival, origin=f"{text}#{stamp}")
            with only_one(arrival.origin):
                return refuse(arrival, refusal, there.st_size), True
        sha256 = sha256_of(arrival.path)
        # The content belongs to the name: a file that was replaced is another file.
        return _once(replace(arrival, origin=f"{text}#{sha256}", sha256=sha256))

    def _in_bucket(self, source: InBucket) -> tuple[Video, bool]:
        arrival = self.plan.arrival(source, source.key)
        video = take_in_object(source.bucket, source.key, again=True, arrival=arrival)
        if video is None:
            raise Refusal("UNREADABLE", "There is no such object.", 404)
        return video, video.pk == arrival.video_id


def _unchanged(source: OnDisk, stamp: str) -> None:
    """Raises CHANGED where the file is not the one any more of which the digest was made."""
    if stamp_of(source.text, os.stat(source.path)) != stamp:
        told = "The file changed while it was read. Run it again when it is complete."
        raise Refusal("CHANGED", told, 409, retryable=True)


def _once(arrival: Arrival) -> tuple[Video, bool]:
    """The video that came from there before, else take it in now."""
    with only_one(arrival.origin):
        known = Video.objects.filter(upload__origin=arrival.origin).first()
        if known is not None and known.storage_key:
            # Copied to its place anew, or first taken in before there were stamps.
            seen = Upload.objects.filter(video=known).exclude(stamp=arrival.stamp)
            seen.update(stamp=arrival.stamp)
            return known, False
        # Of the same file, when it was larger than was allowed.
        Video.objects.filter(
            upload__stamp=arrival.stamp, state=State.FAILED, storage_key=""
        ).exclude(upload__origin=arrival.origin).delete()
        return take_in(arrival), True


def _analysed(source: str, video: Video) -> Ended:
    """Analyse what waits, or say how it ended meanwhile."""
    analysis = Analysis.objects.filter(video=video).order_by("-pk").first()
    word = str(video.state)
    if analysis is not None and analysis.state in UNFINISHED:
        word = analyse(analysis.pk)
        if word in ("not free", "lease lost"):
            analysis.refresh_from_db()
            word = ELSEWHERE if analysis.state in UNFINISHED else str(analysis.state)
    video.refresh_from_db()
    return _ended(source, video, word)


def _ended(source: str, video: Video, word: str) -> Ended:
    return Ended(
        source,
        word,
        video.error_code,
        video.error_message,
        video.pk,
        duplicates=links_of(video.pk).filter(provisional=False).count(),
        duration=video.duration or 0.0,
    )


def _tell_turned(links: tuple[int, ...]) -> None:
    """Whoever looks at one of the videos sees which of them is the reference now."""
    sides = DuplicateLink.objects.filter(pk__in=links).values_list("pk", "query", "reference")
    for link, query, reference in sides:
        for video_id in (query, reference):
            publish(uuid.UUID(str(video_id)), Duplicate(link))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
