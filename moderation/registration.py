"""Registering a video: somebody has rights in it, so in a match it is the reference."""

import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Min, Value
from django.db.models.functions import Lower

from matching.roles import change_roles, turn_round
from moderation import claims
from moderation.flagging import flag_all
from moderation.models import Reference, RightsHolder
from moderation.rights import told_of
from moderation.roles import SYSTEM, Actor
from videos.models import Video


@dataclass(frozen=True)
class Rights:
    """What a holder has in a video; `territories` none for everywhere, `policy` "" for theirs.

    Conditions are the holder's where they are None or none.
    """

    holder: RightsHolder
    licence: str = ""
    territories: Sequence[str] = ()
    policy: str = ""
    least_seconds: float | None = None
    least_share: float | None = None
    policy_territories: Sequence[str] = ()


@dataclass(frozen=True)
class Registered:
    """The holder's reference, made or there before; `turned` are links that changed their roles."""

    reference: Reference
    made: bool
    turned: tuple[int, ...]


def register(video_id: uuid.UUID, rights: Rights, by: Actor = SYSTEM) -> Registered:
    """Give the holder their reference to the video; one that is there stays as it is.

    Flags of the video follow: who is the reference, the policy, when they are due. All in one
    transaction, of this video alone (see `change_roles`). Raises Video.DoesNotExist.
    """
    with transaction.atomic():
        change_roles(video_id)
        video = Video.objects.get(pk=video_id)
        reference, made = Reference.objects.get_or_create(
            video=video,
            holder=rights.holder,
            defaults={
                "licence": rights.licence,
                "territories": sorted(set(rights.territories)),
                "policy": rights.policy,
                "least_seconds": rights.least_seconds,
                "least_share": rights.least_share,
                "policy_territories": sorted(set(rights.policy_territories)),
            },
        )
        if made:
            told_of(reference, "registered", by)
        return Registered(reference, made, _settle(video_id, flags=made))


def withdraw(reference: Reference, by: Actor = SYSTEM) -> tuple[int, ...]:
    """Take a reference back; the links that changed their roles, as with `register`."""
    with transaction.atomic():
        change_roles(reference.video_id)
        if not Reference.objects.filter(pk=reference.pk).exists():
            # Somebody else was first.
            return ()
        told_of(reference, "withdrawn", by)
        rights_id = reference.pk
        reference.delete()
        turned = _settle(reference.video_id, flags=True)
        claims.end_without_rights(rights_id)
        return turned


def holder_named(name: str) -> RightsHolder:
    """The holder of that name in whichever case, made if there is none; "" is a ValueError."""
    plain = plain_name(name)
    if not plain:
        raise ValueError("a rights holder needs a name")
    known = find_holder(plain)
    if known is not None:
        return known
    try:
        with transaction.atomic():
            return RightsHolder.objects.create(name=plain)
    except IntegrityError:
        return holder_named(plain)


def find_holder(name: str) -> RightsHolder | None:
    """The holder of that name in whichever case, if there is one."""
    low = Lower(Value(plain_name(name)))
    return RightsHolder.objects.alias(low=Lower("name")).filter(low=low).first()


def plain_name(name: str) -> str:
    """A name in NFC with single blanks between its words."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def _settle(video_id: uuid.UUID, *, flags: bool) -> tuple[int, ...]:
    """Let the video say since when it is registered; links, and `flags` too, agree with that."""
    since = Reference.objects.filter(video_id=video_id).aggregate(since=Min("registered_at"))
    changed = Video.objects.filter(pk=video_id).exclude(registered_at=since["since"])
    turned: tuple[int, ...] = ()
    if changed.update(registered_at=since["since"]):
        turned = tuple(turn_round(video_id))
    if flags:
        flag_all([video_id], holding=False)
    return turned
