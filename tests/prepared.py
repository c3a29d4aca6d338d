"""A database that is made and migrated already: a site that begins with it starts in half the time.

Made once for all processes of a test run, by whichever comes first.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
# The same in every process of one run: those that run tests inherit it.
_RUN: Final = os.environ.setdefault("TVIDZ_TEST_RUN", str(os.getpid()))
_PLACE: Final = Path(tempfile.gettempdir()) / f"tvidz-prepared-{_RUN}"


def lay_out(var: Path) -> None:
    """Put it into a var folder that is not there yet; whoever starts the server owns all of it."""
    _PLACE.mkdir(mode=0o711, exist_ok=True)
    with (_PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (_PLACE / "made").exists():
            _make(_PLACE / "var")
            (_PLACE / "made").touch()
    var.mkdir(parents=True)
    # Not shutil: the files belong to the server's own user, whom root's copies must belong to, too.
    subprocess.run(["cp", "-a", _PLACE / "var" / "postgres", var], check=True)


def clear_away() -> None:
    """When the run is over."""
    shutil.rmtree(_PLACE, ignore_errors=True)


def _make(var: Path) -> None:
    """The server ends with the one process that uses it."""
    environment = {**os.environ, "TVIDZ_VAR": str(var)}
    environment.pop("DATABASE_URL", None)
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v", "0"],
        cwd=PROJECT,
        env=environment,
        check=True,
        timeout=120,
    )
