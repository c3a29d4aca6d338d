"""clamd's protocol, spoken with a real clamd."""

import resource
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clamav import EICAR, FILE_MB, MB, SIGNATURE, STREAM_MB, Clamd, running_clamd
from tests.conftest import open_folder
from videos.uploads.clamd import BLOCK, NoVerdict, ping, signature_in


@pytest.fixture(params=["unix", "tcp"])
def address(clamd: Clamd, request: pytest.FixtureRequest) -> str:
    return clamd.unix if request.param == "unix" else clamd.tcp


def test_a_running_clamd_answers(address: str) -> None:
    ping(address)


@pytest.mark.parametrize("length", [0, 10, BLOCK - 1, BLOCK, 2 * BLOCK + 1])
def test_in_a_clean_file_nothing_is_found(length: int, address: str, tmp_path: Path) -> None:
    path = tmp_path / "letter"
    path.write_bytes(b"x" * length)

    assert signature_in(path, address, 30) == ""


@pytest.mark.parametrize("before", [0, 1, BLOCK - len(EICAR) // 2, 3 * BLOCK])
def test_a_signature_is_found_wherever_blocks_end(
    before: int, address: str, tmp_path: Path
) -> None:
    path = tmp_path / "eicar"
    path.write_bytes(b"\0" * before + EICAR)

    assert signature_in(path, address, 30).startswith(SIGNATURE)


def test_a_file_above_the_streams_limit_gets_no_verdict(address: str, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(EICAR + b"\0" * (STREAM_MB * MB))

    with pytest.raises(NoVerdict, match="StreamMaxLength"):
        signature_in(path, address, 30)


def test_a_file_of_which_clamd_looks_at_nothing_gets_no_verdict(
    address: str, tmp_path: Path
) -> None:
    path = tmp_path / "large"
    path.write_bytes(EICAR + b"\0" * (FILE_MB * MB))

    with pytest.raises(NoVerdict, match="MaxFileSize"):
        signature_in(path, address, 30)


def test_a_clamd_that_says_nothing_is_waited_for_so_long_and_no_longer(
    clamd: Clamd, address: str, tmp_path: Path
) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"\0" * (8 * MB))
    began = time.monotonic()

    with clamd.stopped(), pytest.raises(NoVerdict, match="longer than 1 s"):
        signature_in(path, address, 1)

    assert time.monotonic() - began < 5


def test_where_nobody_listens_there_is_no_verdict(tmp_path: Path) -> None:
    with socket.socket() as taken:
        # Bound, so that nobody else gets the port, and not listening.
        taken.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
        for address in (nobody, str(tmp_path / "no.socket"), "no-such-host.invalid:3310"):
            with pytest.raises(NoVerdict, match="cannot be reached"):
                ping(address)


@pytest.fixture
def stranger_at_the_port() -> Iterator[str]:
    """Something else listens there: it says hello and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(100)
                    connection.sendall(b"220 mail.example ESMTP\r\n")

        threading.Thread(target=greet, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def test_what_is_no_clamd_gives_no_verdict(stranger_at_the_port: str, tmp_path: Path) -> None:
    path = tmp_path / "letter"
    path.write_bytes(b"Dear Alice")

    with pytest.raises(NoVerdict):
        ping(stranger_at_the_port)
    with pytest.raises(NoVerdict):
        signature_in(path, stranger_at_the_port, 5)


def test_a_large_file_takes_no_memory(clamd_program: str, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(256 * MB)
    limits = {"StreamMaxLength": "300M", "MaxFileSize": "300M", "MaxScanSize": "600M"}
    with open_folder() as folder, running_clamd(clamd_program, folder, **limits) as daemon:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        assert signature_in(path, daemon.unix, 120) == ""

        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 32 << 10, f"{grown} KiB more"
