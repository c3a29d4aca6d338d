"""manage.py match FILE: which library videos does this file copy, without adding it."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from matching.index import nearest_colours
from matching.search import search
from matching.serializers import confidence_word
from moderation.flagging import worth_a_flag
from tvidz.commands import LibraryCommand
from tvidz.pipeline import fingerprint_file
from tvidz.predictions import predictions
from videos.media.errors import MediaError
from videos.models import Video

COLOURS_SHOWN = 10


class Command(LibraryCommand):
    help = "Tell which library videos FILE copies, and where. Nothing is stored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", action="store_true", help="one JSON list of segments")
        parser.add_argument("--all", action="store_true", help="doubtful matches, too")
        parser.add_argument(
            "--colours", action="store_true", help="nearest shots by colour alone instead"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            fingerprint, outcome = fingerprint_file(path, path.name)
        except MediaError as error:
            raise CommandError(f"{error.code}: {error.message}") from None
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}") from None
        if not outcome.complete:
            self.stderr.write(f"Only the first {outcome.last_timestamp:.1f} s could be read.")
        if options["colours"]:
            self._colours(fingerprint)
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

    def _colours(self, fingerprint: Any) -> None:
        shown = set()
        for vector in fingerprint.index.colours:
            for video, time, distance in nearest_colours(
                vector, fingerprint.version, COLOURS_SHOWN
            ):
                shown.add((round(distance, 3), video, time))
        names = Video.objects.in_bulk([video for _, video, _ in shown])
        for distance, video, time in sorted(shown)[:COLOURS_SHOWN]:
            self.stdout.write(f"{distance:.3f}  {names[video].filename}  {_clock(time)}")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"
