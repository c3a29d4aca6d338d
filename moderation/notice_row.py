"""What uploaders and rights holders are to be told: the outbox."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from moderation.claim_rows import Claim
from moderation.ledger_rows import Event


class Notice(models.Model):
    """One turn of a claim, to be told to one party by one way; the row is the queue.

    It is written with the turn. Addresses are looked up when it is sent, so none stays here.
    `body` is what a webhook sends, "" for mail, which is written from a template. `due_at` is
    when it may be tried, which whoever tries it moves on.
    """

    class Audience(models.TextChoices):
        UPLOADER = "uploader"
        HOLDER = "holder"

    class Way(models.TextChoices):
        MAIL = "mail"
        WEBHOOK = "webhook"

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        GIVEN_UP = "given_up"

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="notices")
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="notices")
    audience = models.CharField(max_length=8, choices=Audience)
    way = models.CharField(max_length=8, choices=Way)
    template = models.CharField(max_length=40, blank=True)
    body = models.TextField(blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True, help_text="Why the last try failed.")
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())
    woken_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["event", "audience", "way"], name="notice_once"),
            models.CheckConstraint(
                name="notice_sent_has_its_time",
                condition=Q(state="sent", sent_at__isnull=False)
                | (~Q(state="sent") & Q(sent_at__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="idx_notice_due")
        ]

    def __str__(self) -> str:
        return f"{self.way} to the {self.audience} about claim {self.claim_id}"
