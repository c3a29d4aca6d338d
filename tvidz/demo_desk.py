"""Moderation in the demo: who has rights in its films, who looks at flags, a queue half worked."""

import secrets
import time
from collections.abc import Callable, Iterable
from typing import Final

from django.contrib.auth.models import Group, User

from moderation.decide import Because, Ticket, confirm, dismiss, escalate
from moderation.models import Decision, Flag
from moderation.queues import Wanted
from moderation.registration import Rights, holder_named, register
from moderation.review import take_next
from moderation.roles import LEADS, MODERATORS
from videos.models import UNFINISHED, Analysis, Video

Tell = Callable[[str], None]

# By film: who has the rights, their policy, licence and where.
RIGHTS: Final = {
    "seahorse-valley.mp4": ("Seaside Films", "block", "", ("DE", "FR")),
    "cells-at-dawn.mp4": ("Dawn Pictures", "review", "CC BY 4.0", ()),
}
# Who decided what is decided already; nobody signs in as them.
COLLEAGUE: Final = "mara"
PEOPLE: Final = {"moderator": MODERATORS, "lead": LEADS}
# Flags that are left for whoever looks at the demo.
LEFT_OPEN: Final = 2
PATIENCE: Final = 600.0


def register_films(videos: Iterable[Video]) -> None:
    """Rights in those of the films that somebody has rights in; a second time changes nothing."""
    for video in videos:
        if video.filename in RIGHTS:
            name, policy, licence, territories = RIGHTS[video.filename]
            holder = holder_named(name)
            type(holder).objects.filter(pk=holder.pk, references=None).update(policy=policy)
            holder.refresh_from_db()
            register(video.pk, Rights(holder, licence, territories))


def make_people(tell: Tell) -> None:
    """A moderator and a lead, whose passwords are told this once."""
    for name, group in PEOPLE.items():
        if User.objects.filter(username=name).exists():
            continue
        password = secrets.token_urlsafe(12)
        user = User.objects.create_user(name, password=password, is_staff=True)
        user.groups.add(Group.objects.get(name=group))
        tell(f"  {name} / {password}   (shown this once)")


def wait_for(analyses: Iterable[Analysis]) -> bool:
    """Whether all of them ended in time."""
    numbers = [analysis.pk for analysis in analyses]
    deadline = time.monotonic() + PATIENCE
    while Analysis.objects.filter(pk__in=numbers, state__in=UNFINISHED).exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(1)
    return True


def work_a_little() -> None:
    """One flag proposed or confirmed, one escalated, one dismissed, as far as there are enough."""
    if Decision.objects.exists():
        return
    colleague, _ = User.objects.get_or_create(username=COLLEAGUE)
    colleague.groups.add(Group.objects.get(name=MODERATORS))
    acts = (_confirm, _escalate, _dismiss)
    waiting = Flag.objects.filter(state=Flag.State.OPEN).count()
    for act in acts[: max(0, waiting - LEFT_OPEN)]:
        hold = take_next(colleague, Wanted())
        if hold is not None:
            act(colleague, Ticket(hold.flag.pk, hold.flag.version, hold.token))


def _confirm(user: User, ticket: Ticket) -> None:
    confirm(user, ticket, Because("partial_copy", "The same shots, re-encoded."))


def _escalate(user: User, ticket: Ticket) -> None:
    escalate(user, ticket, "Brighter and cut together: is this a review of the film?")


def _dismiss(user: User, ticket: Ticket) -> None:
    dismiss(user, ticket, Because("licensed", "They have a licence for this one."))
