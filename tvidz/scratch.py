"""A database and a file store of their own for the length of a command."""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import override_settings


class ScratchInUse(Exception):
    """Somebody else works in the scratch database now."""


@contextmanager
def scratch_library(name: str) -> Iterator[None]:
    """Inside, `default` is the fresh, migrated database `name` and files go to a passing folder.

    The real library is not touched. A database of that name left by a killed run is replaced; one
    that is in use raises ScratchInUse.
    """
    real = connection.settings_dict["NAME"]
    if _in_use(name):
        raise ScratchInUse(f"The database {name} is in use: another run is not over yet.")
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


def _in_use(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [name])
        return cursor.fetchone() != (0,)


def _statements(*statements: str) -> None:
    # Each by itself: CREATE DATABASE works in no transaction.
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
