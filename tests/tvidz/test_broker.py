"""How workers learn of new tasks: told at once, found soon where nobody told, and after a break."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.tasks import async_task

from tests.conftest import wait_for
from tvidz import broker
from tvidz.broker import ListeningBroker

pytestmark = pytest.mark.django_db(transaction=True)

LISTENING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query ~ '^LIS'"
LONG = 20.0


class Pusher:
    """The process that takes tasks for the workers, as a thread with connections of its own."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool, self._broker = pool, ListeningBroker(list_key="tvidz")
        self._stopped = False

    def next(self) -> Future[list[tuple[int, str]]]:
        return self._pool.submit(self._next)

    def _next(self) -> list[tuple[int, str]]:
        while not (found := self._broker.dequeue()) and not self._stopped:
            pass
        return found or []

    def stop(self) -> None:
        self._stopped = True
        self._pool.submit(self._broker._hang_up).result(LONG)


@pytest.fixture
def pusher() -> Iterator[Pusher]:
    with ThreadPoolExecutor(1) as pool:
        made = Pusher(pool)
        yield made
        made.stop()


def lines() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(LISTENING)
        return [pid for (pid,) in cursor.fetchall()]


def test_django_q_uses_it() -> None:
    assert isinstance(get_broker(), ListeningBroker)


def test_who_waits_is_told_at_once(pusher: Pusher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "LOOK_SECONDS", LONG)
    taken = pusher.next()
    wait_for(lines, "somebody to listen")

    with transaction.atomic():
        async_task("math.sqrt", 4)
        assert not taken.done()

    [(number, _)] = taken.result(LONG / 2)
    assert OrmQ.objects.get().pk == number
    assert OrmQ.objects.get().lock > timezone.now(), "it is theirs"


def test_a_task_nobody_told_of_is_found(pusher: Pusher) -> None:
    row = OrmQ.objects.create(key="tvidz", payload="x", lock=timezone.now())

    assert pusher.next().result(LONG) == [(row.pk, "x")]


@pytest.mark.parametrize("gone", ["the line", "every connection"])
def test_it_goes_on_after_connections_broke(
    pusher: Pusher, gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = pusher.next()
    [old] = wait_for(lines, "somebody to listen")
    ask = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    ask += f" AND pid = {old}" if gone == "the line" else " AND datname = current_database()"
    with connection.cursor() as cursor:
        cursor.execute(ask)
    monkeypatch.setattr(broker, "LOOK_SECONDS", LONG)

    def new() -> Any:
        return [pid for pid in lines() if pid != old]

    wait_for(new, "somebody to listen again")
    async_task("math.sqrt", 4)

    assert taken.result(LONG / 2) == [(OrmQ.objects.get().pk, OrmQ.objects.get().payload)]
