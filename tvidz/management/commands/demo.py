"""manage.py demo: a library of made-up videos, doctored copies of them, and the site to look at."""

import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connections

from tvidz import demo_desk
from tvidz.commands import LibraryCommand
from tvidz.demo import make_copies, make_library
from tvidz.pipeline import analyse
from videos.models import UNFINISHED, Analysis, Upload, Visibility
from videos.serializers import video_page
from videos.uploads.accept import Arrival, accept


class Command(LibraryCommand):
    quiet = False
    help = (
        "Make sample videos, take them into the library, upload doctored copies, and serve the "
        "site until Ctrl-C. Nothing is downloaded; a second run uses what is there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--no-serve", action="store_true", help="fill the library and end")

    def handle(self, *args: Any, **options: Any) -> None:
        address = f"http://{options['host']}:{options['port']}"
        if options["no_serve"]:
            call_command("migrate", verbosity=0)
            self._fill(address, serving=False)
            return
        # Beside the server: the copies are analysed by its workers while one can watch.
        filling = threading.Thread(
            target=self._fill, args=(address,), kwargs={"serving": True}, daemon=True
        )
        call_command("migrate", verbosity=0)
        filling.start()
        call_command("run", host=options["host"], port=options["port"], stdout=self.stdout)

    def _fill(self, address: str, *, serving: bool) -> None:
        folder: Path = settings.TVIDZ.var / "demo"
        self._say("Making three films to be the library …")
        films = []
        for path in make_library(folder, lambda name: self._say(f"  {name}")):
            analysis = self._take_in(path)
            if analysis.state in UNFINISHED:
                analyse(analysis.pk)
            films.append(analysis.video)
        demo_desk.register_films(films)
        self._say("Uploading doctored copies …")
        copies = []
        for path, done in make_copies(folder, lambda name: None):
            copies.append(analysis := self._take_in(path))
            self._say(f"  {address}{video_page(analysis.video)}  {path.name}: {done}")
        self._say("Open one of these pages and see what it matched.")
        self._say(f"Who looks at flags, at {address}/admin/:")
        demo_desk.make_people(self._say)
        if serving and demo_desk.wait_for(copies):
            demo_desk.work_a_little()
            self._say("The queue is there, some of it decided.")
        connections.close_all()

    def _take_in(self, path: Path) -> Analysis:
        """The newest analysis of a demo file, which is accepted on the first run."""
        origin = f"demo:{path.name}"
        known = Analysis.objects.filter(video__upload__origin=origin).select_related("video")
        if (analysis := known.order_by("-pk").first()) is not None:
            return analysis
        return accept(
            Arrival(
                path,
                path.name,
                Upload.Entrance.BACKFILL,
                origin=origin,
                visibility=Visibility.PUBLIC,
            )
        ).analysis

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
