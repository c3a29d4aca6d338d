"""The row of a search that a worker does; videos.models has it with the others."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


class Search(models.Model):
    """A search with a file that takes too long to wait for. This row is its queue.

    As with an `Analysis`, a claim counts the attempt and takes a lease and the next `token`. The
    file lies at `storage_key` until the end. `answer` is what was found, as `tvidz.answers` tells
    it: before it is known who asks. Without an owner, knowing its `id` is what lets one see it.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    filename = models.CharField(max_length=255)
    facts = models.JSONField(help_text="What probing told of the file, as its sender is shown it.")
    storage_key = models.CharField(max_length=255)
    answer = models.JSONField(null=True)
    progress = models.FloatField(default=0.0)
    attempts = models.PositiveSmallIntegerField(default=0)
    token = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    woken_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True, db_index=True)
    error_code = models.CharField(max_length=32, blank=True)
    error_message = models.TextField(blank=True)
    error_retryable = models.BooleanField(default=False)

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "searches"
        constraints = [
            models.CheckConstraint(
                name="search_state_known",
                condition=Q(state__in=["waiting", "running", "done", "failed"]),
            ),
            models.CheckConstraint(
                name="search_running_has_a_lease",
                condition=~Q(state="running") | Q(lease_until__isnull=False),
            ),
            models.CheckConstraint(
                name="search_done_has_an_answer",
                condition=~Q(state="done") | Q(answer__isnull=False),
            ),
            models.CheckConstraint(
                name="search_failure_has_a_code",
                condition=~Q(state="failed") | ~Q(error_code=""),
            ),
            models.CheckConstraint(
                name="search_progress_is_a_share",
                condition=Q(progress__gte=0) & Q(progress__lte=1),
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=Q(state__in=["waiting", "running"]),
                name="idx_search_unfinished",
            )
        ]

    def __str__(self) -> str:
        return f"{self.filename} · {self.state}"
