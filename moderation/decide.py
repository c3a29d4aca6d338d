"""Deciding a flag that one holds: dismiss, confirm, escalate, answer; and taking that back.

Each verb is one transaction: it locks the flag, checks version and token, freezes the evidence with
a `Decision` and appends an event. What follows for uploader and rights holder are claims, opened
and withdrawn in the same transaction (`moderation.claims`).
"""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from moderation import claims, rules
from moderation.errors import (
    bad_reason,
    bad_segments,
    changed,
    evidence_changed,
    held,
    lease_lost,
    no_evidence,
    note_needed,
    too_late,
)
from moderation.evidence import Evidence, evidence_of, keep, pictures_of
from moderation.facts import due_hours, place, routing, trusted
from moderation.ledger import moved, now
from moderation.models import Decision, Draft, Flag, Lease
from moderation.policy import needs_second
from moderation.queues import WAITING
from moderation.reading import check_note
from moderation.reasons import BySystem, Confirmed, Dismissed, Reopened, Returned
from moderation.review import lease_of, locked
from moderation.roles import Actor, AnyUser, lead, moderator, permit
from moderation.rules import NewRule
from moderation.states import Machine, Needs, row

Verdict = Decision.Verdict
REASONS = {
    Verdict.DISMISSED: frozenset(Dismissed.values),
    Verdict.CONFIRMED: frozenset(Confirmed.values),
    Verdict.RETURNED: frozenset(Returned.values),
}
_chance = random.SystemRandom()


@dataclass(frozen=True)
class Ticket:
    """What a holder knows of the flag: the version they saw and the token of their lease."""

    flag_id: int
    version: int
    token: uuid.UUID


@dataclass(frozen=True)
class Because:
    """Why. `segments` are places in the evidence's list, none for all of it; `seen` is the SHA-256
    of the evidence that was shown, "" for no check."""

    reason: str
    note: str = ""
    segments: Sequence[int] = ()
    seen: str = ""


def dismiss(
    user: AnyUser, ticket: Ticket, because: Because, rule: NewRule | None = None
) -> Decision:
    """No copy, or an allowed one; with `rule` it is remembered as well."""
    actor = moderator(user)
    with transaction.atomic():
        flag = _held(actor, ticket, "dismiss")
        decision = _decide(actor, flag, "dismiss", Verdict.DISMISSED, because)
        if rule is not None:
            made = rules.write(actor, rule, because.reason, because.note, decision)
    if rule is not None:
        rules.apply(made)
    return decision


def confirm(user: AnyUser, ticket: Ticket, because: Because) -> Decision:
    """A copy. Where a second person is asked the flag goes to second review; its state says so."""
    actor = moderator(user)
    with transaction.atomic():
        # A lead answers what was escalated by `answer_escalation`; that is a second look already.
        flag = _held(actor, ticket, "propose")
        why = routed(flag, bulk=False)
        if why is None:
            return _decide(actor, flag, "confirm", Verdict.CONFIRMED, because)
        return _decide(
            actor,
            flag,
            "propose",
            Verdict.CONFIRMED,
            because,
            facts={"second_review": why},
            proposer_id=actor.id,
        )


def routed(flag: Flag, *, bulk: bool) -> str | None:
    """Why a confirmation of the flag needs a second person, or None."""
    return needs_second(
        routing(),
        flag.policy,
        bulk=bulk,
        trusted=trusted(flag.query_id),
        draw=_chance.random(),
    )


def escalate(user: AnyUser, ticket: Ticket, note: str) -> None:
    """Leave it to a lead, who is told why."""
    actor = moderator(user)
    if not note.strip():
        raise note_needed()
    check_note(note)
    with transaction.atomic():
        flag = _held(actor, ticket, "escalate")
        _let_go(flag, actor)
        moved(flag, "escalate", actor, note=note)


def answer_second_review(
    user: AnyUser, ticket: Ticket, because: Because, *, agrees: bool
) -> Decision:
    """Another moderator confirms the proposal or gives the flag back to the queue."""
    actor = moderator(user)
    name, verdict = ("agree", Verdict.CONFIRMED) if agrees else ("disagree", Verdict.RETURNED)
    with transaction.atomic():
        flag = _held(actor, ticket, name)
        if agrees and not because.segments:
            because = replace(because, segments=proposed(flag))
        again = {} if agrees else _due_anew(flag)
        return _decide(actor, flag, name, verdict, because, **again)


def proposed(flag: Flag) -> list[int]:
    """Places in the evidence of what was proposed of a flag that waits for a second review.

    Raises the Refusal EVIDENCE_CHANGED where that is not all there any more.
    """
    proposal = flag.decisions.order_by("-pk").first()
    wanted = [list(part) for part in proposal.segments] if proposal is not None else []
    there = evidence_of([flag])[flag.pk].segments
    if any(part not in there for part in wanted):
        raise evidence_changed()
    return [place for place, part in enumerate(there) if part in wanted]


def answer_escalation(
    user: AnyUser, ticket: Ticket, because: Because, verdict: Decision.Verdict
) -> Decision:
    """A lead decides what was escalated, or gives it back to the queue."""
    actor = lead(user)
    names = {
        Verdict.CONFIRMED: "confirm",
        Verdict.DISMISSED: "dismiss",
        Verdict.RETURNED: "send_back",
    }
    with transaction.atomic():
        # `send_back` is a move of escalated flags alone.
        flag = _held(actor, ticket, "send_back")
        again = _due_anew(flag) if verdict == Verdict.RETURNED else {}
        return _decide(actor, flag, names[verdict], verdict, because, **again)


def undo(user: AnyUser, flag_id: int) -> None:
    """Take one's own decision back, for TVIDZ_UNDO_SECONDS; its effects go, its record stays."""
    actor = moderator(user)
    with transaction.atomic():
        flag = locked(actor, flag_id)
        last = flag.decisions.order_by("-pk").first()
        permit(actor, flag, "undo", author=last.moderator_id if last else None)
        lease = lease_of(flag)
        if lease is not None:
            raise held(lease.moderator_name, lease.expires_at)
        seconds = settings.TVIDZ.undo_seconds
        if last is None or now() - last.at > timedelta(seconds=seconds):
            raise too_late(seconds)
        _reverse(flag, last, actor)
        moved(flag, "undo", actor, facts={"decision": last.pk})
        if last.verdict == Verdict.DISMISSED:
            claims.bring_back(flag, last)
        claims.follow_again(flag)


def reopen(user: AnyUser, flag_id: int, version: int, reason: str, note: str = "") -> None:
    """A lead puts a decided or suppressed flag back into the queue; effects go, history stays."""
    actor = lead(user)
    if reason not in Reopened.values:
        raise bad_reason(reason)
    check_note(note)
    with transaction.atomic():
        flag = locked(actor, flag_id)
        permit(actor, flag, "reopen")
        if flag.version != version:
            raise changed()
        last = flag.decisions.order_by("-pk").first()
        facts = {}
        if last is not None and flag.state != Flag.State.SUPPRESSED:
            _reverse(flag, last, actor)
            # Also what an earlier confirmation brought about and new evidence left standing.
            claims.end_those_of(flag)
            facts = {"decision": last.pk}
        opened_at = now()
        fields = _due_anew(flag) | {
            "opened_at": opened_at,
            "place": place(flag.priority, opened_at),
        }
        moved(flag, "reopen", actor, reason=reason, note=note, facts=facts, **fields)
        claims.follow_again(flag)


def _reverse(flag: Flag, decision: Decision, actor: Actor) -> None:
    """Take back what a decision brought about; the record of it stays."""
    rules.end_those_of(decision, actor)
    claims.end_those_of(flag, decision)


def _due_anew(flag: Flag) -> dict[str, Any]:
    return {"due_at": now() + timedelta(hours=due_hours().of(flag.policy))}


def _held(actor: Actor, ticket: Ticket, name: str) -> Flag:
    """The flag, locked, that the actor holds by this ticket and may move so."""
    flag = locked(actor, ticket.flag_id)
    lease = lease_of(flag)
    if lease is None or lease.token != ticket.token:
        if lease is not None and lease.moderator_id != actor.id:
            raise held(lease.moderator_name, lease.expires_at)
        raise lease_lost() if flag.state in WAITING else changed()
    permit(actor, flag, name, lease=lease)
    if flag.version != ticket.version:
        raise changed()
    return flag


def _let_go(flag: Flag, actor: Actor) -> None:
    """The lease is over, and what was a draft is on record now."""
    Lease.objects.filter(flag=flag).delete()
    Draft.objects.filter(flag=flag, moderator_id=actor.id).delete()


def _decide(
    actor: Actor,
    flag: Flag,
    name: str,
    verdict: Decision.Verdict,
    because: Because,
    *,
    facts: dict[str, Any] | None = None,
    **fields: Any,
) -> Decision:
    evidence = evidence_of([flag])[flag.pk]
    check(flag, name, verdict, because, evidence)
    pictures = pictures_of(evidence)
    decision = draw_up(actor, flag, name, verdict, because, evidence.with_pictures(pictures))
    decision.save(force_insert=True)
    keep(decision, pictures)
    _let_go(flag, actor)
    moved(
        flag,
        name,
        actor,
        reason=because.reason,
        note=because.note,
        decision=decision,
        facts=facts,
        **fields,
    )
    settle_claims([(flag, decision)])
    return decision


def settle_claims(decided: Sequence[tuple[Flag, Decision]]) -> None:
    """Open what follows from flags confirmed now, withdraw what stood of flags dismissed now."""
    claims.open_for([pair for pair in decided if pair[0].state == Flag.State.CONFIRMED])
    dismissed = [flag for flag, _ in decided if flag.state == Flag.State.DISMISSED]
    claims.end_all_of(dismissed, BySystem.DISMISSED)


def check(
    flag: Flag, name: str, verdict: Decision.Verdict, because: Because, evidence: Evidence
) -> None:
    """Refuse a verdict without what the table asks of the move, or on evidence that is not so."""
    needs = row(Machine.FLAG, flag.state, name).needs
    if because.reason not in REASONS[verdict]:
        raise bad_reason(because.reason)
    check_note(because.note)
    if verdict == Verdict.CONFIRMED and not evidence.there:
        raise no_evidence()
    if because.seen and because.seen != evidence.sha256:
        raise evidence_changed()
    if Needs.SEGMENTS in needs and not evidence.segments:
        raise bad_segments()
    if any(not 0 <= place < len(evidence.segments) for place in because.segments):
        raise bad_segments()


def draw_up(
    actor: Actor,
    flag: Flag,
    name: str,
    verdict: Decision.Verdict,
    because: Because,
    evidence: Evidence,
    bulk_id: uuid.UUID | None = None,
) -> Decision:
    """The decision, not yet stored."""
    chosen = sorted(set(because.segments)) or range(len(evidence.segments))
    return Decision(
        flag=flag,
        move=name,
        verdict=verdict,
        reason=because.reason,
        note=because.note,
        segments=[evidence.segments[place] for place in chosen],
        evidence=evidence.text,
        evidence_sha256=evidence.sha256,
        policy=flag.policy,
        policy_version=flag.policy_version,
        video_ids=[flag.query_id, flag.reference_id],
        moderator_id=actor.person,
        moderator_name=actor.name,
        bulk_id=bulk_id,
    )
