"""One ffmpeg run over a video: sampled pictures, times, keyframe flags and shot boundaries.

Everything is handed out in batches while ffmpeg works. Memory is bounded by the batch: when the
caller is slow the pipes fill and ffmpeg waits.
"""

import os
import selectors
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from videos.media.assembly import Assembly, Frames
from videos.media.errors import MediaError
from videos.media.ffmpeg import Ffmpeg, find_ffmpeg
from videos.media.graph import command, filter_graph
from videos.media.limits import Limits
from videos.media.pictures import MAX_SIDE, picture_size
from videos.media.probe import Probe
from videos.media.sandbox import (
    EXIT_FAILED,
    EXIT_NOT_STARTED,
    Usage,
    kill_group,
    reap,
    spawn,
)
from videos.media.shots import SCDET_TO_SCORE, SCENE_THRESHOLD, CutFinder
from videos.media.streams import BLOCK, BrokenStream, Pipe

LEAST_SECONDS = 1.0
"""A damaged file of which less can be read is refused; of which more, indexed as partial."""

CUT_DELAY = 0.25
"""Wall seconds a cut may wait for its batch to fill: people watch them come in."""

PROGRESS_DELAY = 1.0
"""Wall seconds after which an unfilled batch is handed out to show that work goes on."""

_PAUSE = 0.015  # between two readings: a few frames' lines are then read at once
_LOG_BYTES = 4096


@dataclass(frozen=True)
class Outcome:
    """How the decoding ended. Incomplete means: what came before the damage was handed out.

    cpu_seconds are ffmpeg's own; peak_bytes too, but Linux never counts less than what the worker
    itself took when it started ffmpeg.
    """

    complete: bool
    code: str | None
    message: str
    frames_decoded: int
    last_timestamp: float
    cpu_seconds: float = 0.0
    peak_bytes: int = 0


class Decoding:
    """Decode a video once; iterate to receive `Frames`, then read `outcome`.

    sample_interval   seconds between sampled frames (the first frame of each interval is taken)
    scene_threshold   0 to 1, as ffmpeg's scene score
    batch_size        frames in a full batch
    longest_side      pixels of the longer side of the pictures; smaller videos are not enlarged
    keyframes_until   decode keyframes only, those of the first so many seconds: no cuts, frames
                      are numbered among keyframes, and the outcome is complete when ffmpeg ended
                      well, wherever that was

    A context manager: leaving it ends ffmpeg, whatever it was doing. Enter it and iterate in one
    thread. Iterating raises MediaError: CORRUPT when nothing, or less than a second, could be
    read; DURATION or BUDGET when the video goes over its limits; TIMEOUT, FFMPEG_DIED and SANDBOX
    are ours.
    """

    def __init__(
        self,
        path: Path,
        probe: Probe,
        *,
        sample_interval: float = 0.25,
        scene_threshold: float = SCENE_THRESHOLD,
        batch_size: int = 10,
        longest_side: int = MAX_SIDE,
        keyframes_until: float | None = None,
        limits: Limits | None = None,
        ffmpeg: Ffmpeg | None = None,
    ) -> None:
        self._path = path.resolve()
        self._probe = probe
        self._interval = sample_interval
        self._batch_size = batch_size
        self._keyframes_until = keyframes_until
        self._limits = limits or Limits()
        self._ffmpeg = ffmpeg or find_ffmpeg()
        self._shown = picture_size(probe.width, probe.height, longest_side)
        self._cuts = CutFinder(scene_threshold)
        self._process: subprocess.Popen[bytes] | None = None
        self._pipes: dict[str, Pipe] = {}
        self.outcome: Outcome | None = None

    def __enter__(self) -> "Decoding":
        self._state = Assembly(self._shown, self._batch_size, self._interval)
        self._selector = selectors.DefaultSelector()
        for name in ("scores", "sampled", "intra", "other", "pictures", "log"):
            self._pipes[name] = Pipe.open()
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            kill_group(self._process)
        self._selector.close()
        for pipe in self._pipes.values():
            pipe.close()
        self._pipes = {}

    @property
    def pid(self) -> int:
        """The process id of ffmpeg, which is also its process group."""
        assert self._process is not None
        return self._process.pid

    def __iter__(self) -> Iterator[Frames]:
        while self._due() or self._selector.get_map():
            if self._due():
                yield self._batch()
            else:
                self._read()
        if last := self._cuts.finish():
            self._state.cuts.append(last)
        while self._state.ready or self._state.cuts:
            yield self._batch()
        self.outcome = self._conclude()

    def _start(self) -> None:
        turned = self._probe.rotation in (90, 270)
        graph = filter_graph(
            size=self._shown[::-1] if turned else self._shown,
            rotation=self._probe.rotation,
            interval=self._interval,
            scores_fd=self._pipes["scores"].writing,
            sampled_fd=self._pipes["sampled"].writing,
            intra_fd=self._pipes["intra"].writing,
            other_fd=self._pipes["other"].writing,
            keyframes=self._keyframes_until is not None,
        )
        words = command(
            self._ffmpeg.path,
            self._path,
            self._probe.container,
            graph,
            limits=self._limits,
            max_pictures=self._most_pictures(),
            keyframes_until=self._keyframes_until,
        )
        named = ("scores", "sampled", "intra", "other")
        self._process = spawn(
            words,
            readable=[self._path],
            limits=self._limits,
            pass_fds=[self._pipes[name].writing for name in named],
            stdout=self._pipes["pictures"].writing,
            stderr=self._pipes["log"].writing,
        )
        for name, pipe in self._pipes.items():
            os.close(pipe.writing)
            self._pipes[name] = Pipe(pipe.reading, -1)
            self._selector.register(pipe.reading, selectors.EVENT_READ, name)
        self._waited = 0.0
        self._silent = 0.0
        self._handed_out = time.monotonic()

    def _most_pictures(self) -> int:
        if self._probe.container.media_type == "image":
            return 1
        return int(self._limits.max_duration / self._interval) + 100

    def _read(self) -> None:
        """Wait for ffmpeg to write something, and read all of it."""
        began = time.monotonic()
        patience = min(
            self._limits.wall_seconds - self._waited,
            self._limits.stall_seconds - self._silent,
            PROGRESS_DELAY,
        )
        events = self._selector.select(max(0.0, patience))
        came = [self._drain(key.fd, key.data) for key, _ in events]
        self._state.assemble()
        if events and self._selector.get_map():
            time.sleep(_PAUSE)
        passed = time.monotonic() - began
        self._waited += passed
        self._silent = 0.0 if any(came) else self._silent + passed
        self._hold_to_limits()

    def _drain(self, descriptor: int, name: str) -> bool:
        """Read one pipe once; whether anything came."""
        try:
            if name == "pictures":
                count = self._state.pictures.read(descriptor)
                if self._state.pictures.full:
                    self._selector.unregister(descriptor)
            else:
                block = os.read(descriptor, BLOCK)
                count = len(block)
                self._feed(name, block)
        except BlockingIOError:
            return False
        if count == 0:
            self._selector.unregister(descriptor)
        return count > 0

    def _feed(self, name: str, block: bytes) -> None:
        if name == "log":
            self._state.log = (self._state.log + block)[-_LOG_BYTES:]
            return
        try:
            records = self._state.readers[name].feed(block)
        except BrokenStream:
            self._fail("CORRUPT", "what ffmpeg wrote cannot be read")
        if name != "scores":
            self._state.take(name, [stamp for stamp, _ in records if stamp is not None])
            return
        for stamp, score in records:
            seconds = self._state.count(stamp)
            cut = None if seconds is None else self._cuts.push(seconds, score * SCDET_TO_SCORE)
            if cut is not None:
                self._state.cuts.append(cut)

    def _hold_to_limits(self) -> None:
        state, limits = self._state, self._limits
        if state.position > limits.max_duration:
            self._fail("DURATION")
        if limits.frames_exceeded(state.decoded, state.position):
            self._fail("BUDGET")
        if self._waited >= limits.wall_seconds or self._silent >= limits.stall_seconds:
            self._fail("TIMEOUT", f"waited {self._waited:.0f} s, silent {self._silent:.0f} s")

    def _due(self) -> bool:
        """Whether to hand out a batch now."""
        state = self._state
        if state.ready >= self._batch_size:
            return True
        passed = time.monotonic() - self._handed_out
        if state.cuts and passed >= CUT_DELAY:
            return True
        return passed >= PROGRESS_DELAY and state.position > state.told

    def _batch(self) -> Frames:
        full = self._state.pictures.full
        frames = self._state.batch()
        if full and self._pipes["pictures"].reading not in self._selector.get_map():
            reading = self._pipes["pictures"].reading
            self._selector.register(reading, selectors.EVENT_READ, "pictures")
        self._handed_out = time.monotonic()
        return frames

    def _conclude(self) -> Outcome:
        """Reap ffmpeg and judge by frames, times, exit status, processor time; never by its log."""
        assert self._process is not None
        usage = reap(self._process)
        state, probe = self._state, self._probe
        self._blame(usage)
        if state.decoded == 0 or state.handed_out == 0:
            self._fail("CORRUPT")
        # The last keyframe may lie anywhere before the end.
        whole = self._keyframes_until is None
        video = probe.container.media_type == "video" and whole
        readable = state.position + (1 / probe.frame_rate if probe.frame_rate else 0.0)
        missing = probe.duration - readable if video else 0.0
        complete = usage.returncode == 0 and missing <= max(1.0, 0.02 * probe.duration)
        if whole and not complete and readable < LEAST_SECONDS - 0.001:
            self._fail("CORRUPT")
        return Outcome(
            complete=complete,
            code=None if complete else "CORRUPT",
            message=""
            if complete
            else f"The file is damaged after {state.position:.0f} seconds; only what comes before "
            "could be read. Upload it again from a whole copy.",
            frames_decoded=state.decoded,
            last_timestamp=state.position,
            cpu_seconds=usage.cpu_seconds,
            peak_bytes=usage.peak_bytes,
        )

    def _blame(self, usage: Usage) -> None:
        """Raise for an end that is not the file's doing, or is its appetite."""
        if usage.ran_out(self._limits.cpu_seconds):
            self._fail("BUDGET")
        if usage.returncode in (EXIT_FAILED, EXIT_NOT_STARTED):
            self._fail("SANDBOX")
        if usage.returncode == -9:  # not by us: out of memory, or an operator
            self._fail("FFMPEG_DIED")

    def _fail(self, code: str, detail: str = "") -> NoReturn:
        log = self._state.log.decode("utf-8", "replace")
        raise MediaError(code, detail=f"{detail}; {log}" if detail else log)
