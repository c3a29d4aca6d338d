"""HTTP to addresses that somebody else chose, without lending them our place in the network.

A name is resolved here, once for each connection; all its addresses must be public or permitted
(`TVIDZ_OUTGOING_ALLOW`), and the connection goes to one of just these, so that a name which
resolves otherwise a moment later gains nothing. Host and the name in TLS stay what was asked for.
Redirects are followed here, each judged like the first address. Proxies in the environment are not
used: they would resolve the name again.
"""

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

import certifi
import httpcore
from django.conf import settings

from videos.addresses import permitted, read_networks, read_ports

Resolve = Callable[[str, int], Sequence[str]]

MOST_REDIRECTS: Final = 5
REDIRECTS: Final = (301, 302, 303, 307, 308)
HOST: Final = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
LONGEST_URL: Final = 4096
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# Of a name with very many addresses the first few are tried.
MOST_ADDRESSES: Final = 4
# What a URL may hold as it stands, and "%" of what is escaped already.
URL_CHARACTERS: Final = "/?:@!$&'()*+,;=-._~%[]"


class OutgoingError(Exception):
    """The request was not made, or got no answer; the words are for the log."""


class AddressRefused(OutgoingError):
    """The address is none that we go to. Says nothing of what lies there."""


class Unreachable(OutgoingError):
    """No connection, no answer, or it took too long; may succeed later."""


class TooManyBytes(OutgoingError):
    """The answer is longer than was allowed, by its own words or by what came."""


@dataclass(frozen=True)
class Limits:
    """What a request may cost: bytes of the answer's body; seconds until a connection stands,
    without a byte, and in all."""

    most_bytes: int
    total_seconds: float
    connect_seconds: float = 10.0
    silence_seconds: float = 30.0


@dataclass(frozen=True)
class Answer:
    """What came back. `headers` have small letters; `blocks` raises OutgoingError on its way."""

    status: int
    headers: dict[str, str]
    url: str
    blocks: Iterator[bytes]

    @property
    def length(self) -> int | None:
        """Bytes of the body as the server told them."""
        told = self.headers.get("content-length", "")
        return int(told) if told.isascii() and told.isdigit() else None


@dataclass(frozen=True)
class Target:
    """A URL taken apart once; nothing else reads it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def authority(self) -> str:
        """Host and port as the header Host names them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def system_resolve(host: str, port: int) -> list[str]:
    """The addresses of a name as the system tells them, with the time that it takes for it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def read_url(url: str) -> Target:
    """Take a URL apart; raises AddressRefused for all but plain HTTP(S) to an allowed port."""
    # urlsplit leaves out tabs and line breaks: other readers might not.
    if len(url) > LONGEST_URL or any(c.isspace() or not c.isprintable() for c in url):
        raise AddressRefused("too long, or with characters that belong into no URL")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except ValueError as error:
        raise AddressRefused(f"no URL: {error}") from error
    if parts.scheme not in DEFAULT_PORTS or not HOST.fullmatch(host):
        raise AddressRefused("not http:// or https:// with a host")
    if "@" in parts.netloc or "\\" in url:
        raise AddressRefused("with a user name or a backslash")
    port = DEFAULT_PORTS[parts.scheme] if port is None else port
    if not any(port in span for span in read_ports(settings.TVIDZ.outgoing_ports)):
        raise AddressRefused(f"port {port} is not in TVIDZ_OUTGOING_PORTS")
    path = quote(parts.path or "/", safe=URL_CHARACTERS)
    query = f"?{quote(parts.query, safe=URL_CHARACTERS)}" if parts.query else ""
    return Target(parts.scheme, host, port, path + query)


@contextmanager
def get(url: str, limits: Limits, *, resolve: Resolve = system_resolve) -> Iterator[Answer]:
    """GET, following redirects; after five the sixth is the answer. Raises OutgoingError."""
    until = time.monotonic() + limits.total_seconds
    target = read_url(url)
    for _ in range(MOST_REDIRECTS):
        with _asked("GET", target, limits, until, resolve) as answer:
            location = answer.headers.get("location")
            if answer.status not in REDIRECTS or not location:
                yield answer
                return
        target = read_url(_joined(target.url, location))
    with _asked("GET", target, limits, until, resolve) as answer:
        yield answer


@contextmanager
def post(
    url: str,
    content: bytes,
    headers: dict[str, str],
    limits: Limits,
    *,
    resolve: Resolve = system_resolve,
) -> Iterator[Answer]:
    """POST; a redirect is an answer like others, for what was sent was meant for this address."""
    until = time.monotonic() + limits.total_seconds
    with _asked("POST", read_url(url), limits, until, resolve, content, headers) as answer:
        yield answer


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise AddressRefused(f"redirected to no URL: {error}") from error


@contextmanager
def _asked(
    method: str,
    target: Target,
    limits: Limits,
    until: float,
    resolve: Resolve,
    content: bytes = b"",
    headers: dict[str, str] | None = None,
) -> Iterator[Answer]:
    """One request on a connection of its own, without redirects."""
    lines = {"Host": target.authority, "User-Agent": "tvidz", "Accept": "*/*"}
    # The bytes are to be the file's, not their compression.
    lines |= {"Accept-Encoding": "identity", "Connection": "close"} | (headers or {})
    if method == "POST":
        lines["Content-Length"] = str(len(content))
    url = httpcore.URL(
        scheme=target.scheme.encode(),
        host=target.host.encode(),
        port=target.port,
        target=target.path.encode(),
    )
    silence = limits.silence_seconds
    timeouts = {"connect": limits.connect_seconds, "read": silence, "write": silence}
    with (
        _told(),
        httpcore.ConnectionPool(
            ssl_context=_tls() if target.scheme == "https" else None,
            network_backend=_Network(resolve, until),
        ) as pool,
        pool.stream(
            method,
            url,
            headers=list(lines.items()),
            content=content or None,
            extensions={"timeout": timeouts},
        ) as response,
    ):
        named = {name.decode().lower(): text.decode("latin-1") for name, text in response.headers}
        counted = _counted(response, limits.most_bytes)
        answer = Answer(response.status, named, target.url, counted)
        if answer.length is not None and answer.length > limits.most_bytes:
            raise TooManyBytes(f"{answer.length} bytes told")
        yield answer


def _counted(response: httpcore.Response, most: int) -> Iterator[bytes]:
    came = 0
    with _told():
        for block in response.iter_stream():
            came += len(block)
            if came > most:
                raise TooManyBytes(f"more than {most} bytes came")
            yield block


@contextmanager
def _told() -> Iterator[None]:
    """What the library raises, in words of ours."""
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise Unreachable(f"{type(error).__name__}: {error}") from error


def _tls() -> ssl.SSLContext:
    """Trusts what the system trusts (an operator may have authorities of his own there), and the
    usual authorities where the system knows none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


@dataclass
class _Network(httpcore.NetworkBackend):
    """Connects to the addresses that were judged, and to no name."""

    resolve: Resolve
    until: float
    _plain: httpcore.SyncBackend = field(default_factory=httpcore.SyncBackend)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failed = "no address"
        for address in self._addresses(host, port):
            try:
                left = _left(self.until, timeout)
                return _Stream(self._plain.connect_tcp(address, port, left), self.until)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = str(error)
        raise httpcore.ConnectError(failed)

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            found = self.resolve(host, port)
        except socket.gaierror as error:
            if error.errno in (socket.EAI_AGAIN, socket.EAI_FAIL):
                raise Unreachable(f"{host} was not resolved: {error}") from error
            # The same as for a name inside: an asker is not to learn which of the two it is.
            raise AddressRefused(f"no such name: {host}") from error
        except (OSError, UnicodeError) as error:
            raise AddressRefused(f"no such name: {host}") from error
        allowed = read_networks(settings.TVIDZ.outgoing_allow)
        for address in found:
            if not permitted(address, allowed):
                raise AddressRefused(f"{host} has the address {address}")
        return list(dict.fromkeys(found))[:MOST_ADDRESSES]


class _Stream(httpcore.NetworkStream):
    """A connection on which everything together ends at one moment, be it one byte a second."""

    def __init__(self, plain: httpcore.NetworkStream, until: float) -> None:
        self._plain = plain
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._plain.read(max_bytes, _left(self._until, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._plain.write(buffer, _left(self._until, timeout))

    def close(self) -> None:
        self._plain.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(self._until, timeout)
        return _Stream(self._plain.start_tls(ssl_context, server_hostname, left), self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._plain.get_extra_info(info)


def _left(until: float, timeout: float | None) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("no time is left for the whole request")
    return left if timeout is None else min(left, timeout)
