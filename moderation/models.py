"""What people make of a found duplicate."""

from django.db import models
from django.db.models import Q

from matching.models import DuplicateLink


class Flag(models.Model):
    """The reviewable item made of a link: one a link, open until somebody decides."""

    class State(models.TextChoices):
        OPEN = "open"
        SUPPRESSED = "suppressed"

    link = models.OneToOneField(DuplicateLink, on_delete=models.CASCADE, related_name="flag")
    state = models.CharField(max_length=12, choices=State)
    reason = models.CharField(max_length=200, blank=True)
    priority = models.FloatField(default=0.0, help_text="Higher is looked at first.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-priority", "created_at"]
        constraints = [
            models.CheckConstraint(
                name="flag_state_known", condition=Q(state__in=["open", "suppressed"])
            )
        ]
        indexes = [models.Index(fields=["state", "-priority", "created_at"], name="idx_flag_queue")]

    def __str__(self) -> str:
        return f"{self.link} · {self.state}"
