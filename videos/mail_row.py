"""The row of a mail that is not sent yet; videos.models has it with the others."""

import uuid

from django.db import models
from django.db.models.functions import Now


class Mail(models.Model):
    """A mail that a worker has to send. This row is its queue, and goes when the mail is gone.

    A worker takes it by putting `due_at` off, further each time: where it dies, or the server does
    not answer, the mail is due again then. The text may hold a link that signs in.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    to = models.EmailField()
    subject = models.CharField(max_length=200)
    text = models.TextField()
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    woken_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]
        indexes = [models.Index(fields=["due_at"], name="idx_mail_due")]

    def __str__(self) -> str:
        return f"mail of {self.created_at:%Y-%m-%d %H:%M}"
