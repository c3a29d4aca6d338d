"""manage.py evaluate DIR: how well does the engine do on a labelled folder of videos."""

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from tqdm import tqdm

from matching.engine.metrics import evaluate, table
from tvidz.commands import LibraryCommand
from tvidz.evaluation import evaluate_folder
from tvidz.scratch import ScratchInUse, scratch_library

DATABASE = "tvidz_evaluate"


class Command(LibraryCommand):
    help = (
        "Index DIR's library in a database of its own, ask with every query of DIR/gt.json, "
        "write the predictions and print the table of attacks. Your library is not touched."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dir", type=Path)
        parser.add_argument("--out", type=Path, help="write the predictions here as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        truth = _read_truth(options["dir"])
        refs = [{"id": ref["id"], "file": ref["file"]} for ref in truth["refs"]]
        # The answers stay out of reach of what is judged.
        queries = [{"query": q["query"], "file": q["file"]} for q in truth["queries"]]
        began = time.monotonic()
        total = len(refs) + len(queries)
        try:
            with scratch_library(DATABASE), tqdm(total=total, unit="file", disable=None) as bar:
                result = evaluate_folder(options["dir"], refs, queries, lambda _: _advance(bar))
        except ScratchInUse as error:
            raise CommandError(str(error)) from None
        if options["out"]:
            options["out"].write_text(json.dumps(result.predictions, indent=1))
        self.stdout.write(table(evaluate(truth, result.predictions)))
        self.stdout.write(
            f"{len(refs)} library videos and {len(queries)} queries "
            f"in {time.monotonic() - began:.0f} s"
        )
        for problem in result.problems:
            self.stderr.write(f"{problem.file}: {problem.message}")
        if result.problems:
            raise CommandError(f"{len(result.problems)} files could not be used.")


def _advance(bar: tqdm) -> None:
    bar.update()


def _read_truth(folder: Path) -> dict[str, Any]:
    path = folder / "gt.json"
    try:
        truth = json.loads(path.read_text())
        missing = {"refs", "queries"} - set(truth)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError):
        raise CommandError(f"{path} is not JSON of the expected form.") from None
    if missing:
        raise CommandError(f"{path} lacks {' and '.join(sorted(missing))}.")
    return truth
