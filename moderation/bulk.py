"""One verdict on a selection of flags: one transaction, a decision and an event for each."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import F

from moderation.decide import Because, check, draw_up, routed, settle_claims
from moderation.errors import bad_reason, changed, held, no_such_flag, too_many
from moderation.evidence import Evidence, evidence_of
from moderation.ledger import now, prepared
from moderation.models import Decision, Draft, Event, Flag, Lease
from moderation.queues import visible_to
from moderation.reading import check_note
from moderation.reasons import Confirmed, Dismissed
from moderation.roles import Actor, AnyUser, moderator, permit
from videos.errors import Refusal

Verdict = Decision.Verdict
# Flags that one transaction holds locked.
MOST_AT_ONCE: Final = 500


@dataclass(frozen=True)
class Bulk:
    """What became of a selection: flags by their new state, and why others were left alone."""

    id: uuid.UUID
    done: Mapping[int, str]
    refused: Mapping[int, Refusal]


def bulk(
    user: AnyUser,
    selection: Mapping[int, int],
    verdict: Decision.Verdict,
    reason: str,
    note: str = "",
) -> Bulk:
    """Dismiss or confirm the flags of `selection` (id to the version that was seen).

    What cannot be decided so is left as it is and told: held by another, changed since, one's own.
    What the actor holds is decided with the rest. All of a match is confirmed, no pictures are
    frozen.
    """
    actor = moderator(user)
    known = {Verdict.DISMISSED: Dismissed.values, Verdict.CONFIRMED: Confirmed.values}
    if reason not in known.get(verdict, []):
        raise bad_reason(reason)
    check_note(note)
    if len(selection) > MOST_AT_ONCE:
        raise too_many(MOST_AT_ONCE)
    because, number = Because(reason, note), uuid.uuid4()
    with transaction.atomic():
        rows = visible_to(actor).filter(pk__in=selection).order_by("pk")
        flags = list(rows.select_for_update(of=("self",)))
        leases = Lease.objects.select_for_update().filter(flag__in=flags)
        held_by = {lease.flag_id: lease for lease in leases.order_by("pk")}
        evidence = evidence_of(flags)
        refused: dict[int, Refusal] = {
            pk: no_such_flag() for pk in selection.keys() - {flag.pk for flag in flags}
        }
        planned: list[tuple[Flag, str]] = []
        for flag in flags:
            try:
                _refuse(actor, flag, selection[flag.pk], held_by.get(flag.pk))
                name = _move(flag, verdict)
                permit(actor, flag, name)
                check(flag, name, verdict, because, evidence[flag.pk])
                planned.append((flag, name))
            except Refusal as why:
                refused[flag.pk] = why
        done = _write(actor, planned, verdict, because, evidence, number)
        return Bulk(number, done, refused)


def _refuse(actor: Actor, flag: Flag, version: int, lease: Lease | None) -> None:
    if lease is not None and lease.moderator_id != actor.id and lease.expires_at > now():
        raise held(lease.moderator_name, lease.expires_at)
    if flag.version != version:
        raise changed()


def _move(flag: Flag, verdict: Decision.Verdict) -> str:
    if verdict == Verdict.DISMISSED:
        return "bulk_dismiss"
    return "bulk_propose" if routed(flag, bulk=True) else "bulk_confirm"


def _write(
    actor: Actor,
    planned: Sequence[tuple[Flag, str]],
    verdict: Decision.Verdict,
    because: Because,
    evidence: Mapping[int, Evidence],
    number: uuid.UUID,
) -> dict[int, str]:
    drawn = [
        draw_up(actor, flag, name, verdict, because, evidence[flag.pk], number)
        for flag, name in planned
    ]
    events: list[Event] = []
    decisions = Decision.objects.bulk_create(drawn)
    for (flag, name), decision in zip(planned, decisions, strict=True):
        proposer = actor.id if name == "bulk_propose" else None
        events.append(
            prepared(
                flag,
                name,
                actor,
                reason=because.reason,
                note=because.note,
                decision=decision,
                proposer_id=proposer,
            )
        )
    flags = [flag for flag, _ in planned]
    Event.objects.bulk_create(events)
    Lease.objects.filter(flag__in=flags).delete()
    Draft.objects.filter(flag__in=flags, moderator_id=actor.id).delete()
    _save(flags)
    settle_claims(list(zip(flags, decisions, strict=True)))
    return {flag.pk: flag.state for flag in flags}


def _save(flags: Sequence[Flag]) -> None:
    """All that go to one state are alike in everything that changes."""
    for state in {flag.state for flag in flags}:
        alike = [flag for flag in flags if flag.state == state]
        Flag.objects.filter(pk__in=[flag.pk for flag in alike]).update(
            state=state,
            reason=alike[0].reason,
            proposer_id=alike[0].proposer_id,
            rule=None,
            version=F("version") + 1,
            updated_at=now(),
        )
