"""manage.py match FILE: which library videos does this file copy, without adding it."""

import json
import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from matching.engine.descriptors import Descriptor
from matching.engine.onnx import ModelUnusable
from matching.fingerprint import VideoFingerprint
from matching.neighbours import (
    Neighbour,
    Uncalibrated,
    UnknownDescriptor,
    heads,
    nearest,
    vector_descriptor,
)
from matching.search import search
from matching.serializers import confidence_word
from moderation.flagging import worth_a_flag
from tvidz.commands import LibraryCommand
from tvidz.pipeline import fingerprint_file
from tvidz.predictions import predictions
from videos.media.errors import MediaError
from videos.models import Video

SHOTS_SHOWN = 10


class Command(LibraryCommand):
    help = "Tell which library videos FILE copies, and where. Nothing is stored."

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
            descriptor = vector_descriptor(options["descriptor"]) if options["descriptor"] else None
            fingerprint, outcome = fingerprint_file(path, path.name)
        except (ModelUnusable, UnknownDescriptor) as error:
            raise CommandError(str(error)) from None
        except MediaError as error:
            raise CommandError(f"{error.code}: {error.message}") from None
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}") from None
        if not outcome.complete:
            self.stderr.write(f"Only the first {outcome.last_timestamp:.1f} s could be read.")
        if descriptor is not None:
            self._nearest(fingerprint, descriptor)
            return
        matches = [
            match
            for match in search(fingerprint)
            if options["all"] or worth_a_flag(match.score.score, match.score.kinds)
        ]
        names = Video.objects.in_bulk([match.video_id for match in matches])
        if options["json"]:
            ids = {video: str(video) for video in names}
            rows = predictions(path.name, matches, ids, fingerprint.version)
            self.stdout.write(json.dumps(rows, indent=1))
            return
        if not matches:
            self.stdout.write("Nothing in the library matches this file.")
        for match in matches:
            score = match.score
            kinds = f", {', '.join(score.kinds)}" if score.kinds else ""
            self.stdout.write(
                f"{names[match.video_id].filename}  {confidence_word(score.score)} "
                f"{score.score:.0%}, covers {score.covered_query:.0%}{kinds}  ({match.video_id})"
            )
            for part in match.segments:
                self.stdout.write(
                    f"  {_clock(part.q_start)}–{_clock(part.q_end)} is "
                    f"{_clock(part.r_start)}–{_clock(part.r_end)} of it"
                )

    def _nearest(self, fingerprint: VideoFingerprint, descriptor: Descriptor) -> None:
        try:
            found = nearest(heads(fingerprint, descriptor), SHOTS_SHOWN)
        except Uncalibrated as error:
            raise CommandError(str(error)) from None
        best: dict[tuple[uuid.UUID, float], Neighbour] = {}
        for each in found:
            best.setdefault((each.video_id, each.time), each)
        shown = list(best.values())[:SHOTS_SHOWN]
        names = Video.objects.in_bulk([each.video_id for each in shown])
        for each in shown:
            self.stdout.write(
                f"{each.confidence:4.0%}  {names[each.video_id].filename}  {_clock(each.time)}  "
                f"like {_clock(each.query_time)}, distance {each.distance:.3f}"
            )
        if not shown:
            self.stdout.write("The library holds no shot with this descriptor.")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"
