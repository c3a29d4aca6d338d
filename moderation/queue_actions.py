"""What can be done with a selection of the queue: each asks first, then goes flag by flag."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from moderation.asking import actor_of
from moderation.bulk import bulk
from moderation.decide import reopen
from moderation.models import Decision, Flag
from moderation.queues import ORDER
from moderation.reading import whole
from moderation.reasons import Confirmed, Dismissed, Reopened
from moderation.review import hand_over, release
from moderation.roles import moderator_names
from videos.admin import ReadOnlyAdmin
from videos.errors import Refusal

Verdict = Decision.Verdict
REASONS = {Verdict.DISMISSED: Dismissed, Verdict.CONFIRMED: Confirmed}


@dataclass(frozen=True)
class _Question:
    """What is asked about a selection before anything is done with it."""

    title: str
    explains: str
    label: str
    choices: Sequence[tuple[str, str]]
    button: str
    note: bool = True


class QueueActions(ReadOnlyAdmin):
    actions = [
        *("dismiss_selected", "confirm_selected"),
        *("hand_over_selected", "give_back_selected", "reopen_selected"),
    ]

    def has_review_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return actor_of(request) is not None

    def has_lead_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        actor = actor_of(request)
        return actor is not None and actor.is_lead

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

    @admin.action(description="Hand over…", permissions=["lead"])
    def hand_over_selected(
        self, request: HttpRequest, chosen: QuerySet[Flag]
    ) -> HttpResponseBase | None:
        question = _Question(
            "Who is to have these?",
            "Only what somebody holds can be handed over; drafts stay with who wrote them.",
            "To",
            [(name, name) for name in moderator_names()],
            "Hand over",
            note=False,
        )
        answer = self._ask(request, chosen, question)
        if not isinstance(answer, str):
            return answer
        receiver = User.objects.get(username=answer)
        words = f"handed to {answer}"
        self._each(request, chosen, words, lambda flag: hand_over(request.user, flag.pk, receiver))
        return None

    @admin.action(description="Give back to the queue", permissions=["lead"])
    def give_back_selected(self, request: HttpRequest, chosen: QuerySet[Flag]) -> None:
        self._each(request, chosen, "given back", lambda flag: release(request.user, flag.pk))

    @admin.action(description="Reopen…", permissions=["lead"])
    def reopen_selected(
        self, request: HttpRequest, chosen: QuerySet[Flag]
    ) -> HttpResponseBase | None:
        question = _Question(
            "Why are these opened again?",
            "They go back into the queue, and what followed from the decision is taken back. "
            "The decision stays on record.",
            "Reason",
            _capital(Reopened.choices),
            "Reopen",
        )
        reason = self._ask(request, chosen, question)
        if not isinstance(reason, str):
            return reason
        seen, note = _seen(request.POST.getlist("seen")), request.POST.get("note", "")

        def act(flag: Flag) -> None:
            reopen(request.user, flag.pk, seen.get(flag.pk, flag.version), reason, note)

        self._each(request, chosen, "back in the queue", act)
        return None

    def _decide(
        self, request: HttpRequest, chosen: QuerySet[Flag], verdict: Decision.Verdict
    ) -> HttpResponseBase | None:
        """Ask for the reason first; then each of them is decided on its own."""
        dismissing = verdict == Verdict.DISMISSED
        question = _Question(
            "Why are these dismissed?" if dismissing else "What are these?",
            "One reason for all of them; each gets a decision and a line of history of its own. "
            "What somebody else holds by then, or has changed, is left as it is.",
            "Reason",
            _capital(REASONS[verdict].choices),
            "Dismiss" if dismissing else "Confirm",
        )
        reason = self._ask(request, chosen, question)
        if not isinstance(reason, str):
            return reason
        seen = _seen(request.POST.getlist("seen"))
        selection = {flag.pk: seen.get(flag.pk, flag.version) for flag in chosen}
        try:
            done = bulk(request.user, selection, verdict, reason, request.POST.get("note", ""))
        except Refusal as refusal:
            self.message_user(request, refusal.message, messages.ERROR)
            return None
        self._say(request, f"{len(done.done)} decided.", len(done.done), done.refused.values())
        return None

    def _ask(
        self, request: HttpRequest, chosen: QuerySet[Flag], question: _Question
    ) -> str | HttpResponseBase:
        """The answer that was chosen, or the page that asks for it."""
        answer = request.POST.get("reason", "")
        if answer in dict(question.choices):
            return answer
        context = {**self.admin_site.each_context(request), "title": question.title}
        context |= {"opts": self.model._meta, "question": question}
        context["chosen"] = chosen.select_related("link__query", "link__reference").order_by(*ORDER)
        context["action"] = request.POST.get("action", "")
        return TemplateResponse(request, "admin/moderation/flag/decide_many.html", context)

    def _each(
        self,
        request: HttpRequest,
        chosen: QuerySet[Flag],
        done: str,
        act: Callable[[Flag], object],
    ) -> None:
        """Do it with each and say how many were done, and why others were not."""
        count, refused = 0, []
        for flag in list(chosen):
            try:
                act(flag)
                count += 1
            except Refusal as refusal:
                refused.append(refusal)
        self._say(request, f"{count} {done}.", count, refused)

    def _say(
        self, request: HttpRequest, words: str, count: int, refused: Iterable[Refusal]
    ) -> None:
        if count:
            self.message_user(request, words, messages.SUCCESS)
        why = [refusal.message for refusal in refused]
        for each in dict.fromkeys(why):
            words = f"{why.count(each)} left as they are: {each}"
            self.message_user(request, words, messages.WARNING)


def _capital(choices: Iterable[tuple[Any, Any]]) -> list[tuple[str, str]]:
    return [(str(value), str(label).capitalize()) for value, label in choices]


def _seen(pairs: Sequence[str]) -> dict[int, int]:
    """The versions that were on the screen, of words like "12:3"."""
    read = [pair.partition(":") for pair in pairs]
    numbers = ((whole(pk), whole(version)) for pk, _, version in read)
    return {pk: version for pk, version in numbers if pk is not None and version is not None}
