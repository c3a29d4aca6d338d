"""Decoding in a thread of its own, a little ahead of whoever uses the frames."""

import queue
import threading
from collections.abc import Iterator
from types import TracebackType

from videos.media.assembly import Frames
from videos.media.decode import Decoding, Outcome

_LOOK_UP = 0.5  # seconds after which a reader that waits asks whether anybody still wants more


class ReadAhead:
    """Hands out what a `Decoding` does, whose ffmpeg goes on while the caller is at work.

    Without it ffmpeg waits whenever a pipe is full, and a core idles. One batch lies ready (1.7 MB
    of ten pictures); more gave nothing more. Used as the decoding itself: a context manager,
    iterated once, then `outcome`; errors are raised where it is iterated.
    """

    def __init__(self, stream: Decoding) -> None:
        self._stream = stream
        self._batches: queue.SimpleQueue[Frames | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(1)
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
            self._room.release()
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
                batches = iter(stream)
                # Asked for only once there is room: a batch in hand is as large as one that lies.
                while self._wait_for_room() and (frames := next(batches, None)) is not None:
                    self._batches.put(frames)
        except BaseException as error:
            self._error = error
        finally:
            self._begun.set()
            self._batches.put(None)

    def _wait_for_room(self) -> bool:
        """False when the caller has left."""
        while not self._over.is_set():
            if self._room.acquire(timeout=_LOOK_UP):
                return True
        return False
