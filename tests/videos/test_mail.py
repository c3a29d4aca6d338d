"""Mail waits for a server that does not answer, and is sent once."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from tests.smtp_server import MailServer, taking_mail
from videos.access.mail import look_after, post, send
from videos.models import Mail

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_TIMEOUT = 5
    with taking_mail() as running:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        yield running


def posted() -> str:
    post("alice@example.org", "Your account", "http://testserver/account/confirm/x/")
    return str(Mail.objects.get().pk)


def due() -> None:
    Mail.objects.update(due_at=timezone.now(), woken_at=None)


def woken() -> list[tuple[Any, ...]]:
    """What workers were told, and is not told again."""
    told = [task.task for task in OrmQ.objects.all()]
    OrmQ.objects.all().delete()
    assert all(task["save"] is False for task in told)
    return [task["args"] for task in told]


def test_a_mail_is_sent_and_nothing_of_it_stays(server: MailServer) -> None:
    number = posted()

    assert woken() == [(number,)]
    assert send(number) == "sent"

    assert "To: alice@example.org" in server.taken[0]
    assert not Mail.objects.exists()
    assert send(number) == "not due"
    assert len(server.taken) == 1


def test_while_the_server_is_down_a_mail_waits_longer_each_time(
    settings: Any, server: MailServer
) -> None:
    number = posted()
    port = settings.EMAIL_PORT
    settings.EMAIL_PORT = 1
    waits = []
    for _ in range(6):
        due()
        assert send(number) == "later"
        assert send(number) == "not due"
        left = Mail.objects.get().due_at - timezone.now()
        waits.append(round(left / timedelta(minutes=1)))

    assert waits == [2, 5, 15, 30, 60, 60]
    settings.EMAIL_PORT = port
    due()
    assert send(number) == "sent"
    assert len(server.taken) == 1


@pytest.mark.parametrize(
    "answers, ended, left",
    [
        ({"RCPT": "550 nobody of that name"}, "refused", 0),
        ({"RCPT": "451 greylisted"}, "later", 1),
        ({"DATA": "554 not wanted"}, "refused", 0),
        ({"DATA": "452 no room"}, "later", 1),
        # Of us, not of the mail: whoever runs the site can mend it.
        ({"MAIL": "553 not from here"}, "later", 1),
        ({"EHLO": "421 too many", "HELO": "421 too many"}, "later", 1),
    ],
)
def test_what_the_server_refuses_for_good_is_given_up_and_the_rest_is_not(
    answers: dict[str, str], ended: str, left: int, server: MailServer
) -> None:
    server.answers = answers

    assert send(posted()) == ended
    assert Mail.objects.count() == left
    assert server.taken == []


def test_of_many_workers_one_sends_it(server: MailServer) -> None:
    number = posted()
    ended: list[str] = []

    def work() -> None:
        ended.append(send(number))
        connection.close()

    workers = [Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(ended) == ["not due"] * 5 + ["sent"]
    assert len(server.taken) == 1


def test_what_nobody_came_for_is_woken_when_it_is_due_and_old_mail_is_forgotten(
    change_settings: Callable[..., None],
) -> None:
    number = posted()
    woken()

    look_after()
    assert woken() == [], "it was told a moment ago"
    Mail.objects.update(due_at=timezone.now() + timedelta(minutes=1), woken_at=None)
    look_after()
    assert woken() == [], "it is not due"
    due()
    look_after()
    look_after()
    assert woken() == [(number,)]

    Mail.objects.update(created_at=timezone.now() - timedelta(days=4))
    look_after()
    assert not Mail.objects.exists()
