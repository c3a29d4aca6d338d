"""manage.py calibrate DIR: what the confidence is made of, and how far it can be believed."""

import json
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management.base import CommandError
from tqdm import tqdm

from matching.calibration import SHIPPED
from matching.engine.calibration import Calibration, Floats, dump
from matching.engine.evidence import SIGNS
from matching.engine.reliability import LEAST_IN_BIN, Reliability, error_by_chance, reliability
from matching.engine.version import ENGINE_VERSION
from tvidz.labelled import LabelledFolderCommand, read_truth
from tvidz.options import BASE_DIR
from tvidz.training.confidence import left_out_confidence, train
from tvidz.training.diagram import reliability_svg
from tvidz.training.evidence import verified_pairs
from tvidz.training.halves import make_halves, repeats
from tvidz.training.pairs import Pairs, PairsError, joined, label, read, write
from videos.media.errors import MediaError

DATABASE = "tvidz_calibrate"
DIAGRAM = BASE_DIR / "docs" / "images" / "reliability.svg"
TITLE = "Confidence, families left out in turn"


class Command(LabelledFolderCommand):
    help = (
        "Ask with every query of the labelled folder DIR, fit the confidence to the pairs that "
        "reached verification, print how far it can be believed, and write it down with a "
        "reliability diagram. Your library is not touched."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_folder(parser, nargs="?")
        parser.add_argument(
            "--from", dest="pairs", type=Path, help="take the pairs from what --save wrote"
        )
        parser.add_argument("--save", type=Path, help="write the pairs with their features here")
        parser.add_argument(
            "--monotone",
            action="store_true",
            help="write the calibration with the monotone correction (its figures are told anyway)",
        )
        parser.add_argument("--out", type=Path, default=SHIPPED, help="the calibration")
        parser.add_argument("--svg", type=Path, default=DIAGRAM, help="the reliability diagram")

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["dir"] is None) == (options["pairs"] is None):
            raise CommandError("Name a labelled folder, or with --from a file of pairs.")
        try:
            pairs = self._pairs(options)
            self._calibrate(pairs, options)
        except PairsError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be written: {error.strerror}") from None

    def _pairs(self, options: dict[str, Any]) -> Pairs:
        if options["pairs"] is not None:
            return read(options["pairs"])
        truth = read_truth(options["dir"])
        asked = self.ask(options["dir"], truth, verified_pairs, DATABASE)
        # A missing file is a missing family, and would not show in the figures.
        self.tell_problems(asked.problems)
        found = ((each.query, each.reference, each.features) for each in asked.found)
        pairs = label(truth, found, SIGNS, ENGINE_VERSION)
        pairs = joined(pairs, self._halves(options["dir"], truth))
        if options["save"]:
            write(pairs, options["save"])
        return pairs

    def _halves(self, folder: Path, truth: dict[str, Any]) -> Pairs:
        """Pairs of first and second halves of the library videos: strangers that look alike."""
        with TemporaryDirectory(prefix="tvidz-") as place:
            cut = Path(place)
            try:
                halves = make_halves(folder, truth["refs"], cut, lambda _: None)
            except MediaError as error:
                raise CommandError(f"{error.code}: {error.message}") from None
            asked = self.ask(cut, halves, verified_pairs, DATABASE)
        self.tell_problems(asked.problems)
        kept = [each for each in asked.found if not repeats(each)]
        found = ((each.query, each.reference, each.features) for each in kept)
        made = label(halves, found, SIGNS, ENGINE_VERSION)
        self.stdout.write(
            f"{len(kept)} pairs of halves of one video or two reached verification; "
            f"{len(asked.found) - len(kept)} more repeat themselves and are left out"
        )
        return made

    def _calibrate(self, pairs: Pairs, options: dict[str, Any]) -> None:
        copies = int(pairs.labels.sum())
        self.stdout.write(
            f"{len(pairs.pairs)} pairs reached verification: {copies} copies and "
            f"{len(pairs.pairs) - copies} strangers, {len(pairs.families)} families "
            f"({pairs.left_out} more share only a leader and are left out)"
        )
        trained = train(pairs)
        made = {False: trained.uncorrected(), True: trained}
        unseen = dict(zip((False, True), _left_out(pairs), strict=True))
        self.stdout.write(f"{'':44} {'ECE':>6} {'Brier':>6} {'log loss':>8} {'n':>5} {'bins':>4}")
        for monotone, words in ((False, "logistic"), (True, "with monotone correction")):
            seen = made[monotone].confidence(pairs.features)
            self._tell(f"{words}, in sample", reliability(seen, pairs.labels))
            self._tell(f"{words}, families left out", reliability(unseen[monotone], pairs.labels))
        chosen = options["monotone"]
        self.stdout.write(
            f"Bins hold equal numbers of pairs, at least {LEAST_IN_BIN}; by chance alone a perfect "
            f"confidence would show an ECE of {error_by_chance(unseen[chosen]):.3f} here."
        )
        self._tell_coefficients(made[chosen])
        options["out"].parent.mkdir(parents=True, exist_ok=True)
        options["out"].write_text(json.dumps(dump(made[chosen]), indent=1) + "\n")
        told = reliability(unseen[chosen], pairs.labels)
        options["svg"].write_text(reliability_svg(told, TITLE))
        self.stdout.write(f"Written: {options['out']} and {options['svg']}")

    def _tell(self, words: str, told: Reliability) -> None:
        self.stdout.write(
            f"{words:44} {told.expected_error:6.3f} {told.brier:6.3f} {told.log_loss:8.3f} "
            f"{told.n:5} {len(told.bins):4}"
        )

    def _tell_coefficients(self, made: Calibration) -> None:
        self.stdout.write("log odds for one standard deviation of each feature:")
        for name, coefficient in zip(made.names, made.coefficients, strict=True):
            self.stdout.write(f"  {name:24} {coefficient:+7.3f}")
        self.stdout.write(f"  {'(at the means)':24} {made.intercept:+7.3f}")


def _left_out(pairs: Pairs) -> tuple[Floats, Floats]:
    """Each pair's confidence (n,) without and with the monotone correction."""
    with tqdm(total=len(pairs.pairs), unit="pair", disable=None) as bar:

        def told(count: int) -> None:
            bar.update(count)

        return left_out_confidence(pairs, told)
