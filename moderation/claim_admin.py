"""Claims in the admin: to look at, with a button for each move that is the looker's to make."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timeuntil

from moderation import notices
from moderation.claim_verbs import Said, act, claims_on, visible_claims
from moderation.errors import changed
from moderation.models import Claim, Notice
from moderation.reading import whole
from moderation.roles import moderator
from moderation.statement import OF_UPLOADER, claim_json, video_name
from moderation.states import STANDING
from videos.admin import ReadOnlyAdmin
from videos.errors import Refusal
from videos.models import Video
from videos.requests import viewer
from videos.serializers import video_page


class StandingFilter(admin.SimpleListFilter):
    """Without a choice what stands."""

    title = "standing"
    parameter_name = "which"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("answer", "Waiting for an answer"), ("over", "Over"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        first, *rest = super().choices(changelist)
        yield {**first, "display": "Standing"}
        yield from rest

    def queryset(self, request: HttpRequest, queryset: QuerySet[Claim]) -> QuerySet[Claim]:
        narrowed = {
            "answer": Q(state__in=["disputed", "appealed"]),
            "over": ~Q(state__in=STANDING),
            "all": Q(),
        }
        return queryset.filter(narrowed.get(self.value() or "", Q(state__in=STANDING)))


class ClaimAdmin(ReadOnlyAdmin):
    """The rows move by `moderation.claim_verbs` alone."""

    list_display = ["number", "copy", "holder", "policy", "state_words", "clock", "opened_at"]
    list_filter = [StandingFilter, "state", "policy", "holder", "opened_at"]
    search_fields = ["query_id", "reference_id", "holder__name"]
    list_select_related = ["holder", "flag__link__query"]
    list_per_page = 50
    show_full_result_count = False
    change_form_template = "admin/moderation/claim/claim.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Claim]:
        try:
            moderator(request.user)
        except Refusal:
            # An admin who looks after the site sees all without answering anything.
            return super().get_queryset(request)
        return visible_claims(viewer(request))

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<int:claim_id>/act/",
            self.admin_site.admin_view(self.act),
            name="moderation_claim_act",
        )
        return [own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        rows = self.get_queryset(request).select_related("holder", "decision", "flag")
        number = whole(object_id)
        claim = rows.filter(pk=number).first() if number is not None else None
        told: dict[str, Any] = {}
        if claim is not None:
            shown = claim_json(claim, viewer(request))
            told = {
                "title": f"Claim {claim.pk} of {claim.holder}: {claim.get_state_display().lower()}",
                "subtitle": None,
                "claim": shown,
                "forms": [each for each in shown["choices"] if each["verb"] not in OF_UPLOADER],
                "video_name": video_name(claim),
                "video_page": self._page(claim),
                "flag_id": claim.flag_id,
                "others": self._others(request, claim),
            }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **told})

    def act(self, request: HttpRequest, claim_id: int) -> HttpResponse:
        """POST `verb`, `version`, `reason`, `note`, a document a line, and `policy`."""
        told = request.POST
        back = HttpResponseRedirect(reverse("admin:moderation_claim_change", args=[claim_id]))
        if request.method != "POST":
            return back
        version = whole(told.get("version", ""))
        documents = [line.strip() for line in told.get("documents", "").splitlines()]
        said = Said(
            told.get("reason", ""),
            told.get("note", ""),
            [line for line in documents if line],
            told.get("policy", ""),
        )
        try:
            if version is None:
                raise changed("claim")
            claim = act(viewer(request), claim_id, version, told.get("verb", ""), said)
        except Refusal as refusal:
            self.message_user(request, refusal.message, messages.ERROR)
        else:
            words = claim.get_state_display().lower()
            self.message_user(request, f"The claim is {words} now.", messages.SUCCESS)
        return back

    def _others(self, request: HttpRequest, claim: Claim) -> list[Claim]:
        video = Video.objects.filter(pk=claim.query_id).first()
        found = claims_on(viewer(request), video) if video is not None else []
        return [other for other in found if other.pk != claim.pk]

    def _page(self, claim: Claim) -> str:
        video = Video.objects.filter(pk=claim.query_id).first()
        return video_page(video) if video is not None else ""

    @admin.display(description="claim", ordering="pk")
    def number(self, claim: Claim) -> str:
        return str(claim.pk)

    @admin.display(description="on")
    def copy(self, claim: Claim) -> SafeString | str:
        link = claim.flag.link
        if link is None or link.query_id != claim.query_id:
            return str(claim.query_id)
        return format_html('<a href="{}"><bdi>{}</bdi></a>', video_page(link.query), link.query)

    @admin.display(description="state", ordering="state")
    def state_words(self, claim: Claim) -> str:
        return claim.get_state_display()

    @admin.display(description="moves by itself", ordering="until")
    def clock(self, claim: Claim) -> str:
        if claim.until is None:
            return "–"
        if claim.until < timezone.now():
            return "any moment"
        return f"in {timeuntil(claim.until, depth=1)}"


class NoticeAdmin(ReadOnlyAdmin):
    """The outbox: what was told to whom, and what could not be."""

    list_display = ["claim", "event", "audience", "way", "state", "attempts", "error", "created_at"]
    list_filter = ["state", "audience", "way", "created_at"]
    list_select_related = ["claim__holder", "event"]
    show_full_result_count = False
    actions = ["send_again"]

    @admin.action(description="Send again what was given up", permissions=["sending"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[Notice]) -> None:
        given_up = chosen.filter(state=Notice.State.GIVEN_UP)
        numbers = list(given_up.values_list("pk", flat=True))
        # The days of trying begin anew.
        Notice.objects.filter(pk__in=numbers).update(
            state=Notice.State.WAITING, created_at=Now(), due_at=Now(), attempts=0
        )
        for number in numbers:
            notices.wake(number)
        self.message_user(request, f"{len(numbers)} will be sent again.")

    def has_sending_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("moderation.change_notice")
