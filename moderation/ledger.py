"""The only way flags and claims move: the table says where to, and an event is appended with it."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Max

from moderation.errors import wrong_state
from moderation.models import Claim, Decision, Event, Flag
from moderation.roles import Actor
from moderation.states import NOTHING, Machine, NotAllowed, move


def now() -> datetime:
    """The database's clock at this moment, whenever the transaction began."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def moved(
    flag: Flag,
    name: str,
    actor: Actor,
    *,
    reason: str = "",
    note: str = "",
    decision: Decision | None = None,
    facts: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Event:
    """Move a flag that the transaction has locked, and append the event; `fields` change with it.

    Raises the Refusal WRONG_STATE where the table has no such move.
    """
    event = prepared(
        flag, name, actor, reason=reason, note=note, decision=decision, facts=facts, **fields
    )
    flag.save()
    event.save(force_insert=True)
    return event


def prepared(
    flag: Flag,
    name: str,
    actor: Actor,
    *,
    reason: str = "",
    note: str = "",
    decision: Decision | None = None,
    facts: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Event:
    """The same without writing anything: the flag as it will be, and its event."""
    before = flag.state if flag.version else NOTHING
    try:
        after = move(Machine.FLAG, before, name)
    except NotAllowed:
        raise wrong_state(before, name) from None
    # What belongs to the state that is left goes with it.
    for field, value in {"rule_id": None, "proposer_id": None, **fields}.items():
        setattr(flag, field, value)
    flag.state, flag.reason = after, reason
    flag.version += 1
    return Event(
        machine=Event.Subject.FLAG,
        subject_id=flag.pk,
        sequence=flag.version,
        move=name,
        before=before,
        after=after,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        reason=reason,
        note=note,
        policy_version=flag.policy_version,
        evidence_sha256=decision.evidence_sha256 if decision else "",
        decision=decision,
        rule_id=flag.rule_id,
        video_ids=[flag.query_id, flag.reference_id],
        bulk_id=decision.bulk_id if decision else None,
        facts=dict(facts or {}),
    )


def turned(
    claim: Claim,
    name: str,
    actor: Actor,
    *,
    reason: str = "",
    note: str = "",
    facts: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Event:
    """Move a claim that the transaction has locked or made, and append the event, as `moved` does.

    Raises the Refusal WRONG_STATE where the table has no such move.
    """
    before = claim.state if claim.version else NOTHING
    try:
        after = move(Machine.CLAIM, before, name)
    except NotAllowed:
        raise wrong_state(before, name, "claim") from None
    for field, value in fields.items():
        setattr(claim, field, value)
    claim.state, claim.reason = after, reason
    claim.version += 1
    claim.save()
    decision = claim.decision
    return Event.objects.create(
        machine=Event.Subject.CLAIM,
        subject_id=claim.pk,
        sequence=claim.version,
        move=name,
        before=before,
        after=after,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        reason=reason,
        note=note,
        policy_version=claim.policy_version,
        evidence_sha256=decision.evidence_sha256 if decision else "",
        decision=decision,
        video_ids=[claim.query_id, claim.reference_id],
        facts=dict(facts or {}),
    )


def noted(
    machine: Event.Subject,
    subject_id: int,
    name: str,
    actor: Actor,
    *,
    video_ids: Sequence[uuid.UUID] = (),
    **fields: Any,
) -> Event:
    """Append an event about something that is no flag, whose row the transaction has locked."""
    past = Event.objects.filter(machine=machine, subject_id=subject_id)
    last = past.aggregate(last=Max("sequence"))["last"] or 0
    return Event.objects.create(
        machine=machine,
        subject_id=subject_id,
        sequence=last + 1,
        move=name,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        video_ids=list(video_ids),
        **fields,
    )
