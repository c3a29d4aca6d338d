"""What our management commands share: quiet start, and errors a person understands."""

import logging
from argparse import ArgumentTypeError
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError, connections
from tqdm import tqdm

T = TypeVar("T")


class LibraryCommand(BaseCommand):
    """A command that needs the library's database; a missing one is told in one sentence."""

    # They would print which ffmpeg is used before every answer; `manage.py check` tells it.
    requires_system_checks = []
    # Whether log lines below warnings would only be in the way of the command's own words.
    quiet = True

    def execute(self, *args: Any, **options: Any) -> str | None:
        if self.quiet and int(options.get("verbosity", 1)) < 2:
            logging.getLogger().setLevel(logging.WARNING)
        try:
            return super().execute(*args, **options)
        except ProgrammingError as error:
            raise CommandError(
                f"The database is not set up ({_first_line(error)}). Run: manage.py migrate"
            ) from None
        except OperationalError as error:
            raise CommandError(f"The database cannot be reached: {_first_line(error)}") from None


def at_least_one(text: str) -> int:
    """An argument that is a whole number from 1."""
    number = int(text)
    if number < 1:
        raise ArgumentTypeError(f"{number} is less than 1")
    return number


def side_by_side(
    things: Sequence[T], do: Callable[[T], tuple[str, str]], *, jobs: int, unit: str
) -> Counter[str]:
    """Do `do` for all things, `jobs` at a time and in order, under a bar of progress.

    It gives a word for how one ended, which is counted, and a sentence to tell or "". Ctrl-C, or an
    exception of `do`, lets those under way end and begins no more.
    """
    tally: Counter[str] = Counter()

    def one(thing: T) -> tuple[str, str]:
        try:
            return do(thing)
        finally:
            connections.close_all()

    with (
        ThreadPoolExecutor(max(1, jobs)) as pool,
        tqdm(total=len(things), unit=unit, disable=None) as bar,
    ):
        try:
            for done in as_completed([pool.submit(one, thing) for thing in things]):
                ended, told = done.result()
                tally[ended] += 1
                bar.update()
                if told:
                    bar.write(told)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return tally


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
