"""What our management commands share: quiet start, and errors a person understands."""

import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError


class LibraryCommand(BaseCommand):
    """A command that needs the library's database; a missing one is told in one sentence."""

    # They would print which ffmpeg is used before every answer; `manage.py check` tells it.
    requires_system_checks = []
    # Whether log lines below warnings would only be in the way of the command's own words.
    quiet = True

    def execute(self, *args: Any, **options: Any) -> str | None:
        if self.quiet and int(options.get("verbosity", 1)) < 2:
            logging.getLogger().setLevel(logging.WARNING)
        try:
            return super().execute(*args, **options)
        except ProgrammingError as error:
            raise CommandError(
                f"The database is not set up ({_first_line(error)}). Run: manage.py migrate"
            ) from None
        except OperationalError as error:
            raise CommandError(f"The database cannot be reached: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
