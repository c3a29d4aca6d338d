"""The address of a mail server, read."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

PORTS: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


@dataclass(frozen=True)
class MailServer:
    """`tls` from the first byte, or `starttls` after a few."""

    host: str
    port: int
    user: str
    password: str
    starttls: bool
    tls: bool


def read_email_url(url: str) -> MailServer | None:
    """None for an empty one; ValueError, without the password in it, for what is none."""
    if not url:
        return None
    try:
        told = urlsplit(url)
        host, port = told.hostname, told.port
    except ValueError:
        host, port, told = None, None, urlsplit("")
    if told.scheme not in PORTS or not host or told.path.strip("/") or told.query:
        raise ValueError(
            "smtps://user:password@host:port is needed, or smtp+starttls:// or smtp://"
        )
    return MailServer(
        host,
        port or PORTS[told.scheme],
        unquote(told.username or ""),
        unquote(told.password or ""),
        told.scheme == "smtp+starttls",
        told.scheme == "smtps",
    )
