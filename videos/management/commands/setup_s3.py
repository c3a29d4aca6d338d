"""manage.py setup_s3: make the buckets, the queue and what joins them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from videos.uploads.s3.setup import set_up


class Command(BaseCommand):
    help = (
        "Make buckets, queue, dead-letter queue, origins and notifications as the settings name "
        "them. What is right already is left alone, so it may run at every start."
    )
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            for thing, became in set_up():
                self.stdout.write(f"{thing}: {became}")
        except OSError as error:
            raise CommandError(f"S3 or SQS does not do it: {error}") from None
