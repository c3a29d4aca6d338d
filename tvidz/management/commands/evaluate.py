"""manage.py evaluate DIR: how well does the engine do on a labelled folder of videos and stills."""

import json
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from matching.engine.metrics import evaluate, families_table, table
from matching.engine.still_metrics import STILL, evaluate_stills, still_table
from tvidz.evaluation import shown
from tvidz.labelled import LabelledFolderCommand, read_truth

DATABASE = "tvidz_evaluate"


class Command(LabelledFolderCommand):
    help = (
        "Index DIR's library in a database of its own, ask with every query of DIR/gt.json, "
        "write the predictions and print the table of attacks. Your library is not touched."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_folder(parser)
        parser.add_argument("--out", type=Path, help="write the predictions here as JSON")
        parser.add_argument(
            "--families",
            action="store_true",
            help="print the table of source families, too (of videos; stills have none)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        truth = read_truth(options["dir"])
        began = time.monotonic()
        result = self.ask(options["dir"], truth, shown, DATABASE)
        if options["out"]:
            options["out"].write_text(json.dumps(result.found, indent=1))
        for text in _tables(truth, result.found, families=options["families"]):
            self.stdout.write(text)
        self.stdout.write(
            f"{len(truth['refs'])} library videos and {len(truth['queries'])} queries "
            f"in {time.monotonic() - began:.0f} s"
        )
        self.tell_problems(result.problems)


def _tables(
    truth: dict[str, Any], predictions: list[dict[str, Any]], *, families: bool
) -> Iterator[str]:
    """Videos are judged by their segments, stills by the second they are found at."""
    stills = [query for query in truth["queries"] if query.get("media_type") == STILL]
    videos = [query for query in truth["queries"] if query.get("media_type") != STILL]
    if videos or not stills:
        names = {query["query"] for query in videos}
        theirs = [told for told in predictions if told["query"] in names]
        report = evaluate({**truth, "queries": videos}, theirs)
        yield table(report)
        if families:
            yield families_table(report)
    if stills:
        yield still_table(evaluate_stills(truth, predictions))
