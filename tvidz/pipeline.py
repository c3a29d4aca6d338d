"""The steps in order: claim, probe, preview, extract and fingerprint, index, search, flag, finish.

One ffmpeg run feeds extraction and fingerprint; the search runs along with it at growing
intervals, so that a duplicate is told while the analysis runs; plain copies are told before it,
from keyframes alone. Every write is fenced by the claim's token, and running a step twice equals
running it once.
"""

import os
import socket
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from matching import index, twins
from matching.early import early_matches
from matching.fingerprint import FingerprintBuilder, VideoFingerprint
from matching.links import Recorded, drop_provisional, record
from matching.reindexing import is_searchable
from matching.roles import is_registered
from matching.search import search
from moderation.flagging import flag, worth_a_flag
from tvidz.adoption import Telling, adopt
from tvidz.fingerprinting import (
    add_to,
    conclusion,
    decoding,
    index_frames,
    sampling_of,
    share_done,
)
from tvidz.preview import keyframes, looked_at, worth_a_preview
from tvidz.progress import (
    Cut,
    Duplicate,
    Facts,
    Gone,
    Message,
    Progress,
    StateChanged,
    Thumbnail,
    publish,
)
from videos import queue, storage
from videos.deletion import leaving_nothing
from videos.errors import no_storage
from videos.extraction import Extraction, News
from videos.limits import media_limits
from videos.media.decode import Outcome
from videos.media.errors import MediaError
from videos.media.probe import Probe, probe, remembered
from videos.models import State, Video
from videos.queue import Claim, LeaseLost, fenced
from videos.s3 import StorageUnavailable
from videos.sampling import Sampling
from videos.uploads.accept import probed_fields, recognise_path

log = structlog.get_logger(__name__)

# The first search runs after so many index frames, the next after four times as many, and so on:
# all the early searches together cost a third of the last one.
FIRST_SEARCH_FRAMES = 6
SEARCH_AGAIN = 4
# Extraction takes nearly all the time; what follows shares the rest of the bar.
EXTRACT_SHARE = 0.9
PUBLISH_EVERY = 0.2
WRITE_EVERY = 2.0


class _StopAtDuplicate(Exception):
    """STOP_AT_DUPLICATE is on and a certain duplicate was found."""


def analyse(analysis_id: int) -> str:
    """Task: run the analysis if nobody else does; returns how it ended."""
    held = queue.claim(analysis_id, f"{socket.gethostname()}:{os.getpid()}")
    if held is None:
        return "not free"
    structlog.contextvars.bind_contextvars(analysis=analysis_id, token=held.token)
    try:
        with fenced(held) as row:
            video, probed = row.video, row.probed
        with queue.kept(held), leaving_nothing(video.id):
            state = _end(held, video, probed)
    except LeaseLost:
        log.warning("lease lost, stopped")
        return "lease lost"
    finally:
        structlog.contextvars.unbind_contextvars("analysis", "token")
    return str(state)


def _end(held: Claim, video: Video, probed: dict[str, Any] | None) -> State:
    """Run and bring the analysis to a state one can see, whatever happens."""
    state, code, message, retryable = State.FAILED, "", "", False
    try:
        outcome = Run(held, video, probed).run()
        state = State.READY if outcome.complete else State.PARTIAL
        if not outcome.complete:
            code, message = outcome.code or "CORRUPT", outcome.message
    except _StopAtDuplicate:
        state = State.DUPLICATE
    except MediaError as error:
        log.warning("not read", code=error.code, detail=error.detail)
        if error.retryable and _put_back(held, video):
            return State.QUEUED
        code, message, retryable = error.code, error.message, error.retryable
    except FileNotFoundError:
        code, message = "FILE_MISSING", "The stored file is gone. Upload the video again."
    except StorageUnavailable as error:
        log.warning("no storage", error=str(error))
        if _put_back(held, video):
            return State.QUEUED
        told = no_storage()
        code, message, retryable = told.code, told.message, True
    except LeaseLost:
        raise
    except (OperationalError, InterfaceError):
        # The database went away under us. The row still says "processing"; once the lease has
        # run out the reconciler gives the work to the next worker.
        log.exception("database lost, leaving the analysis to its lease")
        connection.close()
        raise LeaseLost("database lost") from None
    except Exception:
        log.exception("analysis failed")
        code, retryable = "INTERNAL", True
        message = "Something went wrong on our side. Trying again may help."
    failed = state == State.FAILED
    queue.finish(
        held,
        state,
        code=code,
        message=message,
        retryable=retryable,
        before=(lambda row: drop_provisional(row.video)) if failed else None,
    )
    publish(video.id, StateChanged(str(state)))
    log.info("finished", video=str(video.id), state=str(state), code=code)
    return state


def _put_back(held: Claim, video: Video) -> bool:
    """Leave a fault of ours to another attempt, if there is one, and tell who watches."""
    left = queue.put_back(held)
    if left:
        publish(video.id, StateChanged(str(State.QUEUED)))
    return left


@dataclass
class Run:
    """One run of the steps for a claimed analysis; `probed` is what the door learnt, if known."""

    held: Claim
    video: Video
    probed: dict[str, Any] | None = None
    _progress: float = 0.0
    _published: float = 0.0
    _written: float = field(default_factory=time.monotonic)
    _told_early: frozenset[uuid.UUID] = frozenset()

    def run(self) -> Outcome:
        """All steps; raises MediaError, LeaseLost or what went wrong."""
        twin = twins.find(self.video)
        if twin is not None and self._adopt(twin):
            return Outcome(not twin.error_code, twin.error_code, twin.error_message, 0, 0.0)
        with storage.local_copy(self.video.storage_key) as path:
            told = self._probe(path)
            self._preview(path, told)
            outcome, fingerprint = self._extract(path, told)
        self._report(EXTRACT_SHARE, "index", force=True)
        with fenced(self.held):
            index.store(self.video.id, fingerprint)
        self._report(0.95, "search", force=True)
        self._search(fingerprint, provisional=False)
        self._report(0.98, "flag", force=True)
        with fenced(self.held):
            flag(self.video.id)
        return outcome

    def _adopt(self, twin: Video) -> bool:
        self._report(0.0, "index", force=True)
        stop = settings.TVIDZ.stop_at_duplicate and not is_registered(self.video.id)
        telling = Telling(
            self._tell_links,
            self._tell_all_known,
            lambda: self._report(EXTRACT_SHARE, "index"),
        )
        told = adopt(self.held, self.video, twin, telling, stop=stop)
        if told and stop:
            raise _StopAtDuplicate
        return told

    def _tell_all_known(self) -> None:
        for message in (Facts(), Thumbnail()):
            self._publish(message)

    def _probe(self, path: Path) -> Probe:
        self._report(0.0, "probe", force=True)
        container = recognise_path(path)
        told = remembered(container, self.probed) or probe(path, container, media_limits())
        for name, value in probed_fields(told).items():
            setattr(self.video, name, value)
        with fenced(self.held):
            self.video.save(update_fields=list(probed_fields(told)))
        self._publish(Facts())
        return told

    def _preview(self, path: Path, told: Probe) -> None:
        """Tell at once what keyframes alone tell; whatever goes wrong here goes wrong quietly.

        Nothing is settled by it, and STOP_AT_DUPLICATE waits for the full pass.
        """
        wanted = settings.TVIDZ.early_verdict and worth_a_preview(told)
        # What is in the library has its links already.
        if not wanted or is_searchable(self.video.id):
            return
        self._report(0.0, "preview", force=True)
        try:
            self._tell_early(path, told)
        except MediaError as error:
            log.info("no preview", code=error.code, detail=error.detail)
        except (LeaseLost, OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("preview failed")

    def _tell_early(self, path: Path, told: Probe) -> None:
        taken = keyframes(path, told)
        if taken is None:
            return
        media_type, looked = told.container.media_type, looked_at(told)
        fingerprint, matches = early_matches(
            *taken, media_type, looked, told.duration, self.video.id
        )
        if matches:
            with fenced(self.held):
                recorded = record(self.video, matches, fingerprint.version, provisional=True)
            self._told_early = frozenset(match.video_id for match in matches)
            self._tell_links(recorded)

    def _extract(self, path: Path, told: Probe) -> tuple[Outcome, VideoFingerprint]:
        sampling = sampling_of(told, self.video.filename)
        self._warn(sampling)
        builder = FingerprintBuilder(told.container.media_type)
        due = FIRST_SEARCH_FRAMES
        seen = 0
        with storage.work_folder() as folder:
            extraction = Extraction(
                self.video, self.held, index_frames(sampling), folder / "pictures"
            )
            with decoding(path, told, sampling) as stream:
                for frames in stream:
                    taken = extraction.take(frames)
                    add_to(builder, taken)
                    self._tell(taken.news)
                    self._report(
                        EXTRACT_SHARE * share_done(frames.position, told.duration), "extract"
                    )
                    seen += int(taken.index.sum())
                    if seen >= due and self._may_tell_more():
                        due = SEARCH_AGAIN * seen
                        self._search(builder.fingerprint(frames.position), provisional=True)
            self._tell(extraction.finish())
        outcome, duration = conclusion(stream, told)
        return outcome, builder.fingerprint(duration)

    def _may_tell_more(self) -> bool:
        """Whether a search before the end is worth its time: not where a copy is told already.

        Another original of the same query then waits for the last search.
        """
        return not self._told_early or settings.TVIDZ.stop_at_duplicate

    def _search(self, fingerprint: VideoFingerprint, *, provisional: bool) -> None:
        matches = search(fingerprint, self.video.id)
        # The first seconds must not cut short what keyframes told of all of it.
        kept = self._told_early if provisional else frozenset()
        shown = [match for match in matches if match.video_id not in kept]
        with fenced(self.held):
            recorded = record(self.video, shown, fingerprint.version, provisional=provisional)
        self._tell_links(recorded)
        certain = any(worth_a_flag(match.score.score, match.score.kinds) for match in matches)
        stops = provisional and certain and settings.TVIDZ.stop_at_duplicate
        # An original that came after its copies, or is analysed again beside them, is not stopped.
        if stops and not is_searchable(self.video.id) and not is_registered(self.video.id):
            with fenced(self.held):
                record(self.video, matches, fingerprint.version, provisional=False)
                flag(self.video.id)
            raise _StopAtDuplicate

    def _warn(self, sampling: Sampling) -> None:
        self.video.warnings = list(sampling.warnings)
        with fenced(self.held):
            self.video.save(update_fields=["warnings"])
        for warning in sampling.warnings:
            log.warning(warning["message"], code=warning["code"])

    def _tell(self, news: News) -> None:
        for cut in news.cuts:
            self._publish(Cut(cut))
        if news.thumbnail:
            self._publish(Thumbnail())

    def _tell_links(self, recorded: Recorded) -> None:
        # What goes is told first: a pair must not stand on a page twice.
        for link in (*recorded.overtaken, *recorded.gone):
            self._publish(Gone(link))
        for link in (*recorded.links, *recorded.back):
            self._publish(Duplicate(link))

    def _publish(self, message: Message) -> None:
        publish(self.video.id, message)

    def _report(self, share: float, step: str, *, force: bool = False) -> None:
        """Write and tell progress, each as often as it helps; never backwards."""
        self._progress = max(self._progress, share)
        now = time.monotonic()
        if force or now - self._written >= WRITE_EVERY:
            self._written = now
            queue.renew(self.held, progress=self._progress, step=step)
        if force or now - self._published >= PUBLISH_EVERY:
            self._published = now
            self._publish(Progress(self._progress, step, State.PROCESSING))
