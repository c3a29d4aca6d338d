"""A database and a file store of their own for the length of a command."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from django.conf import settings
from django.core.management import call_command
from django.db import ProgrammingError, connection, connections
from django.test.utils import override_settings

DROP_TRIES = 15


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
        _drop(name)
        _statements(f'CREATE DATABASE "{name}"')
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
            _drop(name)


def _drop(name: str) -> None:
    """Drop the database. The server's own cleaning of it may not be ended by us: wait for it."""
    for left in reversed(range(DROP_TRIES)):
        try:
            _statements(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        except ProgrammingError:
            if not left:
                raise
            time.sleep(1.0)
        else:
            return


def _in_use(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [name])
        return cursor.fetchone() != (0,)


def _statements(*statements: str) -> None:
    # Each by itself: CREATE DATABASE works in no transaction.
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
