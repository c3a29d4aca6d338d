"""manage.py reindex: after an upgrade of the engine, fingerprint the library anew."""

import os
import uuid
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import CommandError
from tqdm import tqdm

from matching import reindexing
from matching.engine.version import ENGINE_VERSION
from tvidz.commands import LibraryCommand, at_least_one, side_by_side
from tvidz.pipeline import analyse

# An analysis whose worker died is another's as well, until its lease has run out.
ELSEWHERE = "with a worker"
# "partial" is how a damaged video ended before; "queued" a reading that timed out and waits again.
WELL = {"ready", "partial", "queued", "passed over", ELSEWHERE}


class Command(LibraryCommand):
    help = (
        "Analyse again, from the stored files and oldest first, the videos that an earlier version "
        "of the engine fingerprinted: no search finds them until then. A second run goes on where "
        "the first was cut off."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        ways = parser.add_mutually_exclusive_group()
        ways.add_argument(
            "--queue", action="store_true", help="leave the analysis to running workers"
        )
        ways.add_argument(
            "--prune",
            action="store_true",
            help="instead, drop the other versions' fingerprints of videos that have a current one",
        )
        parser.add_argument("--jobs", type=at_least_one, default=os.cpu_count() or 1)
        parser.add_argument("--limit", type=at_least_one, help="so many videos at the most")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["prune"]:
            self._prune(options["limit"])
        elif options["queue"]:
            self._queue(options["limit"])
        else:
            self._analyse(options["limit"], options["jobs"])

    def _analyse(self, limit: int | None, jobs: int) -> None:
        chosen = list(reindexing.due().values_list("pk", "filename")[:limit])
        tally = side_by_side(chosen, _analyse_one, jobs=jobs, unit="video")
        self._tell(tally)
        if set(tally) - WELL:
            raise CommandError("Not every video could be analysed again; the reasons stand above.")

    def _queue(self, limit: int | None) -> None:
        chosen = list(reindexing.settled().values_list("pk", flat=True)[:limit])
        tally: Counter[str] = Counter()
        for video_id in tqdm(chosen, unit="video", disable=None):
            tally["passed over" if reindexing.begin(video_id) is None else "queued"] += 1
        self._tell(tally)

    def _tell(self, tally: Counter[str]) -> None:
        if tally:
            self.stdout.write(", ".join(f"{count} {word}" for word, count in sorted(tally.items())))
        missing = reindexing.standing().lacking
        if missing:
            self.stdout.write(f"Without a fingerprint of engine {ENGINE_VERSION}: {missing}.")
        else:
            self.stdout.write(f"The whole library is fingerprinted by engine {ENGINE_VERSION}.")

    def _prune(self, limit: int | None) -> None:
        chosen = list(reindexing.outgrown().values_list("pk", flat=True)[:limit])
        dropped = [reindexing.prune(each) for each in tqdm(chosen, unit="video", disable=None)]
        self.stdout.write(
            f"{sum(dropped)} rows of other engine versions dropped, of {len(chosen)} videos."
        )


def _analyse_one(video: tuple[uuid.UUID, str]) -> tuple[str, str]:
    """How one video ended, in a word, and what there is to say about it."""
    video_id, filename = video
    analysis = reindexing.begin(video_id)
    if analysis is None:
        return "passed over", ""
    ended = analyse(analysis.pk)
    if ended in ("not free", "lease lost"):
        return ELSEWHERE, ""
    analysis.refresh_from_db()
    told = analysis.error_message
    return ended, f"{filename} ({video_id}): {told}" if told else ""
