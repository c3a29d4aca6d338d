"""clamd's protocol over a socket: PING, and INSTREAM for a file of any size.

Spoken by hand, since it is two commands: see clamd(8). A file is sent in blocks, each behind its
length as four bytes, big-endian; a block of length 0 ends it, and one line of answer comes back.
"""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

BLOCK: Final = 256 << 10
CONNECT_SECONDS: Final = 5.0
PING_SECONDS: Final = 5.0
LONGEST_ANSWER: Final = 4096
SIZE_LIMIT: Final = "INSTREAM size limit exceeded"
# With AlertExceedsMax clamd "finds" this where it stopped before the end; without it says OK.
NOT_ALL_OF_IT: Final = "Heuristics.Limits.Exceeded"


class NoVerdict(Exception):
    """clamd did not say what a file is; the words are for the log."""


def ping(address: str) -> None:
    """Raise NoVerdict unless clamd answers."""
    with _connected(address, PING_SECONDS) as line:
        line.send(b"zPING\0")
        answer = line.answer()
    if answer != "PONG":
        raise NoVerdict(f"clamd answered {answer!r} to PING")


def signature_in(path: Path, address: str, seconds: float) -> str:
    """The name of the signature that clamd finds in the file, or "" where it finds none.

    `address` is `host:port` or the absolute path of a Unix socket, `seconds` the time for all of
    it. Raises NoVerdict when clamd does not look at the whole file.
    """
    with _connected(address, seconds) as line:
        sent = _send(line, path)
        answer = line.answer()
    if SIZE_LIMIT in answer or not answer:
        raise NoVerdict(f"clamd ended the stream after {sent} bytes: raise its StreamMaxLength")
    verdict = answer.removeprefix("stream: ")
    if verdict == "OK":
        return ""
    if not verdict.endswith(" FOUND"):
        raise NoVerdict(f"clamd answered {answer!r}")
    signature = verdict.removesuffix(" FOUND")
    if signature.startswith(NOT_ALL_OF_IT):
        told = "raise its MaxFileSize, MaxScanSize or MaxScanTime"
        raise NoVerdict(f"clamd did not look at all of the file ({signature}): {told}")
    return signature


class _Line:
    """A connection on which everything together ends at one moment."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self._connection = connection
        self._until = until

    def send(self, content: bytes) -> None:
        self._wait_no_longer()
        self._connection.sendall(content)

    def answer(self) -> str:
        """What clamd says, up to its zero byte; empty where it hung up without a word."""
        told = b""
        while b"\0" not in told and len(told) < LONGEST_ANSWER:
            self._wait_no_longer()
            try:
                more = self._connection.recv(LONGEST_ANSWER)
            except ConnectionError:
                break
            if not more:
                break
            told += more
        return told.partition(b"\0")[0].decode("utf-8", "replace").strip()

    def _wait_no_longer(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)


def _send(line: _Line, path: Path) -> int:
    """How many bytes of the file clamd took: all, or fewer where it hung up."""
    sent = 0
    try:
        line.send(b"zINSTREAM\0")
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                line.send(struct.pack("!L", len(block)) + block)
                sent += len(block)
        line.send(struct.pack("!L", 0))
    except ConnectionError:
        # Its reason can be read all the same.
        pass
    return sent


@contextmanager
def _connected(address: str, seconds: float) -> Iterator[_Line]:
    until = time.monotonic() + seconds
    try:
        with _connection(address, min(CONNECT_SECONDS, seconds)) as connection:
            yield _Line(connection, until)
    except TimeoutError as error:
        raise NoVerdict(f"clamd at {address} took longer than {seconds:g} s") from error


def _connection(address: str, seconds: float) -> socket.socket:
    try:
        if not address.startswith("/"):
            host, _, port = address.rpartition(":")
            return socket.create_connection((host.strip("[]"), int(port)), timeout=seconds)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(seconds)
            connection.connect(address)
        except BaseException:
            connection.close()
            raise
        return connection
    except (OSError, UnicodeError) as error:
        raise NoVerdict(f"clamd at {address} cannot be reached: {error}") from error
