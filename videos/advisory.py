"""Locks by name in the database, among all processes, gone with their connection."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def only_one(name: str) -> Iterator[None]:
    """Wait until nobody else is inside for `name`; who dies inside leaves at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
    try:
        yield
    finally:
        # After an error of the connection itself there is nothing to unlock, nor a way to.
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])


def together(names: Iterable[str]) -> None:
    """Until the transaction ends nobody is `alone` with one of these; others may be here, too.

    Take all that are needed at once: they are locked in order, so that no two wait for each other.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock_shared(hashtextextended(name, 0))"
            " FROM (SELECT name FROM unnest(%s::text[]) AS name ORDER BY name) AS names",
            [list(names)],
        )


def alone(name: str) -> None:
    """Wait until nobody else is `together` or `alone` with it; so until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
