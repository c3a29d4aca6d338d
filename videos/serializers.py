"""A video as JSON, for one viewer."""

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from videos.access.visibility import Viewer, may_change, may_delete, owns
from videos.errors import malware
from videos.media_urls import original_url, thumbnail_url
from videos.models import Analysis, SceneCuts, State, UrlImport, Video

FIELDS = (
    "id",
    "filename",
    "title",
    "media_type",
    "visibility",
    "state",
    "uploaded_at",
    "duration",
    "size_bytes",
    "codec",
    "width",
    "height",
    "frame_rate",
    "sha256",
)


class VideoSerializer(serializers.ModelSerializer[Video]):
    """What the video's own page and its uploader are shown; the context names the `viewer`."""

    thumbnail = serializers.SerializerMethodField()
    media = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    step = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    scene_cuts = serializers.SerializerMethodField()
    allowed = serializers.SerializerMethodField()

    class Meta:
        model = Video
        fields = (
            *FIELDS,
            "thumbnail",
            "media",
            "page",
            "progress",
            "step",
            "error",
            "warnings",
            "scene_cuts",
            "blocked_at",
            "allowed",
        )

    def get_thumbnail(self, video: Video) -> str | None:
        return thumbnail_url(video)

    def get_media(self, video: Video) -> str | None:
        return original_url(video)

    def get_page(self, video: Video) -> str:
        return video_page(video)

    def get_progress(self, video: Video) -> float:
        analysis = latest_analysis(video)
        return analysis.progress if analysis else 0.0

    def get_step(self, video: Video) -> str:
        analysis = latest_analysis(video)
        return analysis.step if analysis and video.state == State.PROCESSING else ""

    def get_error(self, video: Video) -> dict[str, Any] | None:
        return error_json(video)

    def get_scene_cuts(self, video: Video) -> list[float]:
        cuts = SceneCuts.objects.filter(video=video).first()
        return cuts.timestamps if cuts else []

    def get_allowed(self, video: Video) -> dict[str, bool]:
        asker = self.context["viewer"]
        return {
            "retry": may_retry(asker, video),
            "delete": may_delete(asker, video),
            "change": may_change(asker, video),
        }


def error_json(video: Video) -> dict[str, Any] | None:
    """Why the video's analysis failed or ended early; None when it did neither."""
    if not video.error_code:
        return None
    # What stands in the row names what the scanner knows.
    locked = video.state == State.QUARANTINED
    return {
        "code": video.error_code,
        "message": malware().message if locked else video.error_message,
        "retryable": video.error_retryable,
    }


def import_json(row: UrlImport) -> dict[str, Any]:
    """An import from a URL as who began it is shown it."""
    # What was fetched and refused stands as a failed video.
    there = row.finished_at is not None and Video.objects.filter(pk=row.video_id).exists()
    refused = {
        "code": row.error_code,
        "message": row.error_message,
        "retryable": row.error_retryable,
    }
    return {
        "id": str(row.pk),
        "address": reverse("videos:api-import", args=[row.pk]),
        "url": row.url,
        "state": row.state,
        "received": row.received,
        "length": row.length,
        "created_at": row.created_at.isoformat(),
        "video": f"/api/v1/videos/{row.video_id}/" if there else None,
        "error": refused if row.error_code else None,
    }


def may_retry(viewer: Viewer, video: Video) -> bool:
    """Whether the viewer may have a video analysed again: its owner or staff, after our fault."""
    ours = viewer.is_staff or owns(viewer, video)
    return ours and video.state == State.FAILED and video.error_retryable


def video_json(video: Video, viewer: Viewer) -> dict[str, Any]:
    """The video as `viewer` is shown it."""
    return dict(VideoSerializer(video, context={"viewer": viewer}).data)


def latest_analysis(video: Video) -> Analysis | None:
    return video.analyses.order_by("-pk").first()


def video_page(video: Video) -> str:
    return f"/videos/{video.id}/"
