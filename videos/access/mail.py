"""Mail that a worker sends: who waits for a page learns nothing from how long it takes."""

from django.core.mail import send_mail
from django_q.tasks import async_task


def post(to: str, subject: str, text: str) -> None:
    """Have a mail sent. Nothing of it is kept with the finished task, as it may hold a link."""
    async_task("videos.access.mail.send", to, subject, text, save=False)


def send(to: str, subject: str, text: str) -> None:
    """Task: send it, from Django's DEFAULT_FROM_EMAIL."""
    send_mail(subject, text, None, [to])
