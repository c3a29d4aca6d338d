"""What the commands share that run a labelled folder: reading it, asking it, telling of its files.

Such a folder holds `refs/`, `queries/` and `gt.json`.
"""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from tqdm import tqdm

from tvidz.commands import LibraryCommand
from tvidz.evaluation import Answer, Answers, Ask, Problem, ask_folder
from tvidz.scratch import ScratchInUse, scratch_library


class LabelledFolderCommand(LibraryCommand):
    """A command about a labelled folder; the library of this installation is not touched."""

    def add_folder(self, parser: ArgumentParser, **options: Any) -> None:
        parser.add_argument("dir", type=Path, help="holds refs/, queries/ and gt.json", **options)

    def ask(
        self, folder: Path, truth: dict[str, Any], ask: Ask[Answer], database: str
    ) -> Answers[Answer]:
        """Index the folder's library in the passing database `database` and ask every query."""
        refs = [{"id": ref["id"], "file": ref["file"]} for ref in truth["refs"]]
        # The answers stay out of reach of what is judged.
        queries = [{"query": q["query"], "file": q["file"]} for q in truth["queries"]]
        total = len(refs) + len(queries)
        try:
            with scratch_library(database), tqdm(total=total, unit="file", disable=None) as bar:
                return ask_folder(folder, refs, queries, ask, lambda _: _advance(bar))
        except ScratchInUse as error:
            raise CommandError(str(error)) from None

    def tell_problems(self, problems: list[Problem]) -> None:
        """Name the files that could not be used; the command fails if there are any."""
        for problem in problems:
            self.stderr.write(f"{problem.file}: {problem.message}")
        if problems:
            raise CommandError(f"{len(problems)} files could not be used.")


def read_truth(folder: Path) -> dict[str, Any]:
    """The folder's gt.json; CommandError where it is missing or of another form."""
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


def _advance(bar: tqdm) -> None:
    bar.update()
