"""manage.py image_corpus DIR OUT: a labelled folder of stills from one of videos."""

import json
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management.base import CommandError
from tqdm import tqdm

from tvidz.commands import LibraryCommand
from tvidz.image_corpus import CannotMake, ImageCorpus, Wanted
from tvidz.labelled import read_truth
from videos.media.errors import MediaError


class Command(LibraryCommand):
    help = (
        "Take stills from the library videos of DIR (refs/, queries/, gt.json), crop, caption and "
        "re-save them, and write them to OUT, laid out the same way, for `evaluate OUT`."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dir", type=Path)
        parser.add_argument("out", type=Path, help="a folder that does not exist yet, or is empty")
        parser.add_argument("--seed", type=int, default=1, help="another one, other stills")
        parser.add_argument(
            "--each", type=int, default=Wanted.each_attack, help="stills of each kind of attack"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder, out, each = options["dir"], options["out"], options["each"]
        if each < 1:
            raise CommandError("--each must be 1 or more.")
        truth = read_truth(folder)
        share = each / Wanted.each_attack
        wanted = Wanted(
            each_attack=each,
            combinations=round(Wanted.combinations * share),
            pictures=round(Wanted.pictures * share),
            strangers=round(Wanted.strangers * share),
        )
        try:
            if out.exists() and any(out.iterdir()):
                raise CommandError(f"{out} is not empty; name a folder that is to be made.")
            out.parent.mkdir(parents=True, exist_ok=True)
            # Beside it first: a folder that is there is whole.
            with TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as beside:
                made = Path(beside, "made")
                told = self._make(folder, made, truth, options["seed"], wanted)
                (made / "gt.json").write_text(json.dumps(told, indent=1) + "\n")
                made.rename(out)
        except OSError as error:
            raise CommandError(f"{error.filename or out}: {error.strerror}") from None
        except MediaError as error:
            raise CommandError(f"{error.code}: {error.message}") from None
        except CannotMake as error:
            raise CommandError(str(error)) from None
        except KeyError as error:
            raise CommandError(f"{folder / 'gt.json'}: an entry lacks {error}.") from None
        unknown = sum(not query["copies"] for query in told["queries"])
        self.stdout.write(
            f"{len(told['refs'])} library videos and images, {len(told['queries'])} stills, "
            f"{unknown} of them of nothing in the library: {out}"
        )

    def _make(
        self, folder: Path, made: Path, truth: dict[str, Any], seed: int, wanted: Wanted
    ) -> dict[str, Any]:
        with tqdm(unit="file", disable=None) as bar:
            corpus = ImageCorpus(folder, made, truth, seed, wanted, lambda _: _advance(bar))
            bar.total = corpus.steps
            return corpus.make()


def _advance(bar: tqdm) -> None:
    bar.update()
