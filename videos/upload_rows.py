"""How a video came in, and files on their way in: a row class for each entrance that needs one."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Upload(models.Model):
    """One arrival of a file: through which entrance, what was declared, what it became.

    `stamp` tells a file on disk by path, size and time, so that a second run need not read it.
    """

    class Entrance(models.TextChoices):
        SITE = "site"
        API = "api"
        BACKFILL = "backfill"
        S3 = "s3"
        URL = "url"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    video = models.OneToOneField("videos.Video", on_delete=models.CASCADE, related_name="upload")
    entrance = models.CharField(max_length=12, choices=Entrance)
    declared_name = models.TextField(help_text="As it was sent; shown escaped, never a path.")
    origin = models.TextField(
        blank=True, help_text="Where a backfilled file lay, so that a second run passes it over."
    )
    stamp = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["origin"], condition=~Q(origin=""), name="upload_origin_once"
            )
        ]
        indexes = [models.Index(fields=["stamp"], condition=~Q(stamp=""), name="idx_upload_stamp")]

    def __str__(self) -> str:
        return f"{self.declared_name} ({self.entrance})"


class OpenUpload(models.Model):
    """A file on its way in, and what became of it.

    Once it is here it is accepted as `video_id`, or refused with `error_code`; the row stays until
    it expires, so that its sender can ask. Without an owner, knowing its `id` is what lets one go
    on with it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
    session_key = models.CharField(max_length=40, blank=True)
    secret_sha256 = models.CharField(max_length=64, blank=True)
    entrance = models.CharField(max_length=12)
    video_id = models.UUIDField(default=uuid.uuid4, editable=False)
    accepted_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=32, blank=True)
    error_message = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        abstract = True


class PartialUpload(OpenUpload):
    """A file that comes in piece by piece, over the resumable protocol.

    Its bytes lie in `UploadPart` files; `received` never runs ahead of what is on disk. One writer
    at a time: it holds `token` and a lease, as with an `Analysis`. `length` is None until the
    client tells it.
    """

    class Kind(models.TextChoices):
        WHOLE = "whole"
        PARTIAL = "partial"
        FINAL = "final"

    kind = models.CharField(max_length=8, choices=Kind, default=Kind.WHOLE)
    length = models.PositiveBigIntegerField(null=True)
    received = models.PositiveBigIntegerField(default=0)
    metadata = models.TextField(blank=True, help_text="Upload-Metadata as it was sent.")
    concat = models.TextField(blank=True, help_text="Upload-Concat as it was sent.")
    token = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    asked_to_yield = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="partial_upload_not_over_its_length",
                condition=Q(length__isnull=True) | Q(received__lte=F("length")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.received} of {self.length} bytes"


class DirectUpload(OpenUpload):
    """A file that its sender puts straight into the S3 bucket, under a key made of `id`.

    `multipart_id` names S3's own upload in parts of `part_bytes`; a small file goes as one form.
    From `sent_at` on it is ours to take in: `woken_at` says when a worker was last told so.
    """

    declared_name = models.TextField()
    length = models.PositiveBigIntegerField()
    content_type = models.CharField(max_length=255)
    multipart_id = models.TextField(blank=True)
    part_bytes = models.PositiveBigIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    woken_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.declared_name} ({self.length} bytes)"


class S3Key(models.Model):
    """The newest that was told of an object which somebody put into the bucket, or took out."""

    bucket = models.CharField(max_length=63)
    key = models.CharField(max_length=1024)
    sequencer = models.CharField(max_length=64, blank=True)
    removed = models.BooleanField(default=False)
    told_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bucket", "key"], name="s3_key_once")]

    def __str__(self) -> str:
        return f"{self.bucket}/{self.key}"


class UploadPart(models.Model):
    """Bytes of a `PartialUpload` that one request brought: the first `length` of its own file.

    A file belongs to one request, so what a writer adds that has lost its lease is never read.
    """

    upload = models.ForeignKey(PartialUpload, on_delete=models.CASCADE, related_name="parts")
    token = models.PositiveBigIntegerField()
    start = models.PositiveBigIntegerField()
    length = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["start"]
        constraints = [models.UniqueConstraint(fields=["upload", "token"], name="upload_part_once")]

    def __str__(self) -> str:
        return f"bytes {self.start} to {self.start + self.length}"


class UrlImport(models.Model):
    """A file that a worker fetches from an address somebody named. This row is its queue.

    As with an `Analysis`, a claim counts the attempt and takes a lease and the next `token`. What
    was fetched is accepted as `video_id`, chosen beforehand so that it is accepted once. `length`
    is what the server told, if it did.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        FETCHING = "fetching"
        ACCEPTED = "accepted"
        REFUSED = "refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    url = models.TextField(help_text="As it was named; it may hold a key to the file.")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    received = models.PositiveBigIntegerField(default=0)
    length = models.PositiveBigIntegerField(null=True)
    video_id = models.UUIDField(default=uuid.uuid4, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    token = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    woken_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=32, blank=True)
    error_message = models.TextField(blank=True)
    error_retryable = models.BooleanField(default=False)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "import from a URL"
        verbose_name_plural = "imports from a URL"
        constraints = [
            models.CheckConstraint(
                name="url_import_state_known",
                condition=Q(state__in=["waiting", "fetching", "accepted", "refused"]),
            ),
            models.CheckConstraint(
                name="url_import_fetching_has_a_lease",
                condition=~Q(state="fetching") | Q(lease_until__isnull=False),
            ),
            models.CheckConstraint(
                name="url_import_refusal_has_a_code",
                condition=~Q(state="refused") | ~Q(error_code=""),
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=Q(state__in=["waiting", "fetching"]),
                name="idx_url_import_unfinished",
            ),
            models.Index(fields=["owner", "created_at"], name="idx_url_import_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.url} · {self.state}"
