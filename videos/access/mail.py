"""Mail that a worker sends: who waits for a page learns nothing from how long it takes.

The row is the queue, as with analyses: a server that does not answer just now costs minutes, not
the mail.
"""

import uuid
from datetime import timedelta
from functools import partial
from smtplib import SMTPDataError, SMTPRecipientsRefused
from typing import Any, Final

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Value
from django.db.models.functions import Now
from django_q.tasks import async_task

from videos.leased import unheard
from videos.models import Mail

log = structlog.get_logger(__name__)

# Minutes until the second try, and so on; the last holds for all that follow. The first is longer
# than a slow server is talked to, or two workers would send the same mail.
PAUSES: Final = (2, 5, 15, 30, 60)
MANY: Final = 100


def post(to: str, subject: str, text: str) -> None:
    """Have a mail sent, as soon as what it tells of is committed."""
    with transaction.atomic():
        row = Mail.objects.create(to=to, subject=subject, text=text, woken_at=Now())
        transaction.on_commit(partial(_wake, row.pk))


def _wake(mail_id: uuid.UUID) -> None:
    async_task("videos.access.mail.send", str(mail_id), save=False)


def send(mail_id: str) -> str:
    """Task: send it if it is due, from Django's DEFAULT_FROM_EMAIL; returns how it ended."""
    row = _taken(uuid.UUID(mail_id))
    if row is None:
        return "not due"
    try:
        send_mail(row.subject, row.text, None, [row.to])
    except (SMTPRecipientsRefused, SMTPDataError) as error:
        if not _for_good(error):
            return _later(row, error)
        # It would not be taken later either.
        log.error("mail refused", mail=mail_id, error=type(error).__name__)
        ended = "refused"
    except OSError as error:
        # The network, or what the server said of us: SMTPException is one, too.
        return _later(row, error)
    else:
        ended = "sent"
    row.delete()
    return ended


def look_after() -> None:
    """Wake what is due and nobody has come for; forget what is too old to be of use."""
    kept = timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
    # The links in them hold no longer.
    if forgotten := Mail.objects.filter(created_at__lt=Now() - kept).delete()[0]:
        log.error("mail never sent", count=forgotten)
    due = Mail.objects.filter(unheard(), due_at__lte=Now()).order_by("due_at")
    for mail_id in due.values_list("pk", flat=True)[:MANY]:
        Mail.objects.filter(pk=mail_id).update(woken_at=Now())
        _wake(mail_id)


def _taken(mail_id: uuid.UUID) -> Mail | None:
    row = Mail.objects.filter(pk=mail_id).first()
    if row is None:
        return None
    pause = timedelta(minutes=PAUSES[min(row.attempts, len(PAUSES) - 1)])
    taken = Mail.objects.filter(pk=mail_id, attempts=row.attempts, due_at__lte=Now())
    return row if taken.update(attempts=F("attempts") + 1, due_at=_from_now(pause)) else None


def _from_now(pause: timedelta) -> Any:
    return ExpressionWrapper(Now() + Value(pause), output_field=DateTimeField())


def _for_good(error: SMTPRecipientsRefused | SMTPDataError) -> bool:
    if isinstance(error, SMTPDataError):
        return error.smtp_code >= 500
    return all(code >= 500 for code, _ in error.recipients.values())


def _later(row: Mail, error: OSError) -> str:
    """It is due again by itself. The error's own words may hold the address."""
    told = type(error).__name__
    log.warning("mail not sent yet", mail=str(row.pk), tried=row.attempts + 1, error=told)
    return "later"
