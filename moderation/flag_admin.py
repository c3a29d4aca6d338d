"""The queue in the admin: flags in their order, views of it that people keep, the review screen."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil
from django.views.decorators.http import require_POST

from matching.serializers import confidence_word
from moderation import saved_views
from moderation.asking import actor_of
from moderation.errors import no_moderator
from moderation.models import Flag, Preference
from moderation.queue_actions import QueueActions
from moderation.queue_filters import (
    AgeFilter,
    HeldFilter,
    KindFilter,
    ScoreFilter,
    WhichFilter,
    wanted_of,
)
from moderation.queues import ORDER, WAITING, counts, visible_to
from moderation.reasons import Confirmed, Dismissed, Reopened, Returned
from moderation.roles import Actor
from moderation.statistics_page import may_read_statistics, statistics_page


class FlagAdmin(QueueActions):
    """Decisions are made on the review screen, or for a selection with one reason."""

    list_display = ["pair", "confidence", "share", "kind_words", "policy_word", "due", "held"]
    list_filter = [
        *(WhichFilter, "policy", "holder"),
        *(ScoreFilter, KindFilter, AgeFilter, HeldFilter),
    ]
    search_fields = [
        *("link__query__title", "link__query__filename"),
        *("link__reference__title", "link__reference__filename"),
    ]
    list_select_related = ["link__query", "link__reference", "holder", "lease"]
    list_per_page = 50
    # Counting everything is as slow as the table is long, and nobody reads that number.
    show_full_result_count = False
    ordering = list(ORDER)
    change_list_template = "admin/moderation/flag/queue.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Flag]:
        actor = actor_of(request)
        # An admin who looks after the site sees the queue without deciding anything.
        return super().get_queryset(request) if actor is None else visible_to(actor)

    def get_urls(self) -> list[URLPattern]:
        def own(route: str, view: Any, name: str) -> URLPattern:
            return path(route, self.admin_site.admin_view(view), name=f"moderation_{name}")

        return [
            own("review/", self.review, "flag_next"),
            own("<int:flag_id>/review/", self.review, "flag_review"),
            own("views/", require_POST(self.keep_view), "flag_keep_view"),
            own("views/<int:view_id>/forget/", require_POST(self.forget_view), "flag_forget_view"),
            own("statistics/", self.statistics, "statistics"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        actor = actor_of(request)
        told: dict[str, Any] = {
            "title": "Flags",
            "can_review": actor is not None,
            "can_read_statistics": may_read_statistics(request.user),
            "views": saved_views.views_of(request.user, request.GET.urlencode()),
            "asked": saved_views.tidy(request.GET.urlencode()),
        }
        if actor is not None:
            waiting = counts(actor)
            told["counts"] = [
                {**waiting[state], "words": Flag.State(state).label.lower()}
                for state in WAITING
                if state in waiting
            ]
            filters = QueryDict(mutable=True)
            filters.update(wanted_of(request.GET))
            told["review_filters"] = filters.urlencode()
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
        kept = Preference.objects.filter(user_id=actor.person).first()
        told = {
            "flag": flag_id,
            "waits": flag_id is not None and _state_of(actor, flag_id) in WAITING,
            "decision": reverse("admin:moderation_decision_change", args=[0]),
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

    def keep_view(self, request: HttpRequest) -> HttpResponse:
        """Keep the filters of the list under a name, or give the name other filters."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        query = saved_views.keep(
            request.user, request.POST.get("name", ""), request.POST.get("query", "")
        )
        return HttpResponseRedirect(f"{reverse('admin:moderation_flag_changelist')}?{query}")

    def forget_view(self, request: HttpRequest, view_id: int) -> HttpResponse:
        if not saved_views.forget(request.user, view_id):
            raise Http404
        return HttpResponseRedirect(reverse("admin:moderation_flag_changelist"))

    def statistics(self, request: HttpRequest) -> HttpResponseBase:
        return statistics_page(request, self.admin_site)

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
    def due(self, flag: Flag) -> SafeString | str:
        state = flag.get_state_display().capitalize()
        if flag.due_at is None or flag.state not in WAITING:
            return state
        first = "" if flag.state == Flag.State.OPEN else f"{state}, "
        if flag.due_at < timezone.now():
            late = timesince(flag.due_at, depth=1)
            return format_html('{}<span class="late">overdue for {}</span>', first, late)
        return f"{first}in {timeuntil(flag.due_at, depth=1)}"

    @admin.display(description="held by")
    def held(self, flag: Flag) -> str:
        lease = getattr(flag, "lease", None)
        return lease.moderator_name if lease else "–"


def _moderator(request: HttpRequest) -> Actor:
    actor = actor_of(request)
    if actor is None:
        raise PermissionDenied(no_moderator().message)
    return actor


def _state_of(actor: Actor, flag_id: int) -> str:
    state = visible_to(actor).filter(pk=flag_id).values_list("state", flat=True).first()
    if state is None:
        raise Http404
    return state
