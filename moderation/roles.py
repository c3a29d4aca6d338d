"""Who somebody is to moderation, and whether the table of moves lets them.

Only groups and permissions that were given count: a superuser who is in no group is no moderator.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Permission, User
from django.db.models import Q, QuerySet

from moderation.errors import no_lead, no_moderator, not_yours_to_move, own_video, wrong_state
from moderation.models import Event, Flag, Lease, Reference
from moderation.states import Machine, NotAllowed, Who, row
from videos.models import Video

AnyUser = AbstractBaseUser | AnonymousUser
MODERATORS: Final = "Moderators"
LEADS: Final = "Leads"
# What the groups may do when they are first made; afterwards that is the operator's.
PERMISSIONS: Final = {
    MODERATORS: (
        *("moderation.review_flag", "moderation.view_flag"),
        # Of decisions and events a moderator reads their own, see `moderation.audit`.
        *("moderation.view_decision", "moderation.view_event", "moderation.view_claim"),
    ),
    LEADS: (
        *("moderation.review_flag", "moderation.lead_flag", "moderation.view_flag"),
        *("moderation.view_decision", "moderation.view_event"),
        *("moderation.view_claim", "moderation.view_notice"),
        *("moderation.view_allowrule", "moderation.add_allowrule"),
        *("moderation.view_reference", "moderation.add_reference"),
        *("moderation.change_reference", "moderation.delete_reference"),
        *("moderation.view_rightsholder", "moderation.add_rightsholder"),
        *("moderation.change_rightsholder", "videos.view_video"),
    ),
}
# What groups that were there before got with a migration.
LATER: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "0007_console": {
        MODERATORS: ("moderation.view_decision", "moderation.view_event"),
        LEADS: ("moderation.add_allowrule", "videos.view_video"),
    },
    "0008_claims": {
        MODERATORS: ("moderation.view_claim",),
        LEADS: ("moderation.view_claim", "moderation.view_notice"),
    },
}
# Moves that settle nothing about the videos, so that those who are involved may make them.
_HARMLESS: Final = ("release", "hand_over", "expire")


@dataclass(frozen=True)
class Actor:
    """Whoever acts, as events name them."""

    kind: str
    id: int | None = None
    name: str = ""

    @property
    def person(self) -> int:
        """The id of a user; the system, which is none, decides nothing."""
        if self.id is None:
            raise ValueError("the system is no person")
        return self.id

    @property
    def is_lead(self) -> bool:
        return self.kind == Event.Actor.LEAD


SYSTEM: Final = Actor(Event.Actor.SYSTEM)


def moderator(user: AnyUser) -> Actor:
    """The user as a moderator or lead; raises the Refusal NO_MODERATOR."""
    held = _permissions(user)
    if "lead_flag" in held:
        return Actor(Event.Actor.LEAD, user.pk, user.get_username())
    if "review_flag" in held:
        return Actor(Event.Actor.MODERATOR, user.pk, user.get_username())
    raise no_moderator()


def lead(user: AnyUser) -> Actor:
    """The user as a lead; raises the Refusal NO_LEAD."""
    if "lead_flag" not in _permissions(user):
        raise no_lead()
    return Actor(Event.Actor.LEAD, user.pk, user.get_username())


def _permissions(user: AnyUser) -> set[str]:
    # Not has_perm(), which says yes to every superuser.
    if not user.is_authenticated or not user.is_active:
        return set()
    given = Permission.objects.filter(
        Q(group__user=user.pk) | Q(user=user.pk),
        content_type__app_label="moderation",
        codename__in=["review_flag", "lead_flag"],
    )
    return set(given.values_list("codename", flat=True))


def moderator_names() -> list[str]:
    """User names of those who may be given a flag, by what their groups or they were given."""
    held = {
        "codename__in": ["review_flag", "lead_flag"],
        "content_type__app_label": "moderation",
    }
    by_group = {f"groups__permissions__{name}": value for name, value in held.items()}
    by_name = {f"user_permissions__{name}": value for name, value in held.items()}
    users = User.objects.filter(Q(**by_group) | Q(**by_name), is_active=True)
    return list(users.order_by("username").values_list("username", flat=True).distinct())


def involving(person: int) -> Q:
    """For a filter of flags: one of the videos is theirs, or they act for who has rights in it.

    By lists of ids that are read once: asked of each flag anew, every video would be looked at.
    """
    own, acting = _theirs(person)
    return (
        Q(query_id__in=own)
        | Q(reference_id__in=own)
        | Q(query_id__in=acting)
        | Q(reference_id__in=acting)
    )


def own_videos(person: int, video_ids: Iterable[uuid.UUID]) -> QuerySet[Video]:
    """Those of the videos that the person uploaded or acts for."""
    own, acting = _theirs(person)
    return Video.objects.filter(Q(pk__in=own) | Q(pk__in=acting), pk__in=list(video_ids))


def _theirs(person: int) -> tuple[QuerySet[Any, Any], QuerySet[Any, Any]]:
    own = Video.objects.filter(owner_id=person).values("pk")
    acting = Reference.objects.filter(holder__members=person).values("video_id")
    return own, acting


def permit(
    actor: Actor, flag: Flag, name: str, *, lease: Lease | None = None, author: int | None = None
) -> None:
    """Refuse the move `name` to whom the table does not name; `author` made the last decision."""
    try:
        wanted = row(Machine.FLAG, flag.state, name)
    except NotAllowed:
        raise wrong_state(flag.state, name) from None
    if not any(_is(actor, who, flag, lease, author) for who in wanted.who):
        raise not_yours_to_move(name)
    if actor == SYSTEM or name in _HARMLESS:
        return
    if Flag.objects.filter(involving(actor.person), pk=flag.pk).exists():
        raise own_video()


def _is(actor: Actor, who: Who, flag: Flag, lease: Lease | None, author: int | None) -> bool:
    person = actor.id is not None
    holds = person and lease is not None and lease.moderator_id == actor.id
    other = person and flag.proposer_id != actor.id
    return {
        Who.SYSTEM: actor == SYSTEM,
        Who.MODERATOR: person,
        Who.HOLDER: holds,
        Who.OTHER_MODERATOR: other,
        Who.OTHER_HOLDER: other and holds,
        Who.LEAD: actor.is_lead,
        Who.LEAD_HOLDER: actor.is_lead and holds,
        Who.AUTHOR: person and actor.id == author,
    }[who]
