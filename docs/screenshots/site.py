"""A site to take pictures of: the demo's films in its library, and files for every answer."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from docs.screenshots.screens import PROJECT
from tests.clamav import EICAR, running_clamd
from videos.media.ffmpeg import find_ffmpeg

# Fills the folder in the environment's TVIDZ_VAR; nothing is downloaded.
MAKE_FILMS = """
from django.conf import settings
from tvidz.demo import make_copies, make_library
make_library(settings.TVIDZ.var / "films", print)
make_copies(settings.TVIDZ.var / "films", print)
"""
EMAIL, PASSWORD = "alice@example.org", "a harbour at dawn"
LEAD, LEADS_PASSWORD = "lena", "a lamp in the harbour"
MAKE_ALICE = f"""
from django.contrib.auth.models import User
User.objects.create_user({EMAIL!r}, {EMAIL!r}, {PASSWORD!r})
"""
LIBRARY = ("seahorse-valley.mp4", "cells-at-dawn.mp4", "triangles-and-tides.mp4")
LETTER, INFECTED, STILL = "letter-to-bob.mp4", "free-film.mp4", "a-frame.jpg"


@dataclass(frozen=True)
class Site:
    """A running tvidz: its address, the first admin's password and the folder of the films."""

    address: str
    password: str
    films: Path
    environment: dict[str, str]

    def run(self, program: str) -> str:
        """What a Python program prints inside the site's Django."""
        return _manage(self.environment, "shell", "--no-imports", "-c", program)


@contextmanager
def running_site() -> Iterator[Site]:
    """A site on a free loopback port, with a virus scanner; ended and forgotten afterwards."""
    clamd = shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin:/usr/local/sbin")
    if clamd is None:
        sys.exit("The pictures need clamd (Debian: clamav-daemon).")
    # Short, because the path of a Unix socket is; open, because for root the database runs as
    # another user, who must be able to walk in.
    with tempfile.TemporaryDirectory(prefix="tvidz-pictures-") as folder:
        var = Path(folder)
        var.chmod(0o755)
        sizes = {"StreamMaxLength": "100M", "MaxFileSize": "100M"}
        with running_clamd(clamd, var, **sizes) as scanner:
            environment = _environment(var, scanner.tcp)
            _fill(var, environment)
            with _serving(var, environment) as site:
                yield site


def _environment(var: Path, clamd: str) -> dict[str, str]:
    # The commit and its date would change every picture.
    wanted = {
        "TVIDZ_VAR": str(var),
        "TVIDZ_DEFAULT_VISIBILITY": "public",
        "TVIDZ_CLAMD": clamd,
        # No chance in who is asked for a second look.
        "TVIDZ_SECOND_REVIEW_SHARE": "0",
        "TVIDZ_COMMIT": "unknown",
        "TVIDZ_BUILD_DATE": "unknown",
    }
    environment = os.environ | wanted
    for name in ("DATABASE_URL", "TVIDZ_DATABASE_URL", "TVIDZ_REDIS_URL"):
        environment.pop(name, None)
    return environment


def _fill(var: Path, environment: dict[str, str]) -> None:
    films = var / "films"
    _manage(environment, "shell", "--no-imports", "-c", MAKE_FILMS)
    _manage(environment, "migrate", "--verbosity", "0")
    _manage(environment, "shell", "--no-imports", "-c", MAKE_ALICE)
    _manage(environment, "backfill", *(str(films / name) for name in LIBRARY))
    (films / LETTER).write_text("Dear Bob, the film is on the other stick. Alice\n" * 40)
    (films / INFECTED).write_bytes(EICAR)
    cut = ["-ss", "13", "-i", str(films / "cells-at-dawn.mp4"), "-frames:v", "1"]
    words = [find_ffmpeg().path, "-v", "error", *cut, str(films / STILL)]
    subprocess.run(words, check=True)


def _manage(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=PROJECT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


@contextmanager
def _serving(var: Path, environment: dict[str, str]) -> Iterator[Site]:
    port = _free_port()
    with (var / "told").open("w+") as told:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run", "--port", str(port)],
            cwd=PROJECT,
            env=environment,
            stdout=told,
            start_new_session=True,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, process)
            password = re.search(r"admin / (\S+)", (var / "told").read_text())
            assert password is not None, "the first admin was not told"
            yield Site(address, password[1], var / "films", environment)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    sys.exit("The site did not start.")
