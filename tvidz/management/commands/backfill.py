"""manage.py backfill PATH…: take files that lie on disk into the library."""

import os
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from tvidz.commands import LibraryCommand, side_by_side
from tvidz.pipeline import analyse
from videos.errors import Refusal
from videos.media.errors import MediaError
from videos.models import UNFINISHED, Analysis, Upload, Visibility
from videos.uploads.accept import Accepted, Arrival, accept, sha256_of

# Every other end, a lost lease included, leaves a file that is not in the library.
WELL = {"known", "queued", "ready", "partial", "duplicate"}


class Command(LibraryCommand):
    help = (
        "Take files, or all files below folders, into the library and analyse them here. "
        "A second run passes over what is in already and goes on where the first was cut off."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", nargs="+", type=Path)
        parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
        parser.add_argument("--public", action="store_true", help="let everybody see them")
        parser.add_argument(
            "--queue", action="store_true", help="leave the analysis to running workers"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        files = _files(options["path"])
        if not files:
            raise CommandError("There is no file at or below what was named.")
        visibility = Visibility.PUBLIC if options["public"] else ""

        def take(path: Path) -> tuple[str, str]:
            ended, told = _take(path, visibility, here=not options["queue"])
            return ended, f"{path}: {told}" if told else ""

        tally = side_by_side(files, take, jobs=options["jobs"], unit="file")
        self.stdout.write(", ".join(f"{count} {word}" for word, count in sorted(tally.items())))
        if set(tally) - WELL:
            raise CommandError("Not every file could be taken in; the reasons stand above.")


def _files(paths: list[Path]) -> list[Path]:
    """Every file at or below `paths`, each once, in order; hidden ones below folders left out."""
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise CommandError(f"{path} does not exist.")
        for file in [path] if path.is_file() else _below(path):
            found[file.resolve()] = None
    return list(found)


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(parent, name)


def _take(path: Path, visibility: str, *, here: bool) -> tuple[str, str]:
    """Take one file in; how it ended in a word, and what there is to say about it."""
    try:
        analysis = _known(path) or _accept(path, visibility).analysis
        if analysis.state not in UNFINISHED:
            return "known", ""
        if not here:
            return "queued", ""
        ended = analyse(analysis.pk)
        analysis.refresh_from_db()
        return ended, analysis.error_message
    except MediaError as error:
        return "refused", f"{error.code}: {error.message}"
    except Refusal as refusal:
        return "refused", str(refusal)
    except OSError as error:
        return "refused", f"it cannot be read: {error.strerror}"


def _origin(path: Path) -> str:
    # The content belongs to the name: a file that was replaced is another file.
    return f"{path}#{sha256_of(path)}"


def _known(path: Path) -> Analysis | None:
    known = Analysis.objects.filter(video__upload__origin=_origin(path))
    return known.order_by("-pk").first()


def _accept(path: Path, visibility: str) -> Accepted:
    return accept(
        Arrival(
            path,
            path.name,
            Upload.Entrance.BACKFILL,
            origin=_origin(path),
            visibility=visibility,
        )
    )
