"""All sources, some at a time and in order, until they are done or somebody says stop."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import connections

from tvidz.backfill.known import look_up
from tvidz.backfill.report import Ended
from tvidz.backfill.sources import Source
from tvidz.backfill.taking import ELSEWHERE, Taker

# So many sources are asked for at once in the database.
AT_ONCE = 500
# Waiting for a thread, one looks up that often whether to stop.
LOOK_UP = 0.5


@dataclass
class Run:
    """`heard` is told of each source once, in this thread, as it ends.

    `limit`: so many sources are begun at the most; what is known does not count. `stop` set from
    outside, or by a disk without room, lets those under way end and begins no more.
    """

    taker: Taker
    heard: Callable[[Ended], None]
    jobs: int = 1
    limit: int | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    full: bool = False
    _under_way: set["Future[Ended]"] = field(default_factory=set)
    _elsewhere: list[Ended] = field(default_factory=list)

    def through(self, sources: Sequence[Source]) -> None:
        """Raises what the database fails with, once those under way have ended."""
        with ThreadPoolExecutor(self.jobs, thread_name_prefix="backfill") as pool:
            try:
                for source in islice(self._wanting(sources), self.limit):
                    self._begin(pool, self.taker.take, source)
                self._all_done()
                waiting, self._elsewhere = self._elsewhere, []
                for ended in waiting:
                    if not self._begin(pool, self.taker.follow, ended, self.stop):
                        self.heard(ended)
                self._all_done()
            except BaseException:
                self.stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _wanting(self, sources: Sequence[Source]) -> Iterator[Source]:
        """Those that need something done; of the others `heard` is told at once."""
        for first in range(0, len(sources), AT_ONCE):
            some = sources[first : first + AT_ONCE]
            known = look_up(some)
            for source in some:
                if self.stop.is_set():
                    return
                over = self.taker.passed_over(source, known.get(source))
                if over is None:
                    yield source
                else:
                    self.heard(over)

    def _begin(self, pool: ThreadPoolExecutor, work: Callable[..., Ended], *told: Any) -> bool:
        """Give it to a thread once one is free; False once somebody has said stop."""
        while len(self._under_way) >= self.jobs:
            self._some_done()
        if self.stop.is_set():
            return False
        self._under_way.add(pool.submit(_in_thread, work, *told))
        return True

    def _some_done(self) -> None:
        done, self._under_way = wait(self._under_way, LOOK_UP, FIRST_COMPLETED)
        for future in done:
            self._settle(future.result())

    def _all_done(self) -> None:
        while self._under_way:
            self._some_done()

    def _settle(self, ended: Ended) -> None:
        if ended.code == "NO_SPACE":
            self.full = True
            self.stop.set()
        if ended.word == ELSEWHERE and not self.stop.is_set():
            self._elsewhere.append(ended)
        else:
            self.heard(ended)


def _in_thread(work: Callable[..., Ended], *told: Any) -> Ended:
    try:
        return work(*told)
    finally:
        connections.close_all()


@contextmanager
def stopped_by_signals(stop: threading.Event, told: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM set `stop`, after `told`; a second one ends the process where it is.

    That is safe: what was under way is taken up by the next run when its lease has run out.
    """

    def hear(number: int, frame: object) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()
        told()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, hear) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
