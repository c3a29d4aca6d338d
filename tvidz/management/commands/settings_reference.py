"""manage.py settings_reference: the table of docs/settings.md, from the code."""

from typing import Any

from tvidz.commands import LibraryCommand
from tvidz.reference import settings_table


class Command(LibraryCommand):
    help = "Print the reference of all settings as Markdown."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(settings_table(), ending="")
