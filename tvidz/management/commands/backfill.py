"""manage.py backfill: take what lies on disk or in S3 into the library."""

import os
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from tqdm import tqdm

from tvidz.backfill.dry import would_end
from tvidz.backfill.plan import Asked, Plan, make_plan
from tvidz.backfill.report import Ended, ReportFile, Tally
from tvidz.backfill.run import Run, stopped_by_signals
from tvidz.backfill.sources import NotPossible
from tvidz.backfill.taking import Taker
from tvidz.commands import LibraryCommand, at_least_one
from videos.models import Visibility
from videos.names import shown_text


class Command(LibraryCommand):
    help = (
        "Take files, all files below folders, S3 objects below prefixes, or what a manifest lists "
        "into the library and analyse them here. A second run passes over what is in already, "
        "tries again what was refused and goes on where the first was cut off."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", nargs="*", help="a file, a folder or s3://bucket/prefix")
        parser.add_argument(
            "--manifest",
            type=Path,
            metavar="FILE.csv",
            help="a list of sources with titles, owners and rights: see docs/runbook.md",
        )
        parser.add_argument("--jobs", type=at_least_one, default=os.cpu_count() or 1)
        parser.add_argument("--public", action="store_true", help="let everybody see them")
        parser.add_argument(
            "--queue", action="store_true", help="leave the analysis to running workers"
        )
        parser.add_argument(
            "--as-reference",
            action="store_true",
            help="register them all: in a match they are the reference, whoever came first",
        )
        parser.add_argument(
            "--rights-holder",
            default="",
            metavar="NAME",
            help="who has rights in what names nobody else; made if there is none of that name",
        )
        parser.add_argument("--limit", type=at_least_one, help="take in so many at the most")
        parser.add_argument(
            "--report", type=Path, metavar="FILE.csv", help="add a line for each source as it ends"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="only say what would be taken in"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["path"] and options["manifest"] is None:
            raise CommandError("Name files, folders or s3:// addresses, or a --manifest.")
        asked = Asked(
            [str(path) for path in options["path"]],
            options["manifest"],
            Visibility.PUBLIC if options["public"] else "",
            options["as_reference"],
            options["rights_holder"],
        )
        try:
            plan = make_plan(asked, dry=options["dry_run"])
        except NotPossible as error:
            raise CommandError(str(error)) from None
        with ExitStack() as open_now:
            report = None
            if options["report"] is not None:
                report = open_now.enter_context(_report(options["report"]))
            if options["dry_run"]:
                self._dry_run(plan, report, options["limit"])
            else:
                self._run(plan, report, options)

    def _run(self, plan: Plan, report: ReportFile | None, options: dict[str, Any]) -> None:
        tally, began = Tally(), time.monotonic()
        with tqdm(total=len(plan.sources), unit="file", disable=None) as bar:

            def heard(ended: Ended) -> None:
                tally.add(ended)
                if report is not None:
                    report.add(ended)
                if ended.code:
                    bar.write(f"{shown_text(ended.source)}: {ended.code}: {ended.message}")
                bar.update()

            taker = Taker(plan, here=not options["queue"])
            run = Run(taker, heard, options["jobs"], options["limit"])
            with stopped_by_signals(run.stop, lambda: bar.write(STOPPING)):
                run.through(plan.sources)
        self.stdout.write(tally.table(time.monotonic() - began))
        if run.full:
            raise CommandError("The disk is full. Make room; a second run goes on from here.")
        if run.stop.is_set():
            raise CommandError("Stopped. A second run goes on from here.", returncode=130)
        if not tally.all_well:
            raise CommandError("Not every file could be taken in; the reasons stand above.")

    def _dry_run(self, plan: Plan, report: ReportFile | None, limit: int | None) -> None:
        tally = Tally()
        for ended in would_end(plan, limit):
            tally.add(ended)
            if report is not None:
                report.add(ended)
            if ended.word != "known":
                told = f": {ended.code}" if ended.code else ""
                self.stdout.write(f"{shown_text(ended.source)}: {ended.word}{told}")
        self.stdout.write(tally.table(0))


STOPPING = "Those under way are ended; press Ctrl-C again to leave them to a second run."


def _report(path: Path) -> ReportFile:
    try:
        return ReportFile(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
