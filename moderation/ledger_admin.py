"""Decisions with the evidence they were made on, and events, in the admin: to read."""

import base64
import hashlib
import json
import uuid
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from moderation.audit import decisions_for, events_for
from moderation.models import Decision, Event, Flag, FrozenPicture
from moderation.reasons import words_of
from videos.admin import ReadOnlyAdmin
from videos.templatetags.words import clock


def _listing(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and str(match.url_name).endswith("_changelist")


def review_link(flag_id: int | None, words: str) -> SafeString:
    """To the review page of a flag; "–" for none."""
    if flag_id is None:
        return format_html("–")
    page = reverse("admin:moderation_flag_review", args=[flag_id])
    return format_html('<a href="{}">{}</a>', page, words)


class AboutFilter(admin.ChoicesFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "what it is about"


class WhoFilter(admin.ChoicesFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "who it was"


class WhenFilter(admin.DateFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "day"


class DecisionAdmin(ReadOnlyAdmin):
    list_display = ["at", "verdict", "reason_words", "moderator_name", "about", "in_bulk"]
    list_filter = ["verdict", "move", "policy", ("at", WhenFilter)]
    search_fields = ["moderator_name", "reason", "note", "evidence_sha256"]
    list_select_related = ["flag__link__query", "flag__link__reference"]
    show_full_result_count = False
    ordering = ["-pk"]
    fields = [
        *("about", "verdict", "reason_words", "note", "moderator_name", "at", "move", "in_bulk"),
        *("policy", "policy_version", "matched", "pictures", "evidence_text", "hashed"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Decision]:
        return decisions_for(request.user, listed=_listing(request)).order_by("-pk")

    @admin.display(description="flag")
    def about(self, decision: Decision) -> SafeString:
        return review_link(decision.flag_id, flag_name(decision.flag))

    @admin.display(description="reason", ordering="reason")
    def reason_words(self, decision: Decision) -> str:
        return words_of(decision.reason)

    @admin.display(description="in bulk")
    def in_bulk(self, decision: Decision) -> str:
        return "–" if decision.bulk_id is None else "yes"

    @admin.display(description="segments")
    def matched(self, decision: Decision) -> SafeString:
        return format_html_join(
            "", "{}–{} as {}–{}<br>", (map(clock, part) for part in decision.segments)
        )

    @admin.display(description="pictures")
    def pictures(self, decision: Decision) -> SafeString:
        """Those that were frozen; they go with their video."""
        named = json.loads(decision.evidence).get("pictures", [])
        kept = list(decision.pictures.order_by("pk"))
        pairs = sorted(kept, key=lambda picture: _place(picture, kept))
        rows = [_figure(picture, decision.video_ids) for picture in pairs]
        gone = len(named) - len(kept)
        words = f"{gone} went with their video." if gone else "" if kept else "None was frozen."
        figures = format_html_join("", "{}", ((row,) for row in rows))
        return format_html('<div class="frozen-pictures">{}</div>{}', figures, words)

    @admin.display(description="evidence")
    def evidence_text(self, decision: Decision) -> SafeString:
        text = json.dumps(json.loads(decision.evidence), indent=1, ensure_ascii=False)
        return format_html(
            "<details><summary>As it was on the screen</summary><pre>{}</pre></details>", text
        )

    @admin.display(description="SHA-256")
    def hashed(self, decision: Decision) -> SafeString:
        right = hashlib.sha256(decision.evidence.encode()).hexdigest() == decision.evidence_sha256
        words = "the evidence adds up to it" if right else "the evidence does NOT add up to it"
        return format_html("<code>{}</code><br>{}", decision.evidence_sha256, words)


def _place(picture: FrozenPicture, kept: list[FrozenPicture]) -> tuple[int, int]:
    """The pictures of a pair beside each other: they were kept side by side in the same order."""
    side = [each.pk for each in kept if each.video_id == picture.video_id]
    return side.index(picture.pk), picture.pk


def _figure(picture: FrozenPicture, pair: list[uuid.UUID]) -> SafeString:
    side = "query" if picture.video_id == pair[0] else "reference"
    words = f"{side} at {clock(picture.second)}"
    data = f"data:image/jpeg;base64,{base64.b64encode(bytes(picture.jpeg)).decode()}"
    figure = '<figure><img src="{}" alt="{}"><figcaption>{}</figcaption></figure>'
    return format_html(figure, data, words, words)


def flag_name(flag: Flag) -> str:
    """The two videos of a flag in words, as far as they are there."""
    if flag.link is None:
        return f"flag {flag.pk}"
    return f"{flag.link.query.name} copies {flag.link.reference.name}"


class EventAdmin(ReadOnlyAdmin):
    list_display = ["at", "subject", "move_words", "by", "reason_words", "note_begins"]
    list_filter = [("machine", AboutFilter), ("actor_kind", WhoFilter), ("at", WhenFilter)]
    search_fields = ["actor_name", "reason", "note", "=subject_id"]
    search_help_text = "A name, words of a note, or the number of a flag"
    show_full_result_count = False
    ordering = ["-pk"]
    fields = [
        *("at", "subject", "sequence", "move_words", "by", "actor_kind", "reason_words", "note"),
        *("decided", "rule_id", "policy_version", "evidence_sha256", "videos", "bulk_id"),
        "facts_text",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        return events_for(request.user).order_by("-pk")

    @admin.display(description="subject")
    def subject(self, event: Event) -> SafeString:
        words = f"{event.machine} {event.subject_id}"
        if event.machine == Event.Subject.FLAG:
            return review_link(event.subject_id, words)
        try:
            kind = {"rule": "allowrule", "holder": "rightsholder"}.get(event.machine, event.machine)
            page = reverse(f"admin:moderation_{kind}_change", args=[event.subject_id])
        except NoReverseMatch:
            return format_html("{}", words)
        return format_html('<a href="{}">{}</a>', page, words)

    @admin.display(description="move", ordering="move")
    def move_words(self, event: Event) -> str:
        words = event.move.replace("_", " ")
        if not event.after:
            return words
        return f"{words}: {event.before or '–'} → {event.after}".replace("_", " ")

    @admin.display(description="by", ordering="actor_name")
    def by(self, event: Event) -> str:
        return event.actor_name or "the system"

    @admin.display(description="reason", ordering="reason")
    def reason_words(self, event: Event) -> str:
        return words_of(event.reason)

    @admin.display(description="note")
    def note_begins(self, event: Event) -> str:
        return event.note if len(event.note) < 60 else event.note[:60] + "…"

    @admin.display(description="decision")
    def decided(self, event: Event) -> SafeString:
        if event.decision_id is None:
            return format_html("–")
        page = reverse("admin:moderation_decision_change", args=[event.decision_id])
        return format_html('<a href="{}">decision {}</a>', page, event.decision_id)

    @admin.display(description="videos")
    def videos(self, event: Event) -> SafeString:
        return format_html_join("", "{}<br>", ((str(each),) for each in event.video_ids))

    @admin.display(description="facts")
    def facts_text(self, event: Event) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(event.facts, indent=1, ensure_ascii=False))
