"""What people do with claims: who may is in the table, and nobody does it in their own matter.

Each verb is one transaction: it locks the claim, checks the version that was seen and appends one
event, with what they wrote and the documents they named.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from moderation.claims import turn
from moderation.errors import (
    bad_documents,
    bad_reason,
    changed,
    decided_before,
    no_such_claim,
    not_yours_to_move,
    note_needed,
    own_video,
    time_over,
    wrong_state,
)
from moderation.ledger import now
from moderation.models import Claim, Decision, Event, Policy
from moderation.queues import visible_to
from moderation.reading import check_note
from moderation.reasons import (
    Activated,
    CourtAction,
    Disputed,
    Kept,
    Noticed,
    Released,
    Withdrawn,
)
from moderation.roles import Actor, moderator, own_videos
from moderation.states import Machine, Needs, NotAllowed, Who, allowed, row
from videos.access.visibility import Viewer, owns
from videos.errors import Refusal
from videos.models import Video

REASONS: Final[dict[str, Any]] = {
    "activate": Activated,
    "dispute": Disputed,
    "release": Released,
    "reinstate": Kept,
    "appeal": Disputed,
    "uphold": Kept,
    "take_down": Noticed,
    "counter": Noticed,
    "hold": CourtAction,
    "withdraw": Withdrawn,
}
# What a potential claim may become.
EFFECTS: Final = (Policy.TRACK, Policy.MONETISE, Policy.BLOCK)
# An uploader says why in words of their own, though the table asks for a reason only.
_IN_WORDS: Final = ("dispute", "appeal")
MOST_DOCUMENTS: Final = 20
LONGEST_DOCUMENT: Final = 500


@dataclass(frozen=True)
class Said:
    """Why, in words, and documents by address or number; `policy` is what a claim is to become."""

    reason: str
    note: str = ""
    documents: Sequence[str] = ()
    policy: str = ""


def act(viewer: Viewer, claim_id: int, version: int, name: str, said: Said) -> Claim:
    """Make the move `name` as whoever of the parties the viewer is; raises Refusal."""
    with transaction.atomic():
        claim = _locked(viewer, claim_id)
        actor = permit(viewer, claim, name)
        if claim.version != version:
            raise changed("claim")
        # Else an answer that came too late would count wherever the look is behind.
        if claim.until is not None and claim.until <= now():
            raise time_over()
        _check(claim, name, said)
        facts: dict[str, Any] = {"documents": list(said.documents)} if said.documents else {}
        if name == "activate" and claim.policy == Policy.REVIEW:
            claim.policy = said.policy or Policy.TRACK
            facts["policy"] = claim.policy
        turn(claim, name, actor, said.reason, said.note.strip(), facts)
    return claim


def visible_claims(viewer: Viewer) -> QuerySet[Claim]:
    """Claims of the viewer's holders, of the flags they may review, and on their own videos.

    An uploader learns of one when it takes effect, and is not told of what never did. What a secret
    shows is not among them: it is for one video, see `claims_on`.
    """
    user = viewer.user
    uploaded = Q(query_id__in=list(viewer.session_uploads))
    seen = uploaded & _took_effect()
    if user.is_authenticated and user.is_active:
        own = Q(query_id__in=Video.objects.filter(owner_id=user.pk).values("pk"))
        seen |= own & _took_effect()
        seen |= Q(holder__members=user.pk)
        try:
            seen |= Q(flag__in=visible_to(moderator(user)))
        except Refusal:
            pass
    return Claim.objects.filter(pk__in=Claim.objects.filter(seen).values("pk")).order_by("-pk")


def claims_on(viewer: Viewer, video: Video) -> list[Claim]:
    """Claims on the video that are the viewer's to know of, the newest first."""
    rows = Claim.objects.filter(query_id=video.pk).select_related("holder", "decision", "flag")
    if owns(viewer, video):
        return list(rows.filter(_took_effect()).order_by("-pk"))
    return list(rows.filter(pk__in=visible_claims(viewer).values("pk")).order_by("-pk"))


def _took_effect() -> Q:
    turns = Event.objects.filter(machine="claim", subject_id=OuterRef("pk"), after="active")
    return Q(Exists(turns))


def _locked(viewer: Viewer, claim_id: int) -> Claim:
    rows = Claim.objects.select_for_update(of=("self",)).select_related("holder", "decision")
    claim = rows.filter(pk=claim_id).first()
    if claim is None or not may_know(viewer, claim):
        raise no_such_claim()
    return claim


def may_know(viewer: Viewer, claim: Claim) -> bool:
    if visible_claims(viewer).filter(pk=claim.pk).exists():
        return True
    effective = Claim.objects.filter(_took_effect(), pk=claim.pk)
    return _uploaded(viewer, claim) and effective.exists()


def permit(viewer: Viewer, claim: Claim, name: str) -> Actor:
    """The party as which the viewer may make the move; raises Refusal, the nearest to a yes."""
    try:
        wanted = row(Machine.CLAIM, claim.state, name)
    except NotAllowed:
        raise wrong_state(claim.state, name, "claim") from None
    refused = not_yours_to_move(name, "claim")
    for who in wanted.who:
        asked = _PARTIES.get(who)
        try:
            actor = asked(viewer, claim) if asked is not None else None
        except Refusal as refusal:
            refused = refusal
            continue
        if actor is not None:
            return actor
    raise refused


def choices(viewer: Viewer, claim: Claim) -> list[str]:
    """The moves that are the viewer's now."""
    theirs = []
    for name in allowed(Machine.CLAIM, claim.state):
        try:
            permit(viewer, claim, name)
        except Refusal:
            continue
        theirs.append(name)
    return theirs


def needs_words(claim: Claim, name: str) -> bool:
    """Whether a move asks for a text, not for a reason alone."""
    return name in _IN_WORDS or Needs.NOTE in row(Machine.CLAIM, claim.state, name).needs


def _check(claim: Claim, name: str, said: Said) -> None:
    if said.reason not in REASONS[name].values:
        raise bad_reason(said.reason)
    if needs_words(claim, name) and not said.note.strip():
        raise note_needed()
    check_note(said.note)
    if said.policy and said.policy not in EFFECTS:
        raise bad_reason(said.policy)
    bad = (len(each) > LONGEST_DOCUMENT or "\x00" in each for each in said.documents)
    if len(said.documents) > MOST_DOCUMENTS or any(bad):
        raise bad_documents()


def _uploaded(viewer: Viewer, claim: Claim) -> bool:
    video = Video.objects.filter(pk=claim.query_id).first()
    return video is not None and owns(viewer, video)


def _uploader(viewer: Viewer, claim: Claim) -> Actor | None:
    if not _uploaded(viewer, claim):
        return None
    # Whoever uploaded without an account has no name that we know.
    known = viewer.user if viewer.user.is_authenticated else None
    name = known.get_username() if known is not None else ""
    return Actor(Event.Actor.UPLOADER, known.pk if known is not None else None, name)


def _claimant(viewer: Viewer, claim: Claim) -> Actor | None:
    user = viewer.user
    if not isinstance(user, User) or not user.is_active:
        return None
    if not claim.holder.members.filter(pk=user.pk).exists():
        return None
    if _uploaded(viewer, claim):
        raise own_video()
    return Actor(Event.Actor.CLAIMANT, user.pk, user.get_username())


def _moderator(viewer: Viewer, claim: Claim) -> Actor | None:
    try:
        actor = moderator(viewer.user)
    except Refusal:
        return None
    acts_for = claim.holder.members.filter(pk=actor.person).exists()
    theirs = own_videos(actor.person, [claim.query_id, claim.reference_id]).exists()
    if acts_for or theirs or _uploaded(viewer, claim):
        raise own_video()
    return actor


def _other_lead(viewer: Viewer, claim: Claim) -> Actor | None:
    actor = _moderator(viewer, claim)
    if actor is None or not actor.is_lead:
        return None
    before = Decision.objects.filter(flag=claim.flag_id, moderator_id=actor.person).exists()
    turns = Event.objects.filter(machine="claim", subject_id=claim.pk, actor_id=actor.person)
    if before or turns.exists():
        raise decided_before()
    return actor


_PARTIES: Final[dict[Who, Callable[[Viewer, Claim], Actor | None]]] = {
    Who.UPLOADER: _uploader,
    Who.CLAIMANT: _claimant,
    Who.MODERATOR: _moderator,
    Who.OTHER_LEAD: _other_lead,
}
