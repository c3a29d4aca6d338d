"""What people make of a found duplicate, and who has rights in what."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from matching.models import DuplicateLink
from moderation.territories import check_territories
from videos.models import Video


class Policy(models.TextChoices):
    """What is to follow from a copy. Only `track` may take effect without a person."""

    TRACK = "track"
    MONETISE = "monetise"
    BLOCK = "block"
    REVIEW = "review"


class RightsHolder(models.Model):
    """Whoever has rights in videos; `policy` is theirs wherever a reference names none."""

    name = models.CharField(max_length=200)
    contact_email = models.EmailField(blank=True)
    policy = models.CharField(
        max_length=12,
        choices=Policy,
        default=Policy.REVIEW,
        help_text="For all their videos that have no policy of their own.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(Lower("name"), name="rights_holder_once"),
            models.CheckConstraint(name="rights_holder_has_a_name", condition=~Q(name="")),
            models.CheckConstraint(
                name="rights_holder_policy_known",
                condition=Q(policy__in=[p.value for p in Policy]),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Reference(models.Model):
    """Rights that a holder has in a video: the video is registered as long as there is one.

    Several holders may have rights in one video, each in their own `territories` (ISO 3166-1
    alpha-2, none for everywhere). Written by `moderation.registration`, which tells the video.
    """

    video = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="references")
    holder = models.ForeignKey(RightsHolder, on_delete=models.PROTECT, related_name="references")
    licence = models.CharField(max_length=200, blank=True)
    territories = ArrayField(
        models.CharField(max_length=2),
        validators=[check_territories],
        default=list,
        blank=True,
        help_text="Codes of countries as in ISO 3166, such as DE, FR; none for everywhere.",
    )
    policy = models.CharField(
        max_length=12, choices=Policy, blank=True, help_text="Empty for the holder's own."
    )
    registered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-registered_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["video", "holder"], name="reference_once"),
            models.CheckConstraint(
                name="reference_policy_known",
                condition=Q(policy__in=["", *(p.value for p in Policy)]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.video} of {self.holder}"

    @property
    def effective_policy(self) -> str:
        """The policy that holds for a copy of this video."""
        return self.policy or self.holder.policy


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
