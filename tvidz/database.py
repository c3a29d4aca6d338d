"""Which database: the one a URL names, or the embedded PostgreSQL."""

from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from tvidz.postgres.configuration import DATABASE, ROLE
from tvidz.postgres.place import PORT
from tvidz.postgres.server import ensure

EMBEDDED = "tvidz.postgres"
POSTGRESQL = "django.db.backends.postgresql"
# What Django keeps in OPTIONS for itself; libpq does not know these words.
DJANGO_OPTIONS = {
    "assume_role",
    "cursor_factory",
    "isolation_level",
    "pool",
    "prepare_threshold",
    "server_side_binding",
}


def database_config(url: str | None, var: Path) -> dict[str, Any]:
    """Django's DATABASES["default"]: for `url`, or for the embedded server in `var/postgres`.

    Reads and starts nothing. Raises ImproperlyConfigured for a URL that is not PostgreSQL's,
    without repeating it: it may hold a password.
    """
    if not url:
        return {
            "ENGINE": EMBEDDED,
            "NAME": DATABASE,
            "USER": ROLE,
            "PORT": PORT,
            "VAR": str(Path(var).absolute()),
        }
    try:
        config = dict(dj_database_url.parse(url))
    except ValueError:
        raise ImproperlyConfigured(
            "The database URL cannot be read: expected postgres://user:password@host:5432/name."
        ) from None
    if config.get("ENGINE") != POSTGRESQL or not config.get("NAME"):
        raise ImproperlyConfigured(
            "The database URL must name a PostgreSQL database: "
            "postgres://user:password@host:5432/name."
        )
    return config


def connection_kwargs(settings_dict: dict[str, Any]) -> dict[str, Any]:
    """Parameters for a psycopg connection of one's own, from `connection.settings_dict`.

    With the embedded server this process counts as its user from here on and the server is brought
    up, which may take a second (minutes after a crash): call it off the event loop, and anew for
    every attempt to connect. Raises EmbeddedPostgresError when it cannot be brought up.
    """
    options = settings_dict.get("OPTIONS") or {}
    found = {key: value for key, value in options.items() if key not in DJANGO_OPTIONS}
    names = {
        "dbname": "NAME",
        "user": "USER",
        "password": "PASSWORD",
        "host": "HOST",
        "port": "PORT",
    }
    found |= {key: settings_dict[name] for key, name in names.items() if settings_dict.get(name)}
    if settings_dict["ENGINE"] == EMBEDDED:
        found["host"] = str(ensure(Path(settings_dict["VAR"])).place.socket)
    return found
