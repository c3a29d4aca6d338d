"""Who has rights in which videos, and what is to follow from a copy."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from moderation.territories import check_territories
from moderation.webhooks import check_address
from videos.models import Video

# What a change of the policy version is about.
CONDITIONS = ("least_seconds", "least_share", "policy_territories")
HOLDER_POLICY = ("policy", *CONDITIONS)
REFERENCE_POLICY = (*HOLDER_POLICY, "licence", "territories")


class Policy(models.TextChoices):
    """What is to follow from a copy. Only `track` may take effect without a person."""

    TRACK = "track"
    MONETISE = "monetise"
    BLOCK = "block"
    REVIEW = "review"


class RightsHolder(models.Model):
    """Whoever has rights in videos; `policy` is theirs wherever a reference names none.

    The policy is for copies of at least `least_seconds` and `least_share` of the upload, in
    `policy_territories`; `policy_version` rises with each change of these
    (`moderation.rights.change_policy`). `members` act for the holder, so they decide nothing about
    its references.
    """

    name = models.CharField(max_length=200)
    contact_email = models.EmailField(blank=True)
    policy = models.CharField(
        max_length=12,
        choices=Policy,
        default=Policy.REVIEW,
        help_text="For all their videos that have no policy of their own.",
    )
    least_seconds = models.FloatField(
        default=0.0,
        validators=[MinValueValidator(0)],
        help_text="The policy is for copies of so many seconds or more.",
    )
    least_share = models.FloatField(
        default=0.0,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="And of so much of the upload or more, 0 to 1.",
    )
    policy_territories = ArrayField(
        models.CharField(max_length=2),
        validators=[check_territories],
        default=list,
        blank=True,
        help_text="Where the policy is to hold, as in ISO 3166; none for where they have rights.",
    )
    policy_version = models.PositiveIntegerField(default=1, editable=False)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="rights_holders",
        help_text="Who acts for them; as moderators they may not decide about their videos.",
    )
    webhook_url = models.CharField(
        max_length=500,
        blank=True,
        validators=[check_address],
        help_text="Told of every turn of their claims by POST.",
    )
    webhook_secret = models.CharField(max_length=128, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="rights_holder_webhook_is_signed",
                condition=Q(webhook_url="") | ~Q(webhook_secret=""),
            ),
            models.UniqueConstraint(Lower("name"), name="rights_holder_once"),
            models.CheckConstraint(name="rights_holder_has_a_name", condition=~Q(name="")),
            models.CheckConstraint(
                name="rights_holder_policy_known",
                condition=Q(policy__in=[p.value for p in Policy]),
            ),
            models.CheckConstraint(
                name="rights_holder_conditions_possible",
                condition=Q(least_seconds__gte=0, least_share__gte=0, least_share__lte=1),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Reference(models.Model):
    """Rights that a holder has in a video: the video is registered as long as there is one.

    Several holders may have rights in one video, each in their own `territories` (ISO 3166-1
    alpha-2, none for everywhere). Written by `moderation.registration`, which tells the video.
    The conditions of the policy are the holder's where they are null or none.
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
    least_seconds = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="The policy is for copies of so many seconds or more; empty for the holder's.",
    )
    least_share = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="And of so much of the upload or more, 0 to 1; empty for the holder's.",
    )
    policy_territories = ArrayField(
        models.CharField(max_length=2),
        validators=[check_territories],
        default=list,
        blank=True,
        help_text="Where the policy is to hold; none for where the holder's does.",
    )
    policy_version = models.PositiveIntegerField(default=1, editable=False)
    registered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-registered_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["video", "holder"], name="reference_once"),
            models.CheckConstraint(
                name="reference_policy_known",
                condition=Q(policy__in=["", *(p.value for p in Policy)]),
            ),
            models.CheckConstraint(
                name="reference_conditions_possible",
                condition=(Q(least_seconds__isnull=True) | Q(least_seconds__gte=0))
                & (Q(least_share__isnull=True) | Q(least_share__gte=0, least_share__lte=1)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.video} of {self.holder}"

    @property
    def effective_policy(self) -> str:
        """The policy that holds for a copy of this video."""
        return self.policy or self.holder.policy

    @property
    def effective_version(self) -> str:
        """Names the policy as it stands, the holder's part of it included."""
        return (
            f"holder {self.holder_id} v{self.holder.policy_version}, "
            f"reference {self.pk} v{self.policy_version}"
        )
