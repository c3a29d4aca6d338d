"""What the embedded server is told: its configuration file and its first statements."""

import os
from pathlib import Path

ROLE = "tvidz"
DATABASE = "tvidz"
SUPERUSER = "postgres"

# The role is no superuser: a hole in a query must not become a shell (COPY … TO PROGRAM). Only a
# superuser may create the extension `vector`, so every new database has it from its template,
# owned by the role, and CREATE EXTENSION IF NOT EXISTS finds it there.
FIRST_STATEMENTS = f"""\
CREATE ROLE {ROLE} LOGIN CREATEDB SUPERUSER
SET ROLE {ROLE}
CREATE EXTENSION vector
RESET ROLE
ALTER ROLE {ROLE} NOSUPERUSER
CREATE DATABASE {DATABASE} OWNER {ROLE}
"""

# Collation "C.UTF-8" of PostgreSQL's own provider: the same order on every system, for ever.
# No password on the socket: its folder lets in only the server's user and root, and both could
# read the data files themselves. Over TCP nobody is let in.
INITDB_OPTIONS = [
    f"--username={SUPERUSER}",
    "--auth-local=trust",
    "--auth-host=reject",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
]


LOCAL_CONFIGURATION = "# Settings of your own; they win over postgresql.conf.\n"


def physical_memory() -> int:
    """Bytes of memory that the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def shared_buffers(memory: int) -> int:
    """Megabytes of the server's own page cache on a machine with `memory` bytes.

    A sixteenth, from PostgreSQL's default to a gigabyte: so the upper levels of the indexes of a
    million frames stay in it. Pages are taken as they are used; a small library takes few.
    """
    return max(128, min(1024, memory // 16 // 2**20))


def configuration(socket: Path) -> str:
    """postgresql.conf for a server listening in the folder `socket` and nowhere else."""
    quoted = str(socket).replace('"', '""').replace("'", "''")
    return f"""\
# Written anew at every start of the embedded server. Your own lines belong into local.conf.
listen_addresses = ''
unix_socket_directories = '"{quoted}"'
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = {shared_buffers(physical_memory())}MB
fsync = on
synchronous_commit = on
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
default_text_search_config = 'pg_catalog.simple'
# A statement's error is told to who sent it, whose own log has it; here are only the server's
# affairs. So the log stays short and holds nothing that people typed or uploaded.
log_min_messages = log
log_min_error_statement = panic
log_checkpoints = off
log_line_prefix = '%m [%p] %d '
include_if_exists = 'local.conf'
"""
