"""Videos, uploads, frames, cuts and analyses in the admin: to look at, hardly to write."""

import uuid
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from videos.deletion import delete_for
from videos.media_urls import thumbnail_url
from videos.models import (
    Analysis,
    FrameInfo,
    MediaType,
    SceneCuts,
    Search,
    State,
    Upload,
    UrlImport,
    Video,
)
from videos.queue import retry
from videos.requests import viewer
from videos.serializers import video_page

# The columns of a video that people may set.
BY_HAND = ("title", "visibility")


class ReadOnlyAdmin(admin.ModelAdmin):
    """For rows that only the pipeline writes."""

    empty_value_display = "–"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        # Not "Select … to view".
        told = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, {**told, **(extra_context or {})})

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Video)
class VideoAdmin(ReadOnlyAdmin):
    """Title and visibility are what is set by hand; deletion is an action."""

    list_display = ["picture", "name", "state", "length", "owner", "uploaded_at"]
    list_display_links = ["picture", "name"]
    list_filter = ["state", "media_type", "visibility", "uploaded_at"]
    search_fields = ["title", "filename", "sha256", "id"]
    exclude = ["secret_sha256", "error_retryable"]
    date_hierarchy = "uploaded_at"
    list_select_related = ["owner"]
    actions = ["delete_for_good"]

    @admin.action(description="Delete for good", permissions=["deletion"])
    def delete_for_good(
        self, request: HttpRequest, chosen: QuerySet[Video]
    ) -> HttpResponseBase | None:
        if "confirmed" not in request.POST:
            context = {**self.admin_site.each_context(request), "title": "Delete for good?"}
            context |= {"opts": self.model._meta, "chosen": chosen}
            return TemplateResponse(request, "admin/videos/video/delete_for_good.html", context)
        numbers = list(chosen.values_list("pk", flat=True))
        for number in numbers:
            self._note_deletion(request, number)
        delete_for(viewer(request), numbers)
        self.message_user(request, f"{len(numbers)} deleted.")
        return None

    def _note_deletion(self, request: HttpRequest, number: uuid.UUID) -> None:
        kind = ContentType.objects.get_for_model(Video)
        LogEntry.objects.create(
            user_id=request.user.pk or 0,
            content_type=kind,
            object_id=str(number),
            object_repr=str(number),
            action_flag=DELETION,
        )

    def has_deletion_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("videos.delete_video")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("videos.change_video")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        names = [field.name for field in Video._meta.fields if field.name not in self.exclude]
        return ["picture", *(name for name in names if name not in BY_HAND)]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return [*BY_HAND, *self.get_readonly_fields(request, obj)]

    def view_on_site(self, obj: Video) -> str:
        return video_page(obj)

    @admin.display(description="name", ordering="filename")
    def name(self, video: Video) -> str:
        return video.name

    @admin.display(description="picture")
    def picture(self, video: Video) -> SafeString | str:
        url = thumbnail_url(video)
        return format_html('<img class="thumb" src="{}" alt="">', url) if url else "–"

    @admin.display(description="duration", ordering="duration")
    def length(self, video: Video) -> str:
        if video.media_type == MediaType.IMAGE:
            return "image"
        if not video.duration:
            return "–"
        minutes, seconds = divmod(video.duration, 60)
        return f"{int(minutes)}:{seconds:04.1f}"


@admin.register(Analysis)
class AnalysisAdmin(ReadOnlyAdmin):
    list_display = ["video", "state", "step", "share", "attempts", "worker", "created_at"]
    list_filter = ["state", "error_code", "created_at"]
    search_fields = ["video__title", "video__filename", "video__id", "error_code"]
    list_select_related = ["video"]
    actions = ["analyse_again"]

    @admin.display(description="progress", ordering="progress")
    def share(self, analysis: Analysis) -> str:
        return f"{analysis.progress:.0%}"

    @admin.action(description="Analyse the failed ones again", permissions=["analyse"])
    def analyse_again(self, request: HttpRequest, chosen: QuerySet[Analysis]) -> None:
        begun = [retry(analysis) for analysis in chosen.filter(state=State.FAILED)]
        self.message_user(request, f"{len(begun)} queued again.")

    def has_analyse_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("videos.change_analysis")


@admin.register(FrameInfo)
class FrameInfoAdmin(ReadOnlyAdmin):
    list_display = ["video", "frame_number", "timestamp", "is_keyframe"]
    list_filter = ["is_keyframe"]
    search_fields = ["video__title", "video__filename", "video__id"]
    list_select_related = ["video"]
    show_full_result_count = False


@admin.register(SceneCuts)
class SceneCutsAdmin(ReadOnlyAdmin):
    list_display = ["video", "count", "updated_at"]
    search_fields = ["video__title", "video__filename", "video__id"]
    list_select_related = ["video"]

    @admin.display(description="cuts")
    def count(self, cuts: SceneCuts) -> int:
        return len(cuts.timestamps)


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    list_display = ["video", "entrance", "declared_name", "created_at"]
    list_filter = ["entrance", "created_at"]
    search_fields = ["declared_name", "origin", "video__id"]
    list_select_related = ["video"]


@admin.register(UrlImport)
class UrlImportAdmin(ReadOnlyAdmin):
    list_display = ["id", "owner", "state", "error_code", "received", "attempts", "created_at"]
    list_filter = ["state", "error_code", "created_at"]
    search_fields = ["url", "id", "video_id", "owner__username"]
    list_select_related = ["owner"]


@admin.register(Search)
class SearchAdmin(ReadOnlyAdmin):
    list_display = ["filename", "owner", "state", "error_code", "attempts", "created_at"]
    list_filter = ["state", "error_code", "created_at"]
    search_fields = ["filename", "id", "owner__username"]
    list_select_related = ["owner"]
    exclude = ["answer"]
