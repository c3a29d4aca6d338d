"""Allow rules: what is known not to be worth a flag."""

from django.db import models
from django.db.models import F, Q

from moderation.rights_rows import RightsHolder


class AllowRule(models.Model):
    """Keeps flags from opening: for a pair, an uploader, a licence, or a stretch of a video.

    With a `holder` only the rights of that holder are given up; the others' flag all the same.
    Videos and people are named by id and not pointed at. Rules end by time or are revoked; they
    are never deleted, as events name them.
    """

    class Kind(models.TextChoices):
        PAIR = "pair"
        UPLOADER = "uploader"
        LICENCE = "licence"
        SEGMENT = "segment"

    kind = models.CharField(max_length=8, choices=Kind)
    video_id = models.UUIDField(null=True, blank=True, help_text="Of a pair or a stretch.")
    other_id = models.UUIDField(null=True, blank=True, help_text="The other one of a pair.")
    start = models.FloatField(null=True, blank=True, help_text="Seconds.")
    end = models.FloatField(null=True, blank=True, help_text="Seconds.")
    uploader_id = models.IntegerField(null=True, blank=True)
    licence = models.CharField(max_length=200, blank=True)
    holder = models.ForeignKey(
        RightsHolder,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="allow_rules",
        help_text="Only this holder's rights; empty for all.",
    )
    reason = models.CharField(max_length=24)
    note = models.TextField(blank=True)
    author_id = models.IntegerField()
    author_name = models.CharField(max_length=150)
    decision_id = models.BigIntegerField(
        null=True, blank=True, db_index=True, help_text="The decision it was made with."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="allow_rule_names_what_it_is_about",
                condition=Q(kind="pair", video_id__isnull=False, other_id__isnull=False)
                & ~Q(video_id=F("other_id"))
                | Q(kind="uploader", uploader_id__isnull=False)
                | Q(kind="licence") & ~Q(licence="")
                | Q(kind="segment", video_id__isnull=False, start__gte=0, end__gt=F("start")),
            ),
            models.CheckConstraint(name="allow_rule_has_a_reason", condition=~Q(reason="")),
        ]
        indexes = [
            models.Index(
                fields=["kind"], condition=Q(revoked_at__isnull=True), name="idx_allow_rule_live"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
