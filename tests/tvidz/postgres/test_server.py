"""The embedded server's life: real servers, real races, real kills."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tvidz.postgres import server
from tvidz.postgres.errors import EmbeddedPostgresError
from tvidz.postgres.place import choose_account, find_place
from tvidz.postgres.server import server_for

Process = subprocess.Popen[str]
Start = Callable[..., Process]


def connect(var: Path) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(**server_for(var).connection_parameters(), autocommit=True)


def say(process: Process) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: Process) -> None:
    process.communicate(timeout=60)
    assert process.returncode == 0


def kill(process_id: int | None) -> None:
    assert process_id is not None
    os.kill(process_id, signal.SIGKILL)


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_four_processes_starting_from_nothing_find_one_server(empty: Path, start: Start) -> None:
    users = [start(empty) for _ in range(4)]
    told = {say(user) for user in users}
    assert len(told) == 1
    assert told != {""}
    for user in users:
        end(user)
    assert server_for(empty).pid is None


def test_the_first_user_to_leave_stops_nothing_and_the_last_one_does(
    var: Path, start: Start
) -> None:
    alice, bob = start(var), start(var)
    assert say(alice) == say(bob)
    running = server_for(var).pid
    assert running is not None
    end(alice)
    assert server_for(var).pid == running
    end(bob)
    assert server_for(var).pid is None


def test_after_a_kill_of_its_only_user_the_next_one_stops_the_server(
    var: Path, start: Start
) -> None:
    alice = start(var)
    say(alice)
    alice.kill()
    alice.communicate()
    left = server_for(var).pid
    assert left is not None
    bob = start(var)
    say(bob)
    assert server_for(var).pid == left
    end(bob)
    assert server_for(var).pid is None


def test_a_forked_child_is_a_user_of_its_own(var: Path, start: Start) -> None:
    script = """
import os, sys
from pathlib import Path
from tvidz.postgres.server import ensure
ensure(Path(sys.argv[1]))
if os.fork():
    sys.exit()
ensure(Path(sys.argv[1]))
print("forked", flush=True)
sys.stdin.read()
"""
    parent = start(var, script)
    assert say(parent) == "forked"
    parent.wait(30)
    # When the parent was the quicker one it stopped the server and the child started it again.
    assert server_for(var).pid is not None
    assert parent.stdin is not None
    parent.stdin.close()
    wait_until(lambda: server_for(var).pid is None)


def test_a_killed_server_comes_back_with_its_data(var: Path) -> None:
    server.ensure(var)
    with connect(var) as connection:
        connection.execute("CREATE TABLE names (name text)")
        connection.execute("INSERT INTO names VALUES ('Alice')")
        killed = server_for(var).pid
        kill(killed)
        server.ensure(var)
    with connect(var) as connection:
        assert connection.execute("SELECT name FROM names").fetchall() == [("Alice",)]
    assert server_for(var).pid not in (None, killed)


def test_a_backend_that_outlives_the_server_is_ended(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "ORPHANS_LEAVE_SECONDS", 0.5)
    server.ensure(var)
    alice = connect(var)
    os.kill(alice.info.backend_pid, signal.SIGSTOP)  # it cannot notice that its server dies
    kill(server_for(var).pid)
    server.ensure(var)
    alice.close()
    with connect(var) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_pid_file_naming_another_process_of_the_same_user_is_seen_through(var: Path) -> None:
    place = find_place(var)
    account = choose_account(place)
    stranger = subprocess.Popen(["sleep", "60"], user=account.uid if account else None)
    (place.data / "postmaster.pid").write_text(f"{stranger.pid}\n{place.data}\n")
    try:
        server.ensure(var)
        assert server_for(var).pid not in (None, stranger.pid)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_server_that_lost_its_socket_file_is_restarted(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CUT_OFF_SECONDS", 0.2)
    server.ensure(var)
    cut_off = server_for(var).pid
    find_place(var).socket_file.unlink()
    server.ensure(var)
    assert server_for(var).pid not in (None, cut_off)


def test_killed_while_the_database_is_made_it_is_made_anew(empty: Path, start: Start) -> None:
    alice = start(empty)
    wait_until(lambda: any(empty.glob("postgres/new-*/base")))
    alice.kill()
    alice.communicate()
    assert not find_place(empty).data.exists()
    server.ensure(empty)
    with connect(empty) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("tvidz",)
    assert not any(empty.glob("postgres/new-*"))


def test_data_of_another_major_version_are_refused_by_name(var: Path) -> None:
    (find_place(var).data / "PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedPostgresError, match=r"written by PostgreSQL 16.*has 18.*pg_dump"):
        server.ensure(var)


def test_damaged_data_are_told_with_the_end_of_the_log(var: Path) -> None:
    (find_place(var).data / "global/pg_control").unlink()
    with pytest.raises(EmbeddedPostgresError, match=r"(?s)did not start.*log:.*global/pg_control"):
        server.ensure(var)


def test_a_process_that_is_ending_does_not_start_the_server_again(var: Path, start: Start) -> None:
    script = """
import atexit, sys
from pathlib import Path
from tvidz.postgres.server import ensure
def too_late():
    try:
        ensure(Path(sys.argv[1]))
    except RuntimeError as error:
        print(error)
atexit.register(too_late)
ensure(Path(sys.argv[1]))
"""
    process = start(var, script)
    assert "is ending" in process.communicate(timeout=60)[0]
    assert server_for(var).pid is None


def test_the_server_listens_on_no_network_and_keeps_what_it_confirms(shared: Path) -> None:
    names = ["listen_addresses", "fsync", "synchronous_commit", "full_page_writes", "TimeZone"]
    with connect(shared) as connection:
        values = [connection.execute(f"SHOW {name}").fetchone() for name in names]
        assert values == [("",), ("on",), ("on",), ("on",), ("UTC",)]
        assert connection.execute("SHOW jit").fetchone() == ("off",)


def test_text_is_unicode_in_an_order_that_never_changes(shared: Path) -> None:
    with connect(shared) as connection:
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        ordered = connection.execute("SELECT unnest('{ä,b,B,a}'::text[]) ORDER BY 1").fetchall()
        assert ordered == [("B",), ("a",), ("b",), ("ä",)]
        assert connection.execute("SELECT 'ÄRGER' ILIKE 'ärger'").fetchone() == (True,)


def test_bit_strings_are_compared_by_hamming_distance(shared: Path) -> None:
    with connect(shared) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        assert connection.execute("SELECT B'10110' <~> B'00111'").fetchone() == (2.0,)


def test_the_role_may_make_databases_and_not_run_programs(shared: Path) -> None:
    with connect(shared) as connection:
        connection.execute("CREATE DATABASE another")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("COPY (SELECT 1) TO PROGRAM 'true'")


def test_a_log_grown_long_is_set_aside_at_the_start(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LOG_BYTES", 10)
    server.ensure(var)
    assert find_place(var).log.with_name("server.log.1").exists()
    assert find_place(var).log.exists()
