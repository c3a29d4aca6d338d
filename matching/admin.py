"""Links, segments and fingerprints in the admin: evidence, never edited."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from matching.models import (
    CutToken,
    DescriptorCalibration,
    DuplicateLink,
    FeatureVector,
    Fingerprint,
    Segment,
)
from matching.serializers import confidence_word
from matching.witnesses import evidence_url, transform_of, witnesses
from videos.admin import ReadOnlyAdmin
from videos.serializers import video_page

# Segments of a link whose evidence is drawn on its page.
SEGMENTS_DRAWN = 6


class SegmentInline(admin.TabularInline):
    model = Segment
    fields = ["q_start", "q_end", "r_start", "r_end", "speed", "mirrored", "matched_frames"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(DuplicateLink)
class DuplicateLinkAdmin(ReadOnlyAdmin):
    list_display = [
        *("__str__", "version", "confidence", "covered", "matched_frames", "kinds"),
        "created_at",
    ]
    list_filter = ["provisional", "version", "created_at"]
    search_fields = [
        *("query__title", "query__filename", "query__id"),
        *("reference__title", "reference__filename", "reference__id"),
    ]
    list_select_related = ["query", "reference"]
    inlines = [SegmentInline]
    readonly_fields = ["pages", "evidence"]

    @admin.display(description="confidence", ordering="score")
    def confidence(self, link: DuplicateLink) -> str:
        return f"{confidence_word(link.score)} {link.score:.0%}"

    @admin.display(description="covered", ordering="covered_query")
    def covered(self, link: DuplicateLink) -> str:
        return f"{link.covered_query:.0%} of query, {link.covered_reference:.0%} of reference"

    @admin.display(description="see it")
    def pages(self, link: DuplicateLink) -> SafeString:
        return format_html(
            '<a href="{}">query</a> · <a href="{}">reference</a>',
            video_page(link.query),
            video_page(link.reference),
        )

    @admin.display(description="matched points")
    def evidence(self, link: DuplicateLink) -> SafeString:
        segments = link.segments.select_related("link__query", "link__reference")
        return format_html_join("", "{}", ((_figure(each),) for each in segments[:SEGMENTS_DRAWN]))


def _figure(segment: Segment) -> SafeString:
    """The best frame pair of a segment with its points, and what was done to the picture."""
    held = witnesses(segment)
    if not held:
        return format_html("")
    told = transform_of(segment)
    words = [f"{len(held[0].points)} matched points"]
    words += ["colours inverted"] if segment.inverted else []
    words += told.words() if told else []
    if segment.motion is not None:
        words.append(f"motion agrees by {segment.motion:.2f}")
    url = evidence_url(segment, 0)
    return format_html(
        '<figure class="evidence"><a href="{}"><picture>'
        '<source media="(prefers-color-scheme: dark)" srcset="{}&amp;width=1280&amp;dark=1">'
        '<img src="{}&amp;width=1280" loading="lazy"'
        ' alt="Frames at {} s and {} s with lines between the points that agree"></picture></a>'
        "<figcaption>{} s of the query, {} s of the reference: {}</figcaption></figure>",
        *(url, url, url),
        *2 * (f"{held[0].query_time:.1f}", f"{held[0].reference_time:.1f}"),
        ", ".join(words),
    )


class WithoutBytes(ReadOnlyAdmin):
    """Packed columns are of no use to the eye."""

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        hidden = {"dense_times", "dense_hashes", "dense_quality", "box_hashes", "box_quality"}
        return [
            field.name
            for field in self.model._meta.fields
            if field.name not in hidden | {"hash", "colour", "id"}
        ]


@admin.register(Fingerprint)
class FingerprintAdmin(WithoutBytes):
    list_display = ["video", "version", "ready", "created_at"]
    list_filter = ["version", "ready"]
    search_fields = ["video__title", "video__filename", "video__id"]
    list_select_related = ["video"]


@admin.register(FeatureVector)
class FeatureVectorAdmin(WithoutBytes):
    list_display = ["video", "frame_number", "timestamp", "region", "quality", "version"]
    list_filter = ["version", "region"]
    search_fields = ["video__title", "video__filename", "video__id"]
    list_select_related = ["video"]
    show_full_result_count = False


@admin.register(DescriptorCalibration)
class DescriptorCalibrationAdmin(ReadOnlyAdmin):
    list_display = ["name", "version", "pictures", "families", "separation", "error", "measured_at"]


@admin.register(CutToken)
class CutTokenAdmin(ReadOnlyAdmin):
    list_display = ["video", "token", "time", "version"]
    search_fields = ["video__title", "video__filename", "video__id"]
    list_select_related = ["video"]
    show_full_result_count = False
