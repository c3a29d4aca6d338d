"""Flags in the admin, surest and largest first."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from matching.serializers import confidence_word
from moderation.models import Flag
from videos.admin import ReadOnlyAdmin
from videos.serializers import video_page


@admin.register(Flag)
class FlagAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "state", "confidence", "see", "created_at"]
    list_filter = ["state", "created_at"]
    search_fields = ["link__query__filename", "link__reference__filename"]
    list_select_related = ["link__query", "link__reference"]
    readonly_fields = ["see"]

    @admin.display(description="confidence", ordering="link__score")
    def confidence(self, flag: Flag) -> str:
        return f"{confidence_word(flag.link.score)} {flag.link.score:.0%}"

    @admin.display(description="evidence")
    def see(self, flag: Flag) -> SafeString:
        return format_html('<a href="{}">open the match</a>', video_page(flag.link.query))
