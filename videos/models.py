"""A video: what it is made of, and how far its analysis is."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from videos.mail_row import Mail as Mail
from videos.search_row import Search as Search
from videos.tombstone import Tombstone as Tombstone
from videos.upload_rows import DirectUpload as DirectUpload
from videos.upload_rows import OpenUpload as OpenUpload
from videos.upload_rows import PartialUpload as PartialUpload
from videos.upload_rows import S3Key as S3Key
from videos.upload_rows import Upload as Upload
from videos.upload_rows import UploadPart as UploadPart
from videos.upload_rows import UrlImport as UrlImport


class MediaType(models.TextChoices):
    VIDEO = "video"
    IMAGE = "image"


class State(models.TextChoices):
    """Where a video, and each analysis of it, is on the way through."""

    QUEUED = "queued"
    PROCESSING = "processing"
    READY = "ready"
    PARTIAL = "partial"
    DUPLICATE = "duplicate"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    DELETED = "deleted"


UNFINISHED = (State.QUEUED, State.PROCESSING)
# Nobody is shown a file of such a video, nor a picture from it.
WITHHELD = (State.DELETED, State.QUARANTINED)


class Visibility(models.TextChoices):
    PUBLIC = "public"
    PRIVATE = "private"


class Video(models.Model):
    """A video or a still image, and what probing it told.

    `storage_key` names the file; only `videos/storage.py` knows what it means. A file that was
    refused is not stored, and its key is empty. An anonymous uploader proves ownership with a
    secret of which only the SHA-256 is kept. `registered_at` says since when somebody has rights in
    the video: moderation sets it, and in a match such a video is the reference. Moderation sets
    `blocked_at`, too: since when a claim keeps the video from everybody but its uploader and staff
    (see `videos.access.visibility.kept_from`).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="videos",
    )
    secret_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    filename = models.CharField(max_length=255)
    title = models.CharField(
        max_length=255, blank=True, help_text="Shown instead of the file's name where it is set."
    )
    media_type = models.CharField(max_length=8, choices=MediaType)
    visibility = models.CharField(
        max_length=8, choices=Visibility, default=Visibility.PRIVATE, db_index=True
    )
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    uploaded_at = models.DateTimeField(auto_now_add=True)
    registered_at = models.DateTimeField(null=True, blank=True, editable=False)
    blocked_at = models.DateTimeField(null=True, blank=True, editable=False)

    storage_key = models.CharField(max_length=255, blank=True)
    mime = models.CharField(max_length=64)
    demuxer = models.CharField(max_length=32, blank=True)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64, blank=True)

    duration = models.FloatField(null=True, blank=True, help_text="Seconds.")
    codec = models.CharField(max_length=32, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    frame_rate = models.FloatField(null=True, blank=True, help_text="Frames a second.")

    thumbnail_key = models.CharField(max_length=255, blank=True)
    pictures_key = models.CharField(
        max_length=255, blank=True, help_text="The pack of evidence pictures."
    )
    warnings = models.JSONField(default=list, blank=True)
    error_code = models.CharField(max_length=32, blank=True)
    error_message = models.TextField(blank=True)
    error_retryable = models.BooleanField(default=False)

    class Meta:
        ordering = ["-uploaded_at"]
        constraints = [
            models.CheckConstraint(
                name="video_state_known", condition=Q(state__in=[s.value for s in State])
            ),
            models.CheckConstraint(
                name="video_media_type_known",
                condition=Q(media_type__in=[m.value for m in MediaType]),
            ),
            models.CheckConstraint(
                name="video_duration_not_negative",
                condition=Q(duration__isnull=True) | Q(duration__gte=0),
            ),
            models.UniqueConstraint(
                fields=["storage_key"], condition=~Q(storage_key=""), name="video_stored_once"
            ),
            models.CheckConstraint(
                name="video_without_a_file_has_failed",
                condition=~Q(storage_key="") | Q(state__in=["failed", "deleted"]),
            ),
            models.CheckConstraint(
                name="video_failure_has_a_code",
                condition=~Q(state__in=["failed", "quarantined"]) | ~Q(error_code=""),
            ),
        ]
        indexes = [
            models.Index(fields=["sha256", "owner"], name="idx_video_sha256_owner"),
            models.Index(fields=["owner", "-uploaded_at"], name="idx_video_owner_uploaded"),
            models.Index(fields=["state"], name="idx_video_state"),
            models.Index(
                fields=["-uploaded_at", "-id"],
                condition=Q(visibility="public", state__in=["ready", "partial", "duplicate"])
                & ~Q(thumbnail_key=""),
                name="idx_video_gallery",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """What people are shown."""
        return self.title or self.filename


class FrameInfo(models.Model):
    """An index frame: `timestamp` in seconds, `frame_number` counted from 0 in decoding order."""

    video = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="frames")
    extraction_version = models.PositiveSmallIntegerField()
    frame_number = models.PositiveIntegerField()
    timestamp = models.FloatField(help_text="Seconds.")
    is_keyframe = models.BooleanField(help_text="The codec's I-frame.")
    picture_offset = models.PositiveBigIntegerField(
        null=True, help_text="Where its JPEG begins in the video's pack of pictures."
    )
    picture_size = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["video", "frame_number"]
        verbose_name_plural = "frame info"
        constraints = [
            models.UniqueConstraint(
                fields=["video", "extraction_version", "frame_number"], name="frame_info_once"
            ),
            models.CheckConstraint(
                name="frame_info_time_not_negative", condition=Q(timestamp__gte=0)
            ),
        ]
        indexes = [
            models.Index(fields=["video"], name="idx_frame_info_video_id"),
            models.Index(fields=["video", "frame_number"], name="idx_frame_info_video_frame"),
            models.Index(fields=["video", "timestamp"], name="idx_frame_info_video_timestamp"),
        ]

    def __str__(self) -> str:
        return f"frame {self.frame_number} at {self.timestamp:.3f} s"


class SceneCuts(models.Model):
    """The scene cuts of a video in seconds, ascending; replaced when it is analysed again."""

    video = models.OneToOneField(Video, on_delete=models.CASCADE, related_name="scene_cuts")
    timestamps = ArrayField(models.FloatField(), default=list)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "scene cuts"
        indexes = [GinIndex(fields=["timestamps"], name="idx_scene_cuts_timestamps")]

    def __str__(self) -> str:
        return f"{len(self.timestamps)} cuts"


class Analysis(models.Model):
    """A run of the pipeline over one video. This row is the queue.

    A worker claims it by one compare-and-swap UPDATE that counts the attempt, takes the next
    fencing `token` and a lease; every later write names that token and is refused once another
    worker holds the row. `probed` is what probing told where the file came in; a later analysis of
    the same video probes again.
    """

    video = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="analyses")
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    step = models.CharField(max_length=16, blank=True)
    progress = models.FloatField(default=0.0)
    probed = models.JSONField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    token = models.PositiveBigIntegerField(default=0)
    worker = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    woken_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=32, blank=True)
    error_message = models.TextField(blank=True)
    error_retryable = models.BooleanField(default=False)

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "analyses"
        constraints = [
            models.UniqueConstraint(
                fields=["video"],
                condition=Q(state__in=["queued", "processing"]),
                name="analysis_one_unfinished",
            ),
            models.CheckConstraint(
                name="analysis_processing_has_a_lease",
                condition=~Q(state="processing") | Q(lease_until__isnull=False),
            ),
            models.CheckConstraint(
                name="analysis_progress_is_a_share",
                condition=Q(progress__gte=0) & Q(progress__lte=1),
            ),
        ]
        indexes = [
            models.Index(
                fields=["lease_until", "created_at"],
                condition=Q(state__in=["queued", "processing"]),
                name="idx_analysis_unfinished",
            )
        ]

    def __str__(self) -> str:
        return f"{self.video} · {self.state}"
