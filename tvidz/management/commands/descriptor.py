"""manage.py descriptor ACTION: look after a descriptor of one's own (see docs/matching.md)."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from tqdm import tqdm

from matching import descriptor_upkeep as upkeep
from matching.descriptor_calibration import TooLittle, calibrate
from matching.engine.descriptors import HSV108, Descriptor
from matching.engine.nearness import NotTelling
from matching.engine.onnx import ModelUnusable
from matching.neighbours import UnknownDescriptor, vector_descriptor
from matching.own_descriptor import own_descriptor
from tvidz.commands import LibraryCommand


class Command(LibraryCommand):
    help = "Look after the descriptor of your own that TVIDZ_ONNX_MODEL sets."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("show", help="what is set, and what the library holds")
        actions.add_parser("backfill", help="describe the videos that came before it")
        actions.add_parser("index", help="make the search index of its version")
        measured = actions.add_parser("calibrate", help="measure what its distances mean")
        measured.add_argument("--name", help="of the descriptor; your own, if there is one")
        actions.add_parser("prune", help="drop all versions but the one that is set")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(options)
        except (ModelUnusable, UnknownDescriptor, TooLittle) as error:
            raise CommandError(str(error)) from None
        except NotTelling as error:
            raise CommandError(f"This descriptor tells nothing in this library: {error}.") from None

    def _show(self, options: dict[str, Any]) -> None:
        own = own_descriptor()
        if own is None:
            self.stdout.write("No descriptor of your own: TVIDZ_ONNX_MODEL is empty.")
        else:
            self.stdout.write(
                f"{own.name}, version {own.version}: {own.dimension} numbers, {own.distance}; "
                f"{upkeep.lacking(own).count()} videos lack it"
            )
        for held in upkeep.stored():
            words = ["indexed" if held.indexed else "no index"]
            words.append("calibrated" if held.calibrated else "not calibrated")
            self.stdout.write(
                f"  stored: {held.name} {held.version}: {held.shots} shots of {held.videos} "
                f"videos, {', '.join(words)}"
            )

    def _backfill(self, options: dict[str, Any]) -> None:
        own = self._own()
        described, without = 0, []
        total = upkeep.lacking(own).count()
        for video, shots in tqdm(upkeep.backfill(own), total=total, unit="video", disable=None):
            if shots is None:
                without.append(video.filename)
            else:
                described += 1
        self.stdout.write(f"{described} videos described.")
        for name in without:
            self.stderr.write(f"{name}: its evidence pictures are gone; analyse it again.")

    def _index(self, options: dict[str, Any]) -> None:
        own = self._own()
        upkeep.make_index(own)
        self.stdout.write(f"{upkeep.index_name(own.name, own.version)} is there.")

    def _calibrate(self, options: dict[str, Any]) -> None:
        default = settings.TVIDZ.onnx_name if settings.TVIDZ.onnx_model else HSV108.name
        known = vector_descriptor(options["name"] or default)
        with tqdm(unit="picture", disable=None) as bar:

            def told(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            row = calibrate(known, told)
        self.stdout.write(
            f"{row.name} {row.version}, on {row.pictures} pictures of {row.families} unrelated "
            f"videos: a copy is nearer than a stranger in {row.separation:.1%} of pairs; even odds "
            f"at a distance of {-row.intercept / row.slope:.4f}; calibration error {row.error:.3f}"
        )

    def _prune(self, options: dict[str, Any]) -> None:
        own = own_descriptor()
        kept = (own.name, own.version) if own is not None else None
        for held in upkeep.stored():
            if (held.name, held.version) != kept:
                upkeep.forget(held.name, held.version)
                self.stdout.write(f"{held.name} {held.version}: {held.shots} vectors dropped.")

    def _own(self) -> Descriptor:
        own = own_descriptor()
        if own is None:
            raise CommandError("No descriptor of your own: set TVIDZ_ONNX_MODEL.")
        return own
