"""The development secret key: made once, kept in the var folder, readable by its owner alone."""

import os
import secrets
from pathlib import Path


def development_secret(var: Path) -> str:
    """The key in `var/secret_key`, made on first use; two processes starting at once agree on it.

    The file appears whole or not at all: it is written beside its place and linked there, so
    nobody reads half a key and the first writer wins.
    """
    path = var / "secret_key"
    if not path.exists():
        var.mkdir(parents=True, exist_ok=True)
        beside = var / f".secret_key.{os.getpid()}"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
        try:
            os.link(beside, path)
        except FileExistsError:
            pass
        finally:
            beside.unlink()
    return path.read_text().strip()
