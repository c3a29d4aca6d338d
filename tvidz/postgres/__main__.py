"""`python -m tvidz.postgres status|start|stop|psql`: the embedded server by hand."""

import argparse
import os
import subprocess
import sys

from django.core.exceptions import ImproperlyConfigured

from tvidz.options import read_options
from tvidz.postgres.configuration import DATABASE, ROLE
from tvidz.postgres.errors import EmbeddedPostgresError
from tvidz.postgres.place import PORT
from tvidz.postgres.programs import usable_programs
from tvidz.postgres.server import EmbeddedServer, server_for


def show_status(server: EmbeddedServer) -> int:
    """Print what runs; exit code 0 when the server answers, 3 when not (as `systemctl` does)."""
    status = server.status()
    print("running" if status.answers else "not running", f"(process {status.pid})")
    print("in use" if status.in_use else "not in use")
    print(f"data    {status.data}\nsocket  {status.socket}")
    return 0 if status.answers else 3


def start(server: EmbeddedServer) -> int:
    """Bring the server up and leave it up, until the last process that uses it has ended."""
    server.ensure()
    return 0


def stop(server: EmbeddedServer, force: bool) -> int:
    """Stop the server; when others use it only by force (they will start it again)."""
    if force:
        server.stop()
    elif not server.stop_if_unused():
        print("Other processes use the server. `stop --force` stops it.", file=sys.stderr)
        return 1
    return 0


def psql(server: EmbeddedServer, arguments: list[str]) -> int:
    """Run psql on the database of tvidz; `-U postgres` in `arguments` is the superuser."""
    server.enter()
    server.ensure()
    program = str(usable_programs(None) / "psql")
    target = ["-h", str(server.place.socket), "-p", PORT, "-U", ROLE, "-d", DATABASE]
    return subprocess.run([program, *target, *arguments]).returncode


def main(words: list[str]) -> int:
    """Do what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tvidz.postgres", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("status", help="what runs, and where")
    commands.add_parser("start", help="bring it up; the last process using it stops it")
    stopping = commands.add_parser("stop", help="stop it when no process uses it")
    stopping.add_argument("--force", action="store_true", help="also when others use it")
    commands.add_parser("psql", help="open psql; what follows is handed on to it", add_help=False)
    chosen, rest = parser.parse_known_args(words)
    if rest and chosen.command != "psql":
        parser.error(f"unknown arguments: {' '.join(rest)}")
    try:
        options = read_options()
        if options.database_url or os.environ.get("DATABASE_URL"):
            print("A database URL is set; the embedded server is not used.", file=sys.stderr)
            return 2
        server = server_for(options.var)
        if chosen.command == "status":
            return show_status(server)
        if chosen.command == "start":
            return start(server)
        if chosen.command == "stop":
            return stop(server, chosen.force)
        return psql(server, rest)
    except (EmbeddedPostgresError, ImproperlyConfigured) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
