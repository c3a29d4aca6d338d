"""manage.py match FILE: which library videos does this file copy, without adding it."""

import json
import uuid
from argparse import ArgumentParser
from itertools import groupby
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from matching.engine.descriptors import Descriptor
from matching.engine.onnx import ModelUnusable
from matching.neighbours import (
    Neighbour,
    Uncalibrated,
    UnknownDescriptor,
    heads,
    nearest,
    vector_descriptor,
)
from matching.serializers import confidence_word
from tvidz.answers import answer
from tvidz.commands import LibraryCommand
from tvidz.fingerprinting import fingerprint_file
from videos.media.errors import MediaError
from videos.models import Video

SHOTS_SHOWN = 10


class Command(LibraryCommand):
    help = "Tell which library videos FILE copies, and where. It is not added to the library."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", action="store_true", help="one JSON list of segments")
        parser.add_argument("--all", action="store_true", help="doubtful matches, too")
        parser.add_argument(
            "--descriptor",
            metavar="NAME",
            help="nearest shots by one descriptor alone instead: hsv108 (colours) or your own",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            if options["descriptor"]:
                self._nearest(path, vector_descriptor(options["descriptor"]))
                return
            found = answer(path, path.name)
        except (ModelUnusable, UnknownDescriptor, Uncalibrated) as error:
            raise CommandError(str(error)) from None
        except MediaError as error:
            raise CommandError(f"{error.code}: {error.message}") from None
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}") from None
        self._tell_incomplete(found.complete, found.readable)
        rows = [row for row in found.rows if options["all"] or row["flagged"]]
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=1))
        else:
            self._tell(rows)

    def _tell_incomplete(self, complete: bool, readable: float) -> None:
        if not complete:
            self.stderr.write(f"Only the first {readable:.1f} s could be read.")

    def _tell(self, rows: list[dict[str, Any]]) -> None:
        names = Video.objects.in_bulk({row["ref"] for row in rows})
        if not rows:
            self.stdout.write("Nothing in the library matches this file.")
        for ref, segments in groupby(rows, lambda row: str(row["ref"])):
            row, *more = segments
            if uuid.UUID(ref) not in names:
                continue  # deleted a moment ago
            kinds = f", {', '.join(row['kinds'])}" if row["kinds"] else ""
            self.stdout.write(
                f"{names[uuid.UUID(ref)].name}  {confidence_word(row['score'])} "
                f"{row['score']:.0%}, covers {row['covered_query']:.0%}{kinds}  ({ref})"
            )
            for part in (row, *more):
                self.stdout.write(
                    f"  {_clock(part['q_start'])}–{_clock(part['q_end'])} is "
                    f"{_clock(part['r_start'])}–{_clock(part['r_end'])} of it"
                )

    def _nearest(self, path: Path, descriptor: Descriptor) -> None:
        fingerprint, outcome = fingerprint_file(path, path.name)
        self._tell_incomplete(outcome.complete, outcome.last_timestamp)
        found = nearest(heads(fingerprint, descriptor), SHOTS_SHOWN)
        best: dict[tuple[uuid.UUID, float], Neighbour] = {}
        for each in found:
            best.setdefault((each.video_id, each.time), each)
        shown = list(best.values())[:SHOTS_SHOWN]
        names = Video.objects.in_bulk([each.video_id for each in shown])
        for each in shown:
            self.stdout.write(
                f"{each.confidence:4.0%}  {names[each.video_id].name}  {_clock(each.time)}  "
                f"like {_clock(each.query_time)}, distance {each.distance:.3f}"
            )
        if not shown:
            self.stdout.write("The library holds no shot with this descriptor.")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"
