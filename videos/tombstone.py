"""The row of a deleted video."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class Tombstone(models.Model):
    """What stays of a deleted video: ids, times and hashes; and what is left to do of its deletion.

    `keys` are stored files still to be removed, until `look_until` again and again: a worker that
    was at the video when it went may store some more before it notices. Nothing points at a
    tombstone and it points at nothing but its owner, who is told that the video was deleted, as is
    whoever shows the upload's secret. `origin_sha256` keeps what is told twice from coming back.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    secret_sha256 = models.CharField(max_length=64, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    origin_sha256 = models.CharField(max_length=64, blank=True)
    uploaded_at = models.DateTimeField()
    deleted_at = models.DateTimeField(auto_now_add=True)
    keys = ArrayField(models.CharField(max_length=255), default=list)
    look_until = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["look_until"], condition=~Q(keys=[]), name="idx_tombstone_unfinished"
            ),
            models.Index(
                fields=["origin_sha256"],
                condition=~Q(origin_sha256=""),
                name="idx_tombstone_origin",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id}, deleted"
