"""Decoding in a thread of its own, a little ahead of whoever uses the frames."""

import queue
import threading
from collections.abc import Iterator
from types import TracebackType

from videos.media.assembly import Frames
from videos.media.decode import Decoding, Outcome

# A batch is 1.7 MB; a third one gave nothing more.
BATCHES = 2
_LOOK_UP = 0.5  # seconds after which a full queue asks whether anybody still reads


class ReadAhead:
    """Hands out what a `Decoding` does, whose ffmpeg goes on while the caller is at work.

    Without it ffmpeg waits whenever a pipe is full, and a core idles. Used as the decoding itself:
    a context manager, iterated once, then `outcome`; errors are raised where it is iterated.
    """

    def __init__(self, stream: Decoding) -> None:
        self._stream = stream
        self._batches: queue.Queue[Frames | None] = queue.Queue(BATCHES)
        self._error: BaseException | None = None
        self._begun, self._over = threading.Event(), threading.Event()
        self._reader = threading.Thread(target=self._read, name="decoding", daemon=True)

    def __enter__(self) -> "ReadAhead":
        self._reader.start()
        self._begun.wait()
        if self._error is not None:
            self._reader.join()
            raise self._error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._reader.join()

    def __iter__(self) -> Iterator[Frames]:
        while (frames := self._batches.get()) is not None:
            yield frames
        if self._error is not None:
            raise self._error

    @property
    def pid(self) -> int:
        """The process id of ffmpeg, which is also its process group."""
        return self._stream.pid

    @property
    def outcome(self) -> Outcome | None:
        """How the decoding ended; None before its end."""
        return self._stream.outcome

    def _read(self) -> None:
        # The kernel ends ffmpeg with the thread that started it, so that one reads it, too.
        try:
            with self._stream as stream:
                self._begun.set()
                for frames in stream:
                    if not self._put(frames):
                        return
        except BaseException as error:
            self._error = error
        finally:
            self._begun.set()
            self._put(None)

    def _put(self, frames: Frames | None) -> bool:
        """Wait for room; False when the caller has left."""
        while not self._over.is_set():
            try:
                self._batches.put(frames, timeout=_LOOK_UP)
            except queue.Full:
                continue
            return True
        return False
