"""What is only ever added to: decisions and events. The database refuses everything else.

Triggers (migration 0005) refuse UPDATE, DELETE and TRUNCATE of both tables, and an event whose
`sequence` is not the next of its subject. Nothing here points at what may go: people and videos are
kept as ids and names, and pictures lie apart.
"""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from moderation.flag_rows import Flag


class Decision(models.Model):
    """A recorded verdict with its reason and the evidence that was on the screen.

    `evidence` is JSON text in one fixed form, so that its SHA-256 can be checked for ever:
    `evidence_sha256` = sha256(evidence), which a constraint holds. It has ids, times and figures,
    no names. `segments` are the [query start, query end, reference start, reference end] in seconds
    that the verdict is about.
    """

    class Verdict(models.TextChoices):
        CONFIRMED = "confirmed"
        DISMISSED = "dismissed"
        RETURNED = "returned"

    flag = models.ForeignKey(Flag, on_delete=models.PROTECT, related_name="decisions")
    move = models.CharField(max_length=16)
    verdict = models.CharField(max_length=12, choices=Verdict)
    reason = models.CharField(max_length=24)
    note = models.TextField(blank=True)
    segments = models.JSONField(default=list, blank=True)
    evidence = models.TextField()
    evidence_sha256 = models.CharField(max_length=64)
    policy = models.CharField(max_length=12, blank=True)
    policy_version = models.CharField(max_length=64, blank=True)
    video_ids = ArrayField(models.UUIDField(), size=2)
    moderator_id = models.IntegerField()
    moderator_name = models.CharField(max_length=150)
    bulk_id = models.UUIDField(null=True, blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="decision_verdict_known",
                condition=Q(verdict__in=["confirmed", "dismissed", "returned"]),
            ),
            models.CheckConstraint(name="decision_has_a_reason", condition=~Q(reason="")),
        ]
        indexes = [
            models.Index(fields=["moderator_id", "at"], name="idx_decision_moderator"),
            models.Index(fields=["at"], name="idx_decision_at"),
            GinIndex(fields=["video_ids"], name="idx_decision_videos"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.moderator_name}"


class FrozenPicture(models.Model):
    """A picture that a decision was made on, as it was; it goes with its video.

    The decision's evidence keeps its SHA-256.
    """

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="pictures")
    video_id = models.UUIDField(db_index=True)
    second = models.FloatField(help_text="Seconds.")
    sha256 = models.CharField(max_length=64)
    jpeg = models.BinaryField()

    def __str__(self) -> str:
        return f"second {self.second:.2f} of {self.video_id}"


class Event(models.Model):
    """One line of history: who moved what from where to where, and why.

    `sequence` counts a subject's events from 1 without a gap. `facts` says what else changed, in
    ids and numbers.
    """

    class Actor(models.TextChoices):
        SYSTEM = "system"
        MODERATOR = "moderator"
        LEAD = "lead"
        UPLOADER = "uploader"
        CLAIMANT = "claimant"
        STAFF = "staff"

    class Subject(models.TextChoices):
        FLAG = "flag"
        CLAIM = "claim"
        RULE = "rule"
        REFERENCE = "reference"
        HOLDER = "holder"

    machine = models.CharField(max_length=12, choices=Subject)
    subject_id = models.BigIntegerField()
    sequence = models.PositiveIntegerField()
    move = models.CharField(max_length=24)
    before = models.CharField(max_length=16, blank=True)
    after = models.CharField(max_length=16, blank=True)
    actor_kind = models.CharField(max_length=12, choices=Actor)
    actor_id = models.IntegerField(null=True, blank=True)
    actor_name = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=24, blank=True)
    note = models.TextField(blank=True)
    policy_version = models.CharField(max_length=64, blank=True)
    evidence_sha256 = models.CharField(max_length=64, blank=True)
    decision = models.ForeignKey(
        Decision, null=True, blank=True, on_delete=models.PROTECT, related_name="events"
    )
    rule_id = models.BigIntegerField(null=True, blank=True)
    video_ids = ArrayField(models.UUIDField(), default=list, blank=True)
    bulk_id = models.UUIDField(null=True, blank=True)
    facts = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["machine", "subject_id", "sequence"], name="event_sequence_once"
            ),
            models.CheckConstraint(name="event_counts_from_one", condition=Q(sequence__gte=1)),
            models.CheckConstraint(
                name="event_person_is_named",
                condition=Q(actor_kind="system", actor_id__isnull=True)
                # Whoever uploaded without an account has no id that we know.
                | Q(actor_kind="uploader")
                | (~Q(actor_kind="system") & Q(actor_id__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(fields=["at"], name="idx_event_at"),
            models.Index(fields=["actor_id", "at"], name="idx_event_actor"),
            models.Index(
                fields=["bulk_id"], condition=Q(bulk_id__isnull=False), name="idx_event_bulk"
            ),
            models.Index(
                fields=["subject_id"],
                condition=Q(move__in=["undo", "reopen"]),
                name="idx_event_taken_back",
            ),
            GinIndex(fields=["video_ids"], name="idx_event_videos"),
        ]

    def __str__(self) -> str:
        return f"{self.machine} {self.subject_id}: {self.move} by {self.actor_name or 'the system'}"
