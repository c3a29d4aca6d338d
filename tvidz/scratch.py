"""A database and a file store of their own for the length of a command."""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import override_settings


@contextmanager
def scratch_library(name: str) -> Iterator[None]:
    """Inside, `default` is the fresh, migrated database `name` and files go to a passing folder.

    The real library is not touched. A database of that name left by a killed run is replaced.
    """
    real = connection.settings_dict["NAME"]
    with TemporaryDirectory(prefix="tvidz-") as folder:
        _statements(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"')
        connections.close_all()
        connection.settings_dict["NAME"] = name
        files = {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": folder, "base_url": None},
        }
        try:
            with override_settings(STORAGES={**settings.STORAGES, "default": files}):
                call_command("migrate", verbosity=0)
                yield
        finally:
            connections.close_all()
            connection.settings_dict["NAME"] = real
            _statements(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _statements(*statements: str) -> None:
    # Each by itself: CREATE DATABASE works in no transaction.
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
