"""Start, find and stop the embedded PostgreSQL. No Django here.

Every process that uses the server says so with `enter()` before it connects; the last one to end
stops it. `ensure()` brings the server up from whatever state it is found in and is cheap when it
is up. Both may be called from any thread and any number of processes at once.
"""

import atexit
import logging
import os
import secrets
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.pq import PGconn, Ping

from tvidz.postgres.configuration import (
    DATABASE,
    FIRST_STATEMENTS,
    INITDB_OPTIONS,
    LOCAL_CONFIGURATION,
    ROLE,
    configuration,
)
from tvidz.postgres.errors import EmbeddedPostgresError
from tvidz.postgres.locks import Users, alone
from tvidz.postgres.place import (
    PORT,
    Place,
    choose_account,
    find_place,
    open_home,
    private_folder,
    replace_file,
    settle,
)
from tvidz.postgres.processes import end_orphans, postmaster
from tvidz.postgres.programs import MAJOR, Account, run, usable_programs

logger = logging.getLogger(__name__)

# Replaying the log after a crash may take minutes; nobody else may give up on it meanwhile.
START_SECONDS = 300
STOP_SECONDS = 60
LOCK_SECONDS = START_SECONDS + STOP_SECONDS
EXIT_LOCK_SECONDS = 15
# A server that is up but has lost its socket file answers nobody ever again.
CUT_OFF_SECONDS = 5
# What the initdb of a killed start writes goes, too, once it has noticed that its folder is gone.
SWEEP_SECONDS = 5.0
# Backends notice within moments that their postmaster died; the busy ones are helped along.
ORPHANS_LEAVE_SECONDS = 4
ORPHANS_SECONDS = 20
LOG_BYTES = 5_000_000
LOG_TAIL_BYTES = 10_000
LOG_TAIL_LINES = 12


@dataclass(frozen=True)
class Status:
    """What `python -m tvidz.postgres status` tells: `pid` is None when nothing runs."""

    pid: int | None
    answers: bool
    in_use: bool
    data: Path
    socket: Path


class EmbeddedServer:
    """The one server of the folder `var`, seen from this process. See `server_for`."""

    def __init__(self, var: Path) -> None:
        self.var = Path(os.path.realpath(var))
        self._users = Users(self.var / "postgres" / "users.lock")
        self._entered: int | None = None
        self._ended: int | None = None
        # Registered before the first connection is made, so run after what uses connections.
        atexit.register(self._at_exit)

    @property
    def place(self) -> Place:
        """Where the server's files lie now; the first start may move them out of `var`."""
        return find_place(self.var)

    @property
    def pid(self) -> int | None:
        """The process id of the running server, ready or not; None when there is none."""
        place = self.place
        return postmaster(place.data, choose_account(place))

    def connection_parameters(self) -> dict[str, Any]:
        """Parameters for psycopg to the database of tvidz, as they are now."""
        socket = str(self.place.socket)
        return {"host": socket, "port": PORT, "user": ROLE, "dbname": DATABASE}

    def enter(self) -> None:
        """Count this process among the users until it ends; again after a fork."""
        self._refuse_when_ended()
        if self._entered != os.getpid():
            with self._plain_errors():
                open_home(self.var)
                self._users.join()
            self._entered = os.getpid()

    def ensure(self) -> bool:
        """Return when the server answers: wait for it, or make and start it.

        Returns whether there was anything to do. Raises EmbeddedPostgresError with the reason and
        the end of the server's log.
        """
        self._refuse_when_ended()
        with self._plain_errors():
            if self._ping() == Ping.OK:
                return False
            place = open_home(self.var)
            with alone(place.home / "start.lock", LOCK_SECONDS):
                if self._ping() != Ping.OK:
                    self._bring_up()
        return True

    def stop_if_unused(self, patience: float = LOCK_SECONDS) -> bool:
        """Give up this process's share and stop the server unless others still need it.

        Returns whether the server is down. `patience` is how long, in seconds, to wait for a
        process that is starting or stopping it.
        """
        with self._plain_errors():
            place = self.place
            if not place.home.is_dir():
                return True
            self._entered = None
            # Leaving under the lock: of two that end together, the second finds itself alone.
            with alone(place.home / "start.lock", patience):
                try:
                    if not self._users.only_us():
                        return False
                    self._stop()
                    return True
                finally:
                    self._users.leave()

    def stop(self) -> None:
        """Stop the server under everybody's feet; who still needs it will start it again."""
        with self._plain_errors():
            place = self.place
            if place.home.is_dir():
                with alone(place.home / "start.lock", LOCK_SECONDS):
                    self._stop()

    def status(self) -> Status:
        """What is running. To be asked by a process that does not use the server itself."""
        with self._plain_errors():
            place = self.place
            in_use = False
            if place.home.is_dir():
                with alone(place.home / "start.lock", LOCK_SECONDS):
                    in_use = not self._users.only_us()
                    self._users.leave()
            return Status(self.pid, self._ping() == Ping.OK, in_use, place.data, place.socket)

    def _at_exit(self) -> None:
        if self._entered != os.getpid():
            return
        # A thread that loses its connection now must not start the server again.
        self._ended = os.getpid()
        try:
            self.stop_if_unused(EXIT_LOCK_SECONDS)
        except EmbeddedPostgresError as error:
            logger.warning("The embedded PostgreSQL was left running: %s", error)

    def _refuse_when_ended(self) -> None:
        if self._ended == os.getpid():
            raise EmbeddedPostgresError("This process is ending and has left its database.")

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The embedded PostgreSQL under {self.var} cannot be used: {error}"
            ) from error

    def _ping(self) -> Ping:
        """Ask the server without logging in. REJECT: it is there, but starting or stopping."""
        place = self.place
        try:
            found = place.socket.lstat()
            expected = place.data.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return Ping.NO_RESPONSE
        if found.st_uid != expected.st_uid or found.st_mode & 0o077:
            return Ping.NO_RESPONSE  # not our server's door; starting will say what is wrong
        values = {**self.connection_parameters(), "dbname": "postgres", "connect_timeout": "5"}
        quoted = {
            key: value.replace("\\", "\\\\").replace("'", "\\'") for key, value in values.items()
        }
        text = " ".join(f"{key}='{value}'" for key, value in quoted.items())
        return Ping(PGconn.ping(os.fsencode(text)))

    # Below here the start lock is held.

    def _bring_up(self) -> None:
        account = choose_account(self.place)
        programs = usable_programs(account)
        place = settle(self.place, account)
        _refuse_odd_paths(place, programs)
        if not place.data.exists():
            _initialise(place, account, programs)
        _check_version(place)
        if self._wait_for_running(place, account):
            return
        _start(place, account, programs)
        if self._ping() != Ping.OK:
            raise EmbeddedPostgresError(
                f"PostgreSQL was started but does not answer in {place.socket}.{_log_tail(place)}"
            )

    def _wait_for_running(self, place: Place, account: Account | None) -> bool:
        """Wait for a server that is there and not ready. False: there is none (any more)."""
        deadline = time.monotonic() + START_SECONDS
        silent_since = time.monotonic()
        while (answer := self._ping()) != Ping.OK:
            now = time.monotonic()
            if answer == Ping.REJECT:
                # Perhaps in another container, where its process id cannot be seen.
                silent_since = now
            elif postmaster(place.data, account) is None:
                return False
            elif now - silent_since > CUT_OFF_SECONDS and not place.socket_file.exists():
                self._stop()
                return False
            if now > deadline:
                raise EmbeddedPostgresError(
                    f"PostgreSQL over {place.data} runs, but has not answered for "
                    f"{START_SECONDS} s.{_log_tail(place)}"
                )
            time.sleep(0.05)
        return True

    def _stop(self) -> None:
        place = self.place
        account = choose_account(place)
        pid = postmaster(place.data, account)
        if pid is None:
            return
        os.kill(pid, signal.SIGINT)  # "fast": end the sessions, write everything, exit
        deadline = time.monotonic() + STOP_SECONDS
        while postmaster(place.data, account) == pid:
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"PostgreSQL (process {pid}) has not stopped within {STOP_SECONDS} s."
                    f"{_log_tail(place)}"
                )
            time.sleep(0.02)


_servers: dict[Path, EmbeddedServer] = {}


def server_for(var: Path) -> EmbeddedServer:
    """The embedded server of the folder `var`: one object a process, as its locks demand."""
    path = Path(os.path.realpath(var))
    known = _servers.get(path)
    # setdefault, because two threads may both have found nothing.
    return known or _servers.setdefault(path, EmbeddedServer(path))


def ensure(var: Path) -> EmbeddedServer:
    """Enter and bring up the server of `var`; returns it ready for connections."""
    server = server_for(var)
    server.enter()
    server.ensure()
    return server


def stop_if_unused(var: Path) -> bool:
    """Stop the server of `var` unless other processes use it; returns whether it is down."""
    return server_for(var).stop_if_unused()


def _refuse_odd_paths(place: Place, programs: Path) -> None:
    """Refuse what pg_ctl's shell would read inside double quotes, and libpq's list of hosts."""
    for path in (place.data, programs, place.socket):
        if any(sign in str(path) for sign in '"$`\\,\n'):
            raise EmbeddedPostgresError(
                f"The path {str(path)!r} has a sign in it that PostgreSQL's tools cannot bear "
                '(one of " $ ` \\ , or a line break): set TVIDZ_VAR to another folder.'
            )


def _initialise(place: Place, account: Account | None, programs: Path) -> None:
    """Make the data folder beside its place and move it there when it is whole."""
    _sweep(place.base, 0.0)
    fresh = place.base / f"new-{secrets.token_hex(4)}"
    try:
        fresh.mkdir(mode=0o700)
        if account is not None:
            os.chown(fresh, account.uid, account.gid)
        done = run([programs / "initdb", "-D", fresh, *INITDB_OPTIONS], account)
        if done.returncode:
            raise EmbeddedPostgresError(f"initdb failed: {(done.stderr or done.stdout).strip()}")
        replace_file(fresh / "postgresql.conf", configuration(place.socket), account)
        replace_file(fresh / "local.conf", LOCAL_CONFIGURATION, account)
        # Single-user mode: no socket and nobody else until role and database are there.
        # It tells of errors by its log alone.
        single = ["--single", "-c", "log_min_messages=warning", "-D", str(fresh), "template1"]
        done = run([programs / "postgres", *single], account, given=FIRST_STATEMENTS)
        if done.returncode or any(word in done.stderr for word in ("ERROR:", "FATAL:", "PANIC:")):
            raise EmbeddedPostgresError(f"The database was not made: {done.stderr.strip()}")
        fresh.rename(place.data)
        _keep_names(place.base)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        _sweep(place.base, SWEEP_SECONDS)


def _sweep(base: Path, patience: float) -> None:
    """Remove what a killed start left; its initdb may be writing into it for a while yet."""
    until = time.monotonic() + patience
    while left := list(base.glob("new-*")):
        for unfinished in left:
            shutil.rmtree(unfinished, ignore_errors=True)
        if time.monotonic() >= until:
            return
        time.sleep(0.1)


def _keep_names(folder: Path) -> None:
    """Have the disk remember a renaming in `folder` before anything is built on it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_version(place: Place) -> None:
    try:
        found = (place.data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedPostgresError(
            f"{place.data} is no PostgreSQL data folder (PG_VERSION is missing): restore it from "
            "a backup, or move it away to begin with an empty database."
        ) from None
    if found != str(MAJOR):
        raise EmbeddedPostgresError(
            f"{place.data} was written by PostgreSQL {found}; this installation has {MAJOR}. Dump "
            f"it with the programs of version {found} (pg_dump), move the folder away, and "
            "restore the dump into the new database."
        )


def _start(place: Place, account: Account | None, programs: Path) -> None:
    private_folder(place.socket, account)
    replace_file(place.data / "postgresql.conf", configuration(place.socket), account)
    if place.log.exists() and place.log.lstat().st_size > LOG_BYTES:
        place.log.replace(place.log.with_name("server.log.1"))
    command: list[str | Path] = [programs / "pg_ctl", "start", "-s", "-w", "-t", str(START_SECONDS)]
    command += ["-D", place.data, "-l", place.log]
    begun = time.monotonic()
    while True:
        _remove_stale_locks(place, account)
        offset = place.log.lstat().st_size if place.log.exists() else 0
        done = run(command, account, seconds=START_SECONDS + 60)
        if done.returncode == 0:
            return
        tail = _log_tail(place, offset)
        waited = time.monotonic() - begun
        in_the_way = "shared memory block" in tail or "lock file" in tail
        if not in_the_way or waited > ORPHANS_SECONDS:
            raise EmbeddedPostgresError(
                f"PostgreSQL over {place.data} did not start: {done.stderr.strip()}{tail}"
            )
        if waited > ORPHANS_LEAVE_SECONDS and postmaster(place.data, account) is None:
            end_orphans(place.data, account)
        time.sleep(0.2)


def _remove_stale_locks(place: Place, account: Account | None) -> None:
    """Remove what a killed postmaster left: its process id may be another program's by now.

    Safe even when a server were alive unseen: PostgreSQL also looks at its shared memory.
    """
    if postmaster(place.data, account) is None:
        (place.data / "postmaster.pid").unlink(missing_ok=True)
        place.socket_file.with_name(place.socket_file.name + ".lock").unlink(missing_ok=True)


def _log_tail(place: Place, offset: int = 0) -> str:
    """The log's last lines (those after byte `offset`), to be put behind a message."""
    try:
        # Root reads a file the server's user could have made a link.
        descriptor = os.open(place.log, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        file.seek(max(offset, os.fstat(descriptor).st_size - LOG_TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    return "".join(f"\n  {line}" for line in ["The end of its log:", *lines]) if lines else ""
