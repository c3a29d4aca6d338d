"""manage.py run: the site and its workers from one terminal, until Ctrl-C."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DEFAULT_DB_ALIAS, connections

from tvidz.checks import (
    library_fingerprinted,
    own_descriptor_usable,
    scanner_answers,
    shipped_data_fits,
)
from tvidz.commands import LibraryCommand
from tvidz.supervisor import Supervisor, port_is_free, s3_events, web, workers


class Command(LibraryCommand):
    quiet = False
    help = "Serve the site, the websocket and the workers until Ctrl-C; what dies is restarted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--only", choices=["web", "workers"], help="run one of the two")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port, only = options["host"], options["port"], options["only"]
        if only != "workers" and not port_is_free(host, port):
            raise CommandError(
                f"Port {port} is taken. Choose another one, for instance: make run PORT={port + 1}"
            )
        for problem in (*shipped_data_fits(None), *own_descriptor_usable(None)):
            # Otherwise every analysis would find out by itself.
            if problem.is_serious():
                raise CommandError(problem.msg)
        call_command("migrate", verbosity=0)
        self.tell_what_is_due()
        call_command("first_admin", stdout=self.stdout)
        connections.close_all()
        children = []
        if only != "workers":
            children.append(web(host, port))
            self.stdout.write(f"tvidz is at http://{host}:{port}/ — Ctrl-C stops it")
        if only != "web":
            children.append(workers())
            if settings.TVIDZ.s3_uploads:
                children.append(s3_events())
        self.stdout.flush()
        Supervisor(children, watches_workers=only != "web").run()

    def tell_what_is_due(self) -> None:
        """Say what an upgrade of the engine left to do, or clamd; the site serves all the same."""
        behind = library_fingerprinted(None, databases=[DEFAULT_DB_ALIAS])
        for problem in (*behind, *scanner_answers(None)):
            self.stderr.write(f"{problem.msg} {problem.hint}")
