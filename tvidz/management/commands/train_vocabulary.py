"""manage.py train_vocabulary DIR OUT: learn the visual words that the package ships."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from tvidz.vocabulary_training import footage, permitted, train
from videos.media.errors import MediaError


class Command(BaseCommand):
    help = (
        "Learn visual words from the permissively licensed library videos of DIR (laid out for "
        "`evaluate`) and generated films, and write them to OUT. A new vocabulary needs a new "
        "engine version: stored words of two vocabularies cannot be compared."
    )

    # A vocabulary that does not fit the engine must not stop the command that makes one.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dir", type=Path)
        parser.add_argument("out", type=Path)
        parser.add_argument("--name", default="1", help="version written into the file")
        parser.add_argument(
            "--leave-out", nargs="*", default=[], metavar="FAMILY", help="for cross-validation"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["dir"]
        try:
            count = len(permitted(folder, options["leave_out"]))
            with tqdm(unit="video", disable=None) as bar:
                named = list(footage(folder, options["leave_out"], lambda _: _advance(bar)))
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise CommandError(f"{folder} is not laid out as expected: {error}") from None
        except MediaError as error:
            raise CommandError(f"{error.code}: {error.message}") from None
        try:
            made = train(named, options["name"])
        except ValueError as error:
            raise CommandError(f"Too little footage to learn from: {error}") from None
        options["out"].write_bytes(made.to_bytes())
        self.stdout.write(
            f"{options['out']}: {made.size:,} words from {count} videos and "
            f"{len(named) - count} generated films; {len(made.common):,} are too common to count."
        )


def _advance(bar: tqdm) -> None:
    bar.update()
