"""A flag, who holds it, what they have written so far, and which queues a group sees."""

import uuid

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Least

from matching.models import DuplicateLink
from moderation.rights_rows import Policy, RightsHolder
from moderation.rule_rows import AllowRule


class Flag(models.Model):
    """The reviewable item made of a pair of videos; one stands for a pair, whatever links it has.

    `state` is moved by `moderation.ledger` alone, which writes an event with each move: `version`
    counts them, and a verb that names an old one is refused. Pair and facts of the queue stay when
    the `link` is gone. `place` orders the queue: `priority` and what waiting adds to it.
    """

    class State(models.TextChoices):
        DETECTED = "detected"
        SUPPRESSED = "suppressed"
        OPEN = "open"
        LEASED = "leased"
        SECOND_REVIEW = "second_review"
        ESCALATED = "escalated"
        DISMISSED = "dismissed"
        CONFIRMED = "confirmed"
        SUPERSEDED = "superseded"

    link = models.ForeignKey(
        DuplicateLink, null=True, on_delete=models.SET_NULL, related_name="flags"
    )
    query_id = models.UUIDField()
    reference_id = models.UUIDField()
    state = models.CharField(max_length=16, choices=State, default=State.DETECTED)
    reason = models.CharField(max_length=24, blank=True, help_text="Of its last move.")
    version = models.PositiveIntegerField(default=0, help_text="Events so far.")
    rule = models.ForeignKey(
        AllowRule,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="flags",
        help_text="The allow rule that suppresses it.",
    )
    proposer_id = models.IntegerField(
        null=True, blank=True, help_text="Moderator whose verdict waits for a second one."
    )
    policy = models.CharField(max_length=12, choices=[("", "none"), *Policy.choices], blank=True)
    policy_version = models.CharField(max_length=64, blank=True)
    holder = models.ForeignKey(
        RightsHolder, null=True, blank=True, on_delete=models.SET_NULL, related_name="flags"
    )
    kinds = ArrayField(models.CharField(max_length=24), default=list, blank=True)
    score = models.FloatField(default=0.0)
    covered = models.FloatField(default=0.0, help_text="The larger share of the two.")
    priority = models.FloatField(default=0.0, help_text="Higher is looked at first.")
    place = models.FloatField(default=0.0, editable=False)
    opened_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-place", "due_at", "pk"]
        permissions = [
            ("review_flag", "Can take flags and decide them"),
            ("lead_flag", "Can reassign, answer and reopen flags, and make allow rules"),
        ]
        constraints = [
            models.UniqueConstraint(
                Least(F("query_id"), F("reference_id")),
                Greatest(F("query_id"), F("reference_id")),
                condition=~Q(state="superseded"),
                name="flag_pair_once",
            ),
            models.CheckConstraint(
                name="flag_two_videos", condition=~Q(query_id=F("reference_id"))
            ),
            models.CheckConstraint(
                name="flag_state_known",
                condition=Q(
                    state__in=[
                        *("detected", "suppressed", "open", "leased", "second_review"),
                        *("escalated", "dismissed", "confirmed", "superseded"),
                    ]
                ),
            ),
            models.CheckConstraint(
                name="flag_waits_with_a_due_time",
                condition=~Q(state__in=["open", "leased", "second_review", "escalated"])
                | Q(opened_at__isnull=False, due_at__isnull=False),
            ),
            models.CheckConstraint(
                name="flag_rule_suppresses",
                condition=Q(rule__isnull=True) | Q(state="suppressed"),
            ),
            models.CheckConstraint(
                name="flag_proposal_has_its_author",
                condition=Q(state="second_review", proposer_id__isnull=False)
                | (~Q(state="second_review") & Q(proposer_id__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-place", "due_at", "id"], name="idx_flag_queue"),
            # The same order over all that waits, which the other one has state by state.
            models.Index(
                fields=["-place", "due_at", "id"],
                condition=Q(state__in=["open", "leased", "second_review", "escalated"]),
                name="idx_flag_waiting",
            ),
            models.Index(fields=["query_id"], name="idx_flag_query"),
            models.Index(fields=["reference_id"], name="idx_flag_reference"),
        ]

    def __str__(self) -> str:
        return f"{self.link or 'a pair'} · {self.state}"


class Lease(models.Model):
    """One moderator's hold on a flag until `expires_at`; `token` proves it.

    The holder is named and not pointed at: the lease of a user who is deleted expires like others.
    After its time anybody may take the flag; until somebody does, the holder may go on.
    """

    flag = models.OneToOneField(Flag, on_delete=models.CASCADE, related_name="lease")
    moderator_id = models.IntegerField()
    moderator_name = models.CharField(max_length=150)
    token = models.UUIDField(default=uuid.uuid4, editable=False)
    taken_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token"], name="lease_token_once"),
            models.CheckConstraint(
                name="lease_ends_after_its_start", condition=Q(expires_at__gt=F("taken_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.moderator_name} until {self.expires_at:%H:%M:%S}"


class Draft(models.Model):
    """What a moderator has written about a flag and not yet decided; it outlives the lease."""

    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="drafts")
    moderator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    reason = models.CharField(max_length=24, blank=True)
    note = models.TextField(blank=True)
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["flag", "moderator"], name="draft_once"),
        ]

    def __str__(self) -> str:
        return f"draft of {self.moderator} on flag {self.flag_id}"


class Queue(models.Model):
    """Which flags a group of moderators sees: of these holders and under these policies.

    None of a kind means all of it. Who is in no group with a queue sees every flag, as leads do.
    """

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="queues")
    holders = models.ManyToManyField(RightsHolder, blank=True, related_name="queues")
    policies = ArrayField(
        models.CharField(max_length=12, choices=[("", "none"), *Policy.choices], blank=True),
        default=list,
        blank=True,
        help_text="An empty word among them stands for plain duplicates.",
    )

    def __str__(self) -> str:
        return f"queue of {self.group}"
