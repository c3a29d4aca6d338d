"""Django, and the command line, on the embedded server."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tvidz.postgres.place import find_place
from tvidz.postgres.server import server_for

PROJECT = Path(__file__).resolve().parents[3]

DJANGO = """
import os, signal, sys
from pathlib import Path
import django
from django.conf import settings
from django.db import OperationalError, connection
from tvidz.database import connection_kwargs, database_config

settings.configure(DATABASES={"default": database_config(None, Path(sys.argv[1]))}, USE_TZ=True)
django.setup()


def ask(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]

"""


def run_django(var: Path, script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", DJANGO + script, str(var)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_django_starts_nothing_and_the_first_query_does(var: Path) -> None:
    script = """
print(connection.server.pid)
print(ask("SELECT current_database()"), connection.server.pid is not None)
"""
    assert run_django(var, script).split() == ["None", "tvidz", "True"]
    assert server_for(var).pid is None


def test_a_site_connects_again_after_its_server_was_killed(var: Path) -> None:
    script = """
ask("SELECT 1")
os.kill(connection.server.pid, signal.SIGKILL)
try:
    while True:  # a session may outlive its server for a moment
        ask("SELECT 1")
except OperationalError:
    connection.close()  # what Django does at the end of the request
print(ask("SELECT 'back'"))
"""
    assert run_django(var, script).split() == ["back"]


def test_test_databases_can_be_made_and_have_the_extension(var: Path) -> None:
    script = """
connection.creation.create_test_db(verbosity=0, autoclobber=True)
print(connection_kwargs(connection.settings_dict)["dbname"], ask("SELECT B'10' <~> B'01'"))
connection.creation.destroy_test_db("tvidz", verbosity=0)
"""
    assert run_django(var, script).split() == ["test_tvidz", "2.0"]


def test_a_server_that_cannot_be_started_is_an_operational_error(var: Path) -> None:
    (find_place(var).data / "PG_VERSION").write_text("16\n")
    script = """
try:
    ask("SELECT 1")
except OperationalError as error:
    print(error)
"""
    assert "written by PostgreSQL 16" in run_django(var, script)


def test_dbshell_opens_psql_on_the_embedded_database(var: Path) -> None:
    script = """
from django.core.management import call_command
call_command("dbshell", "--", "-Atc", "SELECT current_user")
"""
    assert run_django(var, script) == "tvidz\n"


def test_the_command_line_starts_tells_asks_and_stops(
    var: Path, start: Callable[[Path], subprocess.Popen[str]]
) -> None:
    def command(*words: str) -> tuple[int, str]:
        environment = {**os.environ, "TVIDZ_VAR": str(var)}
        for name in ("TVIDZ_DATABASE_URL", "DATABASE_URL"):
            environment.pop(name, None)
        done = subprocess.run(
            [sys.executable, "-m", "tvidz.postgres", *words],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout

    assert command("status")[0] == 3
    assert command("start") == (0, "")
    alice = start(var)
    assert alice.stdout is not None
    alice.stdout.readline()
    code, told = command("status")
    assert code == 0
    assert told.startswith("running")
    assert "\nin use\n" in told
    assert command("psql", "-Atc", "SELECT 'Bob'") == (0, "Bob\n")
    assert command("stop") == (1, "")
    assert command("stop", "--force") == (0, "")
    assert server_for(var).pid is None
