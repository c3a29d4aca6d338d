"""Changing the policy of a rights holder or one video: a new version, an event, new due times."""

from typing import Any

from django.contrib.auth.models import AnonymousUser, PermissionsMixin
from django.db import transaction
from django.db.models import Q

from moderation.errors import not_allowed
from moderation.flagging import flag_all
from moderation.ledger import noted
from moderation.models import Event, Flag, Reference, RightsHolder
from moderation.queues import WAITING
from moderation.rights_rows import HOLDER_POLICY, REFERENCE_POLICY
from moderation.roles import SYSTEM, Actor, AnyUser


def staff(user: AnyUser) -> Actor:
    """Whoever looks after rights: by Django's permissions, so superusers are among them."""
    return Actor(Event.Actor.STAFF, user.pk, user.get_username())


def change_holder(user: AnyUser, holder_id: int, **told: Any) -> RightsHolder:
    """Change what holds for all videos of a holder; flags that wait follow at once.

    Raises the Refusal NOT_ALLOWED, or ValidationError for values that cannot be.
    """
    _allow(user, "moderation.change_rightsholder")
    with transaction.atomic():
        # References point at the row meanwhile: registering does not wait for this.
        holder = RightsHolder.objects.select_for_update(no_key=True).get(pk=holder_id)
        changes = _changes(holder, told, HOLDER_POLICY)
        holder.full_clean()
        _keep(holder, changes, Event.Subject.HOLDER, user)
        if changes:
            _follow(Q(holder=holder))
        return holder


def change_reference(user: AnyUser, reference_id: int, **told: Any) -> Reference:
    """The same for one video's rights; null conditions and an empty policy are the holder's."""
    _allow(user, "moderation.change_reference")
    with transaction.atomic():
        rows = Reference.objects.select_for_update(of=("self",), no_key=True)
        reference = rows.select_related("holder").get(pk=reference_id)
        changes = _changes(reference, told, REFERENCE_POLICY)
        reference.full_clean()
        _keep(reference, changes, Event.Subject.REFERENCE, user)
        if changes:
            _follow(Q(pk=reference.pk))
        return reference


def _allow(user: AnyUser, permission: str) -> None:
    if not (isinstance(user, PermissionsMixin | AnonymousUser) and user.has_perm(permission)):
        raise not_allowed()


def _changes(
    row: RightsHolder | Reference, told: dict[str, Any], policy: tuple[str, ...]
) -> dict[str, list[Any]]:
    """Set what was told on the row; of the policy's columns, what they were and are."""
    changes = {}
    for name, value in told.items():
        before = getattr(row, name)
        setattr(row, name, value)
        if name in policy and before != value:
            changes[name] = [before, value]
    return changes


def _keep(
    row: RightsHolder | Reference,
    changes: dict[str, list[Any]],
    subject: Event.Subject,
    user: AnyUser,
) -> None:
    if changes:
        row.policy_version += 1
    row.save()
    if changes:
        version = row.effective_version if isinstance(row, Reference) else f"v{row.policy_version}"
        videos = [row.video_id] if isinstance(row, Reference) else []
        noted(
            subject,
            row.pk,
            "policy_changed",
            staff(user),
            video_ids=videos,
            policy_version=version,
            facts=changes,
        )


def _follow(references: Q) -> None:
    """Let the flags that wait in these references' videos follow the new policy."""
    videos = Reference.objects.filter(references).values("video_id")
    waiting = Flag.objects.filter(state__in=WAITING, reference_id__in=videos)
    told = set(waiting.values_list("reference_id", flat=True))
    if told:
        flag_all(sorted(told))


def told_of(reference: Reference, name: str, by: Actor = SYSTEM) -> None:
    """An event about a reference that was registered or withdrawn, in the same transaction."""
    noted(
        Event.Subject.REFERENCE,
        reference.pk,
        name,
        by,
        video_ids=[reference.video_id],
        policy_version=reference.effective_version,
        facts={"holder": reference.holder_id, "policy": reference.effective_policy},
    )
