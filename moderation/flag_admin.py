"""The queue in the admin: flags in their order, one verdict on many, and the review screen."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil

from matching.serializers import confidence_word
from moderation.bulk import bulk
from moderation.models import Decision, Flag, Preference
from moderation.queues import ORDER, WAITING, counts, visible_to
from moderation.reasons import Confirmed, Dismissed, Reopened, Returned
from moderation.roles import moderator
from videos.admin import ReadOnlyAdmin
from videos.errors import Refusal

Verdict = Decision.Verdict
REASONS = {Verdict.DISMISSED: Dismissed, Verdict.CONFIRMED: Confirmed}
DAY = 24


class WhichFilter(admin.SimpleListFilter):
    """What of the queue; without a choice what waits for a first verdict."""

    title = "queue"
    parameter_name = "which"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("waiting", "All that waits"),
            ("mine", "Held by me"),
            ("overdue", "Overdue"),
            *((state.value, str(state.label).capitalize()) for state in Flag.State),
            ("all", "All"),
        ]

    def choices(self, changelist: Any) -> Any:
        first, *rest = super().choices(changelist)
        yield {**first, "display": "Open"}
        yield from (choice for choice in rest if choice["display"] != "Open")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flag]) -> QuerySet[Flag]:
        wanted = self.value() or Flag.State.OPEN
        narrowed = {
            "waiting": Q(state__in=WAITING),
            "mine": Q(lease__moderator_id=request.user.pk),
            "overdue": Q(state__in=WAITING, due_at__lt=Now()),
            "all": Q(),
        }
        return queryset.filter(narrowed.get(wanted, Q(state=wanted)))


class ScoreFilter(admin.SimpleListFilter):
    title = "confidence"
    parameter_name = "sure"
    BANDS = {"certain": (0.9, 1.01), "likely": (0.7, 0.9), "doubtful": (0.0, 0.7)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(word, word) for word in self.BANDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flag]) -> QuerySet[Flag]:
        band = self.BANDS.get(self.value() or "")
        return queryset.filter(score__gte=band[0], score__lt=band[1]) if band else queryset


class AgeFilter(admin.SimpleListFilter):
    title = "age"
    parameter_name = "age"
    HOURS = {"day": DAY, "week": 7 * DAY, "month": 30 * DAY}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(word, f"Older than a {word}") for word in self.HOURS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flag]) -> QuerySet[Flag]:
        hours = self.HOURS.get(self.value() or "")
        if hours is None:
            return queryset
        return queryset.filter(opened_at__lt=timezone.now() - timedelta(hours=hours))


class KindFilter(admin.SimpleListFilter):
    title = "kind of change"
    parameter_name = "kind"
    KINDS = ("mirrored", "inverted", "turned", "speed", "excerpt", "inserted", "reordered", "exact")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in self.KINDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flag]) -> QuerySet[Flag]:
        return queryset.filter(kinds__contains=[self.value()]) if self.value() else queryset


class FlagAdmin(ReadOnlyAdmin):
    """Decisions are made on the review screen, or for a selection with one reason."""

    list_display = ["pair", "confidence", "share", "kind_words", "policy_word", "due", "held"]
    list_filter = [WhichFilter, "policy", "holder", ScoreFilter, KindFilter, AgeFilter]
    search_fields = [
        *("link__query__title", "link__query__filename"),
        *("link__reference__title", "link__reference__filename"),
    ]
    list_select_related = ["link__query", "link__reference", "holder", "lease"]
    list_per_page = 50
    # Counting everything is as slow as the table is long, and nobody reads that number.
    show_full_result_count = False
    ordering = list(ORDER)
    actions = ["dismiss_selected", "confirm_selected"]
    change_list_template = "admin/moderation/flag/queue.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Flag]:
        try:
            return visible_to(moderator(request.user))
        except Refusal:
            # An admin who looks after the site sees the queue without deciding anything.
            return super().get_queryset(request)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("review/", self.admin_site.admin_view(self.review), name="moderation_flag_next"),
            path(
                "<int:flag_id>/review/",
                self.admin_site.admin_view(self.review),
                name="moderation_flag_review",
            ),
        ]
        return own + super().get_urls()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        told: dict[str, Any] = {"can_review": self.has_review_permission(request)}
        if told["can_review"]:
            waiting = counts(moderator(request.user))
            told["counts"] = [
                {**waiting[state], "words": Flag.State(state).label.lower()}
                for state in WAITING
                if state in waiting
            ]
        return super().changelist_view(request, {**(extra_context or {}), **told})

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """For moderators the screen where it is decided; for others all columns, to read."""
        if self.has_review_permission(request) and object_id.isdecimal():
            return HttpResponseRedirect(reverse("admin:moderation_flag_review", args=[object_id]))
        return super().change_view(request, object_id, *args, **kwargs)

    def review(self, request: HttpRequest, flag_id: int | None = None) -> HttpResponseBase:
        """The review screen, for one flag or for the queue from its beginning."""
        actor = _moderator(request)
        kept = Preference.objects.filter(user_id=actor.id).first()
        told = {
            "flag": flag_id,
            "undo_seconds": settings.TVIDZ.undo_seconds,
            "blur": kept.blur if kept else True,
            "keys": kept.keys if kept else True,
            "reasons": {
                value: str(label).capitalize()
                for reasons in (Dismissed, Confirmed, Returned, Reopened)
                for value, label in reasons.choices
            },
        }
        context = {**self.admin_site.each_context(request), "title": "Review", "review": told}
        return TemplateResponse(request, "admin/moderation/flag/review.html", context)

    @admin.action(description="Dismiss…", permissions=["review"])
    def dismiss_selected(
        self, request: HttpRequest, chosen: QuerySet[Flag]
    ) -> HttpResponseBase | None:
        return self._decide(request, chosen, Verdict.DISMISSED)

    @admin.action(description="Confirm…", permissions=["review"])
    def confirm_selected(
        self, request: HttpRequest, chosen: QuerySet[Flag]
    ) -> HttpResponseBase | None:
        return self._decide(request, chosen, Verdict.CONFIRMED)

    def has_review_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        try:
            moderator(request.user)
        except Refusal:
            return False
        return True

    def _decide(
        self, request: HttpRequest, chosen: QuerySet[Flag], verdict: Decision.Verdict
    ) -> HttpResponseBase | None:
        """Ask for the reason first; then each of them is decided on its own."""
        reason = request.POST.get("reason", "")
        if reason not in REASONS[verdict].values:
            context = {**self.admin_site.each_context(request), "title": _asks(verdict)}
            context |= {"opts": self.model._meta, "chosen": _with_names(chosen)}
            context |= {"verdict": verdict}
            context["reasons"] = [
                (value, str(label).capitalize()) for value, label in REASONS[verdict].choices
            ]
            context["action"] = request.POST.get("action", "")
            return TemplateResponse(request, "admin/moderation/flag/decide_many.html", context)
        seen = _seen(request.POST.getlist("seen"))
        selection = {flag.pk: seen.get(flag.pk, flag.version) for flag in chosen}
        try:
            done = bulk(request.user, selection, verdict, reason, request.POST.get("note", ""))
        except Refusal as refusal:
            self.message_user(request, refusal.message, messages.ERROR)
            return None
        if done.done:
            self.message_user(request, f"{len(done.done)} decided.", messages.SUCCESS)
        for why in {refusal.message for refusal in done.refused.values()}:
            count = sum(refusal.message == why for refusal in done.refused.values())
            self.message_user(request, f"{count} left as they are: {why}", messages.WARNING)
        return None

    @admin.display(description="match", ordering="place")
    def pair(self, flag: Flag) -> SafeString:
        if flag.link is None:
            return format_html("a pair whose match is gone")
        names = (flag.link.query.name, flag.link.reference.name)
        return format_html("<bdi>{}</bdi> copies <bdi>{}</bdi>", *names)

    @admin.display(description="confidence", ordering="score")
    def confidence(self, flag: Flag) -> str:
        return f"{confidence_word(flag.score)} {flag.score:.0%}"

    @admin.display(description="covered", ordering="covered")
    def share(self, flag: Flag) -> str:
        return f"{flag.covered:.0%}"

    @admin.display(description="kind")
    def kind_words(self, flag: Flag) -> str:
        return ", ".join(flag.kinds) or "as it was"

    @admin.display(description="policy", ordering="policy")
    def policy_word(self, flag: Flag) -> str:
        if not flag.policy:
            return "–"
        return f"{flag.policy} · {flag.holder}" if flag.holder else flag.policy

    @admin.display(description="due", ordering="due_at")
    def due(self, flag: Flag) -> str:
        if flag.due_at is None or flag.state not in WAITING:
            return f"{flag.get_state_display()}"
        if flag.due_at < timezone.now():
            return f"{timesince(flag.due_at, depth=1)} ago"
        return f"in {timeuntil(flag.due_at, depth=1)}"

    @admin.display(description="held by")
    def held(self, flag: Flag) -> str:
        lease = getattr(flag, "lease", None)
        return lease.moderator_name if lease else "–"


def _moderator(request: HttpRequest) -> Any:
    try:
        return moderator(request.user)
    except Refusal as refusal:
        raise PermissionDenied(refusal.message) from None


def _asks(verdict: Decision.Verdict) -> str:
    return "Why are these dismissed?" if verdict == Verdict.DISMISSED else "What are these?"


def _with_names(chosen: QuerySet[Flag]) -> QuerySet[Flag]:
    return chosen.select_related("link__query", "link__reference").order_by(*ORDER)


def _seen(pairs: Sequence[str]) -> dict[int, int]:
    """The versions that were on the screen, of words like "12:3"."""
    read = [pair.partition(":") for pair in pairs]
    return {
        int(pk): int(version) for pk, _, version in read if pk.isdecimal() and version.isdecimal()
    }
