"""Folders for embedded servers, and processes that use them."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tvidz.postgres import server
from tvidz.postgres.server import server_for

PROJECT = Path(__file__).resolve().parents[3]

# Connects, says which server it found, and ends when its standard input does.
USER = """
import sys
from pathlib import Path
import psycopg
from tvidz.postgres.server import ensure
server = ensure(Path(sys.argv[1]))
with psycopg.connect(**server.connection_parameters()) as connection:
    print(connection.execute("SELECT pg_postmaster_start_time()").fetchone()[0], flush=True)
sys.stdin.read()
"""


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short path that everybody can pass through, unlike pytest's own."""
    var = Path(tempfile.mkdtemp(prefix="tvz-", dir="/tmp"))
    var.chmod(0o755)
    yield var
    server_for(var).stop()
    shutil.rmtree(var)


def copy(seed: Path, var: Path) -> None:
    subprocess.run(["cp", "-a", f"{seed}/postgres", f"{var}/"], check=True)


@pytest.fixture
def empty() -> Iterator[Path]:
    with short_folder() as var:
        yield var


@pytest.fixture(scope="session")
def seed() -> Iterator[Path]:
    """A database made once, from which others are copied: initdb takes most of the time."""
    with short_folder() as var:
        server.ensure(var)
        server.stop_if_unused(var)
        yield var


@pytest.fixture
def var(empty: Path, seed: Path) -> Path:
    """A folder with a database that nobody uses yet."""
    copy(seed, empty)
    return empty


@pytest.fixture(scope="session")
def shared(seed: Path) -> Iterator[Path]:
    """A running server for tests that only ask it something."""
    with short_folder() as var:
        copy(seed, var)
        server.ensure(var)
        yield var


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a process using the server of a folder, or another script; ended after the test."""
    started: list[subprocess.Popen[str]] = []

    def run(var: Path, script: str = USER) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(var)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
