"""After a test that commits its rows go: Django truncates every table, which takes long."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db.backends.postgresql.operations import DatabaseOperations

# What the database itself keeps people from clearing.
APPEND_ONLY: Final = ("moderation_event", "moderation_decision")
# Deleted vectors stay in their index until a vacuum, and what is looked for there is missed.
TRUNCATED: Final = frozenset({"matching_featurevector"})
# The same after each migration; nobody writes them but what follows a migration.
KEPT: Final = frozenset({"django_content_type", "auth_permission"})

Flush = Callable[..., list[str]]


def clearing(truncate: Flush) -> Flush:
    """Delete the rows of the few tables that have any; `truncate` all where that would not do."""

    def statements(
        operations: DatabaseOperations, style: Any, tables: Sequence[str], **asked: Any
    ) -> list[str]:
        filled = _filled(operations, [table for table in tables if table not in KEPT])
        if TRUNCATED & set(filled) or asked.get("reset_sequences"):
            cleared = truncate(operations, style, tables, **asked)
            filled = [*filled, *APPEND_ONLY]
        else:
            cleared = [f'DELETE FROM "{table}"' for table in filled]
        guarded = [table for table in APPEND_ONLY if table in filled]
        # No table can be altered of which a check is still to come.
        checked = ["SET CONSTRAINTS ALL IMMEDIATE"]
        return [*_guards("DISABLE", guarded), *cleared, *checked, *_guards("ENABLE", guarded)]

    return statements


def _filled(operations: DatabaseOperations, tables: Sequence[str]) -> list[str]:
    looks = (f"SELECT '{table}' WHERE EXISTS (SELECT FROM \"{table}\")" for table in tables)
    with operations.connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks))
        return [name for (name,) in cursor.fetchall()]


def _guards(way: str, tables: Sequence[str]) -> list[str]:
    return [f"ALTER TABLE {table} {way} TRIGGER append_only" for table in tables]
