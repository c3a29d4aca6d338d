"""What follows from a match for the uploader, as long as it stands between them and a holder."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Least

from moderation.flag_rows import Flag
from moderation.ledger_rows import Decision
from moderation.rights_rows import Policy, RightsHolder
from moderation.territories import check_territories


class Claim(models.Model):
    """A rights holder's claim on a video, under the policy that held when it was opened.

    `state` is moved by `moderation.claims` and `moderation.claim_verbs`, which write an event with
    each move: `version` counts them. What people wrote and which documents they named stands in
    those events. Videos and the row of the rights (`rights_id`) are named and not pointed at.
    `segments` are [query start, query end, reference start, reference end] in seconds. Without a
    `decision` no person has looked: the policy "track" alone opens such claims.
    """

    class State(models.TextChoices):
        POTENTIAL = "potential"
        ACTIVE = "active"
        EXPIRED = "expired"
        DISPUTED = "disputed"
        RELEASED = "released"
        REINSTATED = "reinstated"
        APPEALED = "appealed"
        UPHELD = "upheld"
        TAKEDOWN = "takedown"
        COUNTER_NOTICED = "counter_noticed"
        RESTORED = "restored"
        LITIGATION_HOLD = "litigation_hold"
        WITHDRAWN = "withdrawn"

    flag = models.ForeignKey(Flag, on_delete=models.PROTECT, related_name="claims")
    decision = models.ForeignKey(
        Decision, null=True, blank=True, on_delete=models.PROTECT, related_name="claims"
    )
    holder = models.ForeignKey(RightsHolder, on_delete=models.PROTECT, related_name="claims")
    rights_id = models.BigIntegerField(db_index=True, help_text="The reference's row.")
    query_id = models.UUIDField(help_text="The video that it is about.")
    reference_id = models.UUIDField()
    policy = models.CharField(max_length=12, choices=Policy)
    policy_version = models.CharField(max_length=64)
    licence = models.CharField(max_length=200, blank=True)
    territories = ArrayField(
        models.CharField(max_length=2),
        validators=[check_territories],
        default=list,
        blank=True,
        help_text="Where the policy holds; none for everywhere.",
    )
    segments = models.JSONField(default=list)
    state = models.CharField(max_length=16, choices=State)
    reason = models.CharField(max_length=24, blank=True, help_text="Of its last move.")
    version = models.PositiveIntegerField(default=0, help_text="Events so far.")
    until = models.DateTimeField(
        null=True, blank=True, help_text="When it moves by itself unless somebody answers."
    )
    settled = models.BooleanField(
        default=True, editable=False, help_text="Whether the video follows what it says."
    )
    opened_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                Least(F("query_id"), F("reference_id")),
                Greatest(F("query_id"), F("reference_id")),
                F("holder"),
                condition=~Q(state__in=["expired", "released", "restored", "withdrawn"]),
                name="claim_pair_and_holder_once",
            ),
            models.CheckConstraint(
                name="claim_state_known",
                condition=Q(
                    state__in=[
                        *("potential", "active", "expired", "disputed", "released", "reinstated"),
                        *("appealed", "upheld", "takedown", "counter_noticed", "restored"),
                        *("litigation_hold", "withdrawn"),
                    ]
                ),
            ),
            models.CheckConstraint(
                name="claim_policy_known", condition=Q(policy__in=[p.value for p in Policy])
            ),
            models.CheckConstraint(
                name="claim_clock_runs_where_an_answer_is_due",
                condition=Q(
                    state__in=["potential", "disputed", "appealed", "counter_noticed"],
                    until__isnull=False,
                )
                | (
                    ~Q(state__in=["potential", "disputed", "appealed", "counter_noticed"])
                    & Q(until__isnull=True)
                ),
            ),
            # Only "track" may take effect without a person.
            models.CheckConstraint(
                name="claim_of_a_person_or_track",
                condition=Q(decision__isnull=False) | Q(policy="track"),
            ),
        ]
        indexes = [
            models.Index(fields=["query_id"], name="idx_claim_query"),
            models.Index(fields=["holder", "state"], name="idx_claim_holder"),
            models.Index(
                fields=["until"], condition=Q(until__isnull=False), name="idx_claim_until"
            ),
            models.Index(
                fields=["query_id"], condition=Q(settled=False), name="idx_claim_unsettled"
            ),
        ]

    def __str__(self) -> str:
        return f"claim {self.pk} of {self.holder}, {self.get_state_display().lower()}"
