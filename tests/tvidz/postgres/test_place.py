"""Where the embedded server lies and whose it is: odd paths, root, ordinary users."""

import os
import pwd
import shutil
import stat
import subprocess
import traceback
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tvidz.postgres import place as place_module
from tvidz.postgres import programs, server
from tvidz.postgres.errors import EmbeddedPostgresError
from tvidz.postgres.place import choose_account, find_place
from tvidz.postgres.programs import Account
from tvidz.postgres.server import EmbeddedServer, server_for

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user")


def ask(var: Path) -> object:
    with psycopg.connect(**server_for(var).connection_parameters()) as connection:
        return connection.execute("SELECT 1").fetchone()


def visit(var: Path) -> None:
    """Use and stop a server with a fresh object, as another process would."""
    visitor = EmbeddedServer(var)
    visitor.enter()
    visitor.ensure()
    with psycopg.connect(**visitor.connection_parameters()) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("tvidz",)
    assert visitor.stop_if_unused()


def as_user(name: str, act: Callable[[], None]) -> None:
    """Do `act` in a forked child as that user, whose way to this Python may be barred."""
    account = pwd.getpwnam(name)
    program = programs.wheel_folder() / programs.INSTALL / "bin" / "postgres"
    reached = subprocess.run(["test", "-x", program], user=account.pw_uid, extra_groups=[])
    if reached.returncode:
        pytest.skip(f"{name} cannot reach {program}")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
            act()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_path_too_long_for_a_socket_gets_a_private_folder_in_tmp(var: Path) -> None:
    long = var / ("long" * 20)
    long.mkdir()
    (var / "postgres").rename(long / "postgres")
    socket = find_place(long).socket
    assert socket.parent == Path("/tmp")
    try:
        server.ensure(long)
        assert ask(long) == (1,)
        assert stat.S_IMODE(socket.lstat().st_mode) == 0o700
        server.stop_if_unused(long)
        socket.chmod(0o755)
        with pytest.raises(EmbeddedPostgresError, match="nobody else may enter"):
            server.ensure(long)
    finally:
        server_for(long).stop()
        shutil.rmtree(socket, ignore_errors=True)


def test_a_path_with_spaces_and_quotes_is_served(var: Path) -> None:
    odd = var / "Bob's own (2)"
    odd.mkdir()
    (var / "postgres").rename(odd / "postgres")
    server.ensure(odd)
    assert ask(odd) == (1,)
    server_for(odd).stop()


@pytest.mark.parametrize("name", ["$HOME", "a,b"])
def test_a_path_the_tools_would_misread_is_refused(empty: Path, name: str) -> None:
    (empty / name).mkdir()
    with pytest.raises(EmbeddedPostgresError, match="sign in it"):
        server.ensure(empty / name)


def test_a_folder_that_holds_no_database_is_not_overwritten(empty: Path) -> None:
    data = empty / "postgres" / "data"
    data.mkdir(parents=True)
    if os.geteuid() == 0:
        os.chown(data, pwd.getpwnam("nobody").pw_uid, -1)
    with pytest.raises(EmbeddedPostgresError, match="PG_VERSION is missing"):
        server.ensure(empty)


@needs_root
def test_root_hands_the_server_to_an_unprivileged_user(shared: Path) -> None:
    data = find_place(shared).data.stat()
    assert Path(f"/proc/{server_for(shared).pid}").stat().st_uid == data.st_uid != 0
    assert stat.S_IMODE(data.st_mode) == 0o700


@needs_root
def test_an_ordinary_user_and_root_take_turns_with_one_database(empty: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(empty, nobody.pw_uid, nobody.pw_gid)
    # Root would make the database for the owner of the folder, …
    assert choose_account(find_place(empty)) == Account(nobody.pw_uid, nobody.pw_gid)
    # … who makes it alone here; then root starts it as that owner, …
    as_user("nobody", lambda: visit(empty))
    server.ensure(empty)
    assert Path(f"/proc/{server_for(empty).pid}").stat().st_uid == nobody.pw_uid
    assert server.stop_if_unused(empty)
    # … and leaves nothing behind that bars the owner.
    as_user("nobody", lambda: visit(empty))


@needs_root
def test_a_folder_of_root_is_refused_to_others_in_plain_words(shared: Path) -> None:
    def refused() -> None:
        with pytest.raises(EmbeddedPostgresError, match="Permission denied"):
            EmbeddedServer(shared).enter()

    as_user("nobody", refused)


@needs_root
def test_data_that_cannot_be_reached_are_kept_elsewhere_with_a_pointer(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_module, "STATE", empty)
    hidden = empty / "hidden"
    hidden.mkdir(mode=0o700)
    server.ensure(hidden)
    base = Path((hidden / "postgres" / "location").read_text().strip())
    assert base.parent == empty
    assert find_place(hidden).data == base / "data"
    assert ask(hidden) == (1,)
    server_for(hidden).stop()


@needs_root
def test_programs_that_cannot_be_reached_are_copied(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = programs.wheel_folder()
    hidden, state = var / "hidden", var / "state"
    hidden.mkdir(mode=0o700)
    state.mkdir()
    ignored = shutil.ignore_patterns("include", "pginstall")
    shutil.copytree(wheel, hidden / wheel.name, ignore=ignored)
    libraries = wheel.with_name(f"{wheel.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, hidden / libraries.name)
    monkeypatch.setattr(programs, "wheel_folder", lambda: hidden / wheel.name)
    monkeypatch.setattr(programs, "STATE", state)
    server.ensure(var)
    assert Path(f"/proc/{server_for(var).pid}/exe").readlink().is_relative_to(state)
    # A copy that others could have changed is not run.
    next(state.iterdir()).chmod(0o777)
    with pytest.raises(EmbeddedPostgresError, match="not trusted"):
        programs.usable_programs(choose_account(find_place(var)))
