"""django-q2's queue in PostgreSQL, told of new tasks by NOTIFY instead of asking again and again.

Asking twenty times a second, each time over a new connection as django-q2 does, takes an eighth of
a core from an idle machine, and still lets a task wait.
"""

import time
from typing import Any, Final

import psycopg
import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import QuerySet
from django_q.brokers.orm import ORM
from django_q.models import OrmQ

from tvidz.database import connection_kwargs

log = structlog.get_logger(__name__)

CHANNEL: Final = "tvidz_tasks"
# A notice may be lost, with a broken connection or behind a pool of connections that shares them by
# transaction: so the queue is looked at this often in any case. A stop is seen as soon.
LOOK_SECONDS: Final = 1.0
# Between the attempts while the database is away.
PAUSE_SECONDS: Final = 1.0


class ListeningBroker(ORM):
    """One listening connection a cluster, in the process that hands tasks to the workers."""

    _line: psycopg.Connection[Any] | None = None

    @staticmethod
    def get_connection(list_key: str | None = None) -> QuerySet[OrmQ]:
        """The rows, over the connection that is open: django-q2 opens one for each statement."""
        return OrmQ.objects.all()

    def enqueue(self, task: str) -> int:
        with transaction.atomic():
            number: int = super().enqueue(task)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
        return number

    def dequeue(self) -> list[tuple[int, str]] | None:
        """The next tasks, or None when none came for a while or the database is away."""
        try:
            # Before the look: what is told in between is not missed.
            line = self._listening()
            found: list[tuple[int, str]] | None = super().dequeue()
            if not found:
                next(line.notifies(timeout=LOOK_SECONDS, stop_after=1), None)
        except (OperationalError, InterfaceError, psycopg.Error) as error:
            log.warning("no database to take tasks from", error=str(error))
            self._hang_up()
            time.sleep(PAUSE_SECONDS)
            return None
        return found

    def _listening(self) -> psycopg.Connection[Any]:
        if self._line is None:
            self._line = psycopg.connect(
                **connection_kwargs(connection.settings_dict), autocommit=True
            )
            self._line.execute(f"LISTEN {CHANNEL}")
        return self._line

    def _hang_up(self) -> None:
        connection.close()
        if self._line is not None:
            self._line.close()
            self._line = None
