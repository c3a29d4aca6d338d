"""REST for moderators' own tools: the queue, taking and deciding flags. Each verb is one call."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.contrib.auth.models import User
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from moderation import decide, presence, review
from moderation.bulk import MOST_AT_ONCE, bulk
from moderation.case import case, event_json, flag_line, history
from moderation.decide import Because, Ticket
from moderation.errors import no_moderator, no_such_flag
from moderation.models import Decision, Flag, Lease, Preference
from moderation.queues import Wanted, counts, queue, visible_to
from moderation.reading import LONGEST_NOTE, whole
from moderation.roles import moderator
from moderation.rules import pair_of
from videos.errors import Refusal
from videos.problems import problem_body

PAGE: Final = 50
# Longer ago than anything was, and no time that the database cannot say.
MOST_HOURS: Final = 1_000_000
Verdict = Decision.Verdict


class WantedSerializer(serializers.Serializer[Any]):
    """Filters of a queue, see `queues.Wanted`."""

    state = serializers.ChoiceField(choices=["", *Flag.State.values], default=Flag.State.OPEN)
    policy = serializers.CharField(required=False, allow_blank=True, max_length=12)
    holder = serializers.IntegerField(required=False)
    kind = serializers.CharField(default="", allow_blank=True, max_length=24)
    least_score = serializers.FloatField(default=0.0, min_value=0, max_value=1)
    most_score = serializers.FloatField(default=1.0, min_value=0, max_value=1)
    older_than = serializers.FloatField(default=0.0, min_value=0, max_value=MOST_HOURS)
    overdue = serializers.BooleanField(default=False)
    held_by = serializers.IntegerField(required=False)
    after = serializers.IntegerField(required=False)


class VerdictSerializer(serializers.Serializer[Any]):
    """A verdict on a flag that one holds; `seen` is the SHA-256 of the evidence on the screen."""

    version = serializers.IntegerField(min_value=0)
    token = serializers.UUIDField()
    reason = serializers.CharField(default="", allow_blank=True, max_length=24)
    note = serializers.CharField(default="", allow_blank=True, max_length=LONGEST_NOTE)
    segments = serializers.ListField(child=serializers.IntegerField(min_value=0), default=list)
    seen = serializers.CharField(default="", allow_blank=True, max_length=64)
    remember = serializers.BooleanField(default=False)
    days = serializers.IntegerField(required=False, min_value=0, max_value=36_500)


class TokenSerializer(serializers.Serializer[Any]):
    token = serializers.UUIDField(required=False)


class ReopenSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(min_value=0)
    reason = serializers.CharField(max_length=24)
    note = serializers.CharField(default="", allow_blank=True, max_length=LONGEST_NOTE)


class DraftSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(default="", allow_blank=True, max_length=24)
    note = serializers.CharField(default="", allow_blank=True, max_length=LONGEST_NOTE)


class HandOverSerializer(serializers.Serializer[Any]):
    to = serializers.CharField(max_length=150)


class SelectedSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    version = serializers.IntegerField(min_value=0)


class BulkSerializer(serializers.Serializer[Any]):
    flags = serializers.ListField(
        child=SelectedSerializer(), allow_empty=False, max_length=MOST_AT_ONCE
    )
    verdict = serializers.ChoiceField(choices=[Verdict.DISMISSED, Verdict.CONFIRMED])
    reason = serializers.CharField(max_length=24)
    note = serializers.CharField(default="", allow_blank=True, max_length=LONGEST_NOTE)


class PreferenceSerializer(serializers.Serializer[Any]):
    blur = serializers.BooleanField()
    keys = serializers.BooleanField()


class PreferencesView(APIView):
    """PUT how you want the review screen."""

    def put(self, request: Request) -> Response:
        actor = moderator(request.user)
        told = _valid(PreferenceSerializer, request)
        Preference.objects.update_or_create(user_id=actor.id or 0, defaults=told)
        return Response(told)


class CountsView(APIView):
    """GET how many flags wait, by state, how many are overdue and since when."""

    def get(self, request: Request) -> Response:
        return Response(counts(moderator(request.user)))


class QueueView(APIView):
    """GET a page of a queue in its order; `after` is the id of the last flag of the page before."""

    def get(self, request: Request) -> Response:
        actor = moderator(request.user)
        rows = queue(actor, _wanted(request.query_params))
        rows = rows.select_related("lease", "holder", "link__query", "link__reference")
        found = list(rows[: PAGE + 1])
        after = found[PAGE - 1].pk if len(found) > PAGE else None
        return Response({"flags": [flag_line(row) for row in found[:PAGE]], "after": after})


class NextView(APIView):
    """POST filters: take the first free flag of that queue, `after` another; 204 for none."""

    def post(self, request: Request) -> Response:
        hold = review.take_next(request.user, _wanted(request.data))
        if hold is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return _case(request, hold.flag.pk)


class FlagView(APIView):
    """GET a flag with everything that a decision needs. It tells others that you look at it."""

    def get(self, request: Request, flag_id: int) -> Response:
        return _case(request, flag_id)


class HistoryView(APIView):
    """GET the events of a flag, the newest first; `before` is the sequence to go on from."""

    def get(self, request: Request, flag_id: int) -> Response:
        rows = history(_visible(request, flag_id))
        before = whole(request.query_params.get("before", ""))
        if before is not None:
            rows = rows.filter(sequence__lt=before)
        return Response({"events": [event_json(row) for row in rows[:PAGE]]})


class TakeView(APIView):
    """POST to hold the flag; 409 with holder and expiry where somebody else does."""

    def post(self, request: Request, flag_id: int) -> Response:
        with _telling(flag_id):
            review.take(request.user, flag_id)
        return _case(request, flag_id)


class RenewView(APIView):
    """POST the token to hold on; it answers with the new expiry and who else is looking."""

    def post(self, request: Request, flag_id: int) -> Response:
        told = _valid(TokenSerializer, request)
        actor = moderator(request.user)
        presence.seen(actor, _visible(request, flag_id).pk)
        with _telling(flag_id):
            expires_at = review.renew(request.user, flag_id, told.get("token") or uuid.UUID(int=0))
        looking = presence.others_at(flag_id, actor.id)
        return Response({"expires_at": expires_at.isoformat(), "looking": looking})


class ReleaseView(APIView):
    """POST the token to give the flag back; a lead needs none."""

    def post(self, request: Request, flag_id: int) -> Response:
        told = _valid(TokenSerializer, request)
        with _telling(flag_id):
            review.release(request.user, flag_id, told.get("token"))
        presence.left(moderator(request.user), flag_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class HandOverView(APIView):
    """POST {"to": user name}: a lead gives a held flag to another moderator."""

    def post(self, request: Request, flag_id: int) -> Response:
        name = _valid(HandOverSerializer, request)["to"]
        receiver = User.objects.filter(username=name, is_active=True).first()
        if receiver is None:
            raise no_moderator()
        with _telling(flag_id):
            hold = review.hand_over(request.user, flag_id, receiver)
        return Response({"holder": name, "expires_at": hold.expires_at.isoformat()})


class DraftView(APIView):
    """PUT what you have written so far; it needs no lease and outlives it."""

    def put(self, request: Request, flag_id: int) -> Response:
        told = _valid(DraftSerializer, request)
        draft = review.save_draft(request.user, flag_id, told["reason"], told["note"])
        return Response({"saved_at": draft.saved_at.isoformat()})


class VerdictView(APIView):
    """POST a verdict with the version you saw and your lease's token; `verb` says which."""

    def post(self, request: Request, flag_id: int, verb: str) -> Response:
        told = _valid(VerdictSerializer, request)
        ticket = Ticket(flag_id, told["version"], told["token"])
        because = Because(told["reason"], told["note"], told["segments"], told["seen"])
        with _telling(flag_id):
            _VERDICTS[verb](request.user, ticket, because, told)
        return _line(request, flag_id)


class UndoView(APIView):
    """POST to take your own decision back, for a minute."""

    def post(self, request: Request, flag_id: int) -> Response:
        with _telling(flag_id):
            decide.undo(request.user, flag_id)
        return _line(request, flag_id)


class ReopenView(APIView):
    """POST version, reason and note: a lead puts a decided flag back into the queue."""

    def post(self, request: Request, flag_id: int) -> Response:
        told = _valid(ReopenSerializer, request)
        with _telling(flag_id):
            decide.reopen(request.user, flag_id, told["version"], told["reason"], told["note"])
        return _line(request, flag_id)


class BulkView(APIView):
    """POST flags with the versions you saw and one verdict: each is decided, or told why not."""

    def post(self, request: Request) -> Response:
        told = _valid(BulkSerializer, request)
        selection = {row["id"]: row["version"] for row in told["flags"]}
        done = bulk(request.user, selection, Verdict(told["verdict"]), told["reason"], told["note"])
        return Response(
            {
                "bulk": str(done.id),
                "done": [{"id": pk, "state": state} for pk, state in done.done.items()],
                "refused": [
                    {"id": pk} | problem_body(refusal) for pk, refusal in done.refused.items()
                ],
            }
        )


def _dismiss(user: Any, ticket: Ticket, because: Because, told: dict[str, Any]) -> object:
    rule = None
    if told["remember"]:
        flag = visible_to(moderator(user)).filter(pk=ticket.flag_id).first()
        if flag is None:
            raise no_such_flag()
        rule = pair_of(flag, days=told.get("days"))
    return decide.dismiss(user, ticket, because, rule)


def _answer(verdict: Decision.Verdict) -> "_Verb":
    return lambda user, ticket, because, _: decide.answer_escalation(user, ticket, because, verdict)


def _second(*, agrees: bool) -> "_Verb":
    return lambda user, ticket, because, _: decide.answer_second_review(
        user, ticket, because, agrees=agrees
    )


_Verb = Callable[[Any, Ticket, Because, dict[str, Any]], object]
_VERDICTS: Final[dict[str, _Verb]] = {
    "dismiss": _dismiss,
    "confirm": lambda user, ticket, because, _: decide.confirm(user, ticket, because),
    "escalate": lambda user, ticket, because, _: decide.escalate(user, ticket, because.note),
    "agree": _second(agrees=True),
    "disagree": _second(agrees=False),
    "answer-confirm": _answer(Verdict.CONFIRMED),
    "answer-dismiss": _answer(Verdict.DISMISSED),
    "send-back": _answer(Verdict.RETURNED),
}
VERBS: Final = tuple(_VERDICTS)


@contextmanager
def _telling(flag_id: int) -> Iterator[None]:
    """Every conflict names who holds the flag now and until when; nulls where nobody does."""
    try:
        yield
    except Refusal as refusal:
        if refusal.status == status.HTTP_409_CONFLICT:
            lease = Lease.objects.filter(flag_id=flag_id).first()
            refusal.details |= {
                "holder": lease.moderator_name if lease else None,
                "expires_at": lease.expires_at.isoformat() if lease else None,
            }
        raise


def _visible(request: Request, flag_id: int) -> Flag:
    rows = visible_to(moderator(request.user))
    flag = rows.select_related("lease", "holder", "link__query", "link__reference")
    found = flag.filter(pk=flag_id).first()
    if found is None:
        raise no_such_flag()
    return found


def _case(request: Request, flag_id: int) -> Response:
    flag, actor = _visible(request, flag_id), moderator(request.user)
    presence.seen(actor, flag_id)
    return Response(case(flag, actor))


def _line(request: Request, flag_id: int) -> Response:
    return Response(flag_line(_visible(request, flag_id)))


def _valid(kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    told = kind(data=request.data)
    told.is_valid(raise_exception=True)
    return dict(told.validated_data)


def _wanted(told: Any) -> Wanted:
    filters = WantedSerializer(data=told)
    filters.is_valid(raise_exception=True)
    return Wanted(**filters.validated_data)
