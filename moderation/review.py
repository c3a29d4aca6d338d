"""Taking a flag and holding it: take, renew, release, hand over, draft, expire.

Whoever holds a flag has its `Lease`. Every verb but `renew` and `save_draft` locks the flag first,
so of two that meet one comes second and sees what the first did.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models.functions import Now

from moderation.errors import Held, held, lease_lost, no_such_flag, wrong_state
from moderation.ledger import moved, now
from moderation.models import Draft, Flag, Lease
from moderation.queues import Wanted, free_for, visible_to
from moderation.roles import SYSTEM, Actor, AnyUser, lead, moderator, permit

# Leases that one look gives back in a transaction.
EXPIRED_AT_ONCE: Final = 500
# A flag may be taken by somebody else between finding and locking it.
TRIES: Final = 5


@dataclass(frozen=True)
class Hold:
    """A flag that was taken: what proves it, until when, and what was written about it before."""

    flag: Flag
    token: uuid.UUID
    expires_at: datetime
    draft: Draft | None


def take(user: AnyUser, flag_id: int) -> Hold:
    """Hold the flag, for the first verdict or, where it waits for that, for the second or a lead's.

    Taking what one holds renews it. Raises Held with holder and expiry, or another Refusal.
    """
    actor = moderator(user)
    with transaction.atomic():
        return _take(locked(actor, flag_id), actor)


def take_next(user: AnyUser, wanted: Wanted | None = None) -> Hold | None:
    """Hold the first flag in the queue that nobody else is at; None when there is none.

    Never waits for anybody: what another transaction has locked is passed over.
    """
    actor = moderator(user)
    found = _take_first(actor, wanted or Wanted())
    if found is None and expire():
        found = _take_first(actor, wanted or Wanted())
    return found


def _take_first(actor: Actor, wanted: Wanted) -> Hold | None:
    for _ in range(TRIES):
        try:
            with transaction.atomic():
                free = free_for(actor, wanted).select_for_update(skip_locked=True, of=("self",))
                flag = free.first()
                return None if flag is None else _take(flag, actor)
        except Held:
            continue
    return None


def locked(actor: Actor, flag_id: int) -> Flag:
    """The flag, locked until the transaction ends; raises the Refusal NO_FLAG."""
    rows = visible_to(actor).select_for_update(of=("self",))
    flag = rows.filter(pk=flag_id).first()
    if flag is None:
        raise no_such_flag()
    return flag


def lease_of(flag: Flag) -> Lease | None:
    """The lease of a locked flag, locked as well: a renewal must not come between."""
    return Lease.objects.select_for_update().filter(flag=flag).first()


def _take(flag: Flag, actor: Actor) -> Hold:
    lease = lease_of(flag)
    if lease is not None and lease.moderator_id == actor.id:
        lease.expires_at = _lease_end()
        lease.save(update_fields=["expires_at"])
        return _hold(flag, lease)
    if lease is not None:
        if lease.expires_at > now():
            raise held(lease.moderator_name, lease.expires_at)
        _expire(flag, lease)
    permit(actor, flag, "take")
    moved(flag, "take", actor, proposer_id=flag.proposer_id)
    return _hold(flag, _lease(flag, actor))


def _lease(flag: Flag, actor: Actor) -> Lease:
    taken = now()
    return Lease.objects.create(
        flag=flag,
        moderator_id=actor.person,
        moderator_name=actor.name,
        taken_at=taken,
        expires_at=taken + _length(),
    )


def _hold(flag: Flag, lease: Lease) -> Hold:
    draft = Draft.objects.filter(flag=flag, moderator_id=lease.moderator_id).first()
    return Hold(flag, lease.token, lease.expires_at, draft)


def _length() -> timedelta:
    return timedelta(seconds=settings.TVIDZ.review_lease_seconds)


def _lease_end() -> datetime:
    return now() + _length()


def renew(user: AnyUser, flag_id: int, token: uuid.UUID) -> datetime:
    """Hold on for another while, also when the time is over and nobody has taken it meanwhile.

    Raises the Refusal LEASE_LOST. Returns the new expiry.
    """
    theirs = Lease.objects.filter(flag_id=flag_id, token=token, moderator_id=moderator(user).person)
    if not theirs.update(expires_at=Now() + _length()):
        raise lease_lost()
    expires_at = theirs.values_list("expires_at", flat=True).first()
    if expires_at is None:
        raise lease_lost()
    return expires_at


def release(user: AnyUser, flag_id: int, token: uuid.UUID | None = None) -> None:
    """Give the flag back to its queue: its holder, or a lead who needs no token."""
    actor = moderator(user)
    with transaction.atomic():
        flag = locked(actor, flag_id)
        lease = lease_of(flag)
        if lease is None or not (actor.is_lead or lease.token == token):
            raise lease_lost()
        permit(actor, flag, "release", lease=lease)
        lease.delete()
        facts = {"holder": lease.moderator_id}
        moved(flag, "release", actor, facts=facts, proposer_id=flag.proposer_id)


def hand_over(user: AnyUser, flag_id: int, to: AbstractBaseUser) -> Hold:
    """A lead gives a held flag to another moderator, who must be one that may take it."""
    actor, receiver = lead(user), moderator(to)
    with transaction.atomic():
        flag = locked(actor, flag_id)
        if not visible_to(receiver).filter(pk=flag_id).exists():
            raise no_such_flag()
        lease = lease_of(flag)
        if lease is None:
            raise wrong_state("not held", "hand_over")
        permit(actor, flag, "hand_over")
        _permit_receiver(receiver, flag)
        lease.delete()
        facts = {"from": lease.moderator_id, "to": receiver.id}
        moved(flag, "hand_over", actor, facts=facts, proposer_id=flag.proposer_id)
        return _hold(flag, _lease(flag, receiver))


def _permit_receiver(receiver: Actor, flag: Flag) -> None:
    """As if they took it from the queue themselves."""
    free = Flag(pk=flag.pk, state=flag.state, proposer_id=flag.proposer_id)
    if flag.state == Flag.State.LEASED:
        free.state = Flag.State.OPEN
    permit(receiver, free, "take")


def save_draft(user: AnyUser, flag_id: int, reason: str, note: str) -> Draft:
    """Keep what a moderator has written so far. It needs no lease, so that none loses it."""
    actor = moderator(user)
    if not visible_to(actor).filter(pk=flag_id).exists():
        raise no_such_flag()
    told = {"reason": reason, "note": note}
    draft, _ = Draft.objects.update_or_create(flag_id=flag_id, moderator_id=actor.id, defaults=told)
    return draft


def expire() -> int:
    """Give back flags whose holders' time is over, by the database's clock; how many."""
    with transaction.atomic():
        over = Flag.objects.filter(lease__expires_at__lt=Now()).order_by("pk")
        flags = over.select_for_update(skip_locked=True, of=("self",))[:EXPIRED_AT_ONCE]
        done = 0
        for flag in flags:
            lease = lease_of(flag)
            # It may have been renewed while we came.
            if lease is not None and lease.expires_at < now():
                _expire(flag, lease)
                done += 1
        return done


def _expire(flag: Flag, lease: Lease) -> None:
    lease.delete()
    facts = {"holder": lease.moderator_id}
    moved(flag, "expire", SYSTEM, facts=facts, proposer_id=flag.proposer_id)


def look_after() -> None:
    """What the scheduled look does: leases that ran out give their flags back."""
    while expire() == EXPIRED_AT_ONCE:
        pass
