"""manage.py bench NAME…: measure this machine, floor and rival in the same run."""

import json
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from tvidz.benchmarks.extraction import measure as extraction
from tvidz.benchmarks.growth import measure as growth
from tvidz.benchmarks.ingest import measure as ingest
from tvidz.benchmarks.machine import describe
from tvidz.benchmarks.moderation import measure as moderation
from tvidz.benchmarks.queue import measure as queue
from tvidz.benchmarks.search import measure as search
from tvidz.benchmarks.tables import Table
from tvidz.benchmarks.uploads import measure as uploads
from tvidz.benchmarks.verdict import measure as verdict

Tell = Callable[[str], None]

MEASURES: dict[str, Callable[[bool, Tell], list[Table]]] = {
    "extraction": extraction,
    "growth": growth,
    "ingest": ingest,
    "moderation": moderation,
    "queue": queue,
    "search": search,
    "uploads": uploads,
    "verdict": verdict,
}


class Command(BaseCommand):
    help = (
        "Measure how fast tvidz is on this machine and print tables. Works in databases and "
        "folders of its own: your library is not touched."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "names",
            nargs="*",
            choices=[*MEASURES, []],
            metavar="NAME",
            help=f"which ({', '.join(MEASURES)}); all when none is named",
        )
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
        parser.add_argument(
            "--quick", action="store_true", help="small sizes: whether it runs, not how fast"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        machine = describe()
        for name, value in machine.items():
            self.stdout.write(f"{name}: {value}")
        measured: dict[str, Any] = {"machine": machine, "quick": options["quick"], "tables": {}}
        for name in options["names"] or MEASURES:
            tables = MEASURES[name](options["quick"], self._tell)
            for each in tables:
                self.stdout.write("\n" + each.text())
            measured["tables"][name] = [each.plain() for each in tables]
            # After each: what a run of an hour has measured is kept when it is broken off.
            if options["json"]:
                options["json"].write_text(json.dumps(measured, indent=1))

    def _tell(self, line: str) -> None:
        """Long work shows progress."""
        self.stderr.write(line)
