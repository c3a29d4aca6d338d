"""manage.py s3_events: take in what comes into the bucket, until Ctrl-C."""

import signal
from argparse import ArgumentParser
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError

from videos.uploads.s3.poller import Poller
from videos.uploads.s3.setup import redrive, set_up

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Listen to the queue of the bucket's events and take their objects into the library."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="end when the queue is empty")
        parser.add_argument(
            "--setup", action="store_true", help="first do what setup_s3 does, if that is allowed"
        )
        parser.add_argument(
            "--redrive",
            action="store_true",
            help="only give what is in the dead-letter queue to the queue again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["redrive"]:
            try:
                self.stdout.write(f"{redrive()} messages")
            except OSError as error:
                raise CommandError(f"The queues do not answer: {error}") from None
            return
        if options["setup"]:
            _set_up()
        poller = Poller(once=options["once"], **({"wait_seconds": 1} if options["once"] else {}))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: poller.stop())
        poller.run()


def _set_up() -> None:
    try:
        for thing, became in set_up():
            log.info("S3", thing=thing, became=became)
    except OSError as error:
        # Whoever may not make buckets may still listen to a queue that others made.
        log.warning("S3 is not set up", error=str(error))
