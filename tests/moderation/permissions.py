"""Who may do what with moderation: the table, who asks, and how an entrance is put on the list.

A role may do a thing (YES), may not (NO), or may with some of the objects (SOME): an uploader with
their own, a moderator with what is in their queues. Each entrance is tried with such an object and
with another one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.test import Client

from moderation.decide import Because, Ticket, dismiss
from moderation.models import (
    Flag,
)
from moderation.review import Hold, take
from videos.errors import Refusal

REST = "/api/v1/moderation"


class Role(StrEnum):
    ANYBODY = "A"
    UPLOADER = "U"
    PARTNER = "P"  # a member of a rights holder, until there are partner keys
    MODERATOR = "M"
    LEAD = "L"
    ADMIN = "D"


YES, NO, SOME = "yes", "–", "some"
TABLE = {
    #                                 A     U     P     M     L    D
    "see a flag over REST":          (NO,   NO,   NO,   SOME, YES, NO),
    "see a flag in the admin":       (NO,   NO,   NO,   SOME, YES, YES),
    "take":                          (NO,   NO,   NO,   SOME, YES, NO),
    "decide":                        (NO,   NO,   NO,   SOME, YES, NO),
    "decide about one's own video":  (NO,   NO,   NO,   NO,   NO,  NO),
    "overturn, answer, hand over":   (NO,   NO,   NO,   NO,   YES, NO),
    "make and end allow rules":      (NO,   NO,   NO,   NO,   YES, NO),
    "have a screen of one's own":    (NO,   NO,   NO,   YES,  YES, NO),
    "edit the reference library":    (NO,   NO,   NO,   NO,   YES, YES),
    "delete a rights holder":        (NO,   NO,   NO,   NO,   NO,  YES),
    "say who sees which queue":      (NO,   NO,   NO,   NO,   NO,  YES),
    "read statistics":               (NO,   NO,   NO,   NO,   YES, YES),
    "read the audit log":            (NO,   NO,   NO,   SOME, YES, YES),
    "change or delete the audit log": (NO,  NO,   NO,   NO,   NO,  NO),
    "write past the verbs":          (NO,   NO,   NO,   NO,   NO,  NO),
    # An uploader and a partner have claims of their own; a moderator those of the queue.
    "see a claim":                   (SOME, SOME, SOME, SOME, YES, NO),
    "see a claim in the admin":      (NO,   NO,   NO,   SOME, YES, YES),
    "dispute a claim":               (SOME, SOME, NO,   NO,   NO,  NO),
    "release a disputed claim":      (NO,   NO,   SOME, SOME, YES, NO),
    "let a disputed claim stand":    (NO,   NO,   NO,   SOME, YES, NO),
    "decide an appeal":              (NO,   NO,   NO,   NO,   YES, NO),
    "withdraw a claim, send a notice": (NO, NO,   SOME, NO,   NO,  NO),
    "see what was sent to whom":     (NO,   NO,   NO,   NO,   YES, YES),
    "send again what was given up":  (NO,   NO,   NO,   NO,   NO,  YES),
    "match evidence":                (SOME, SOME, SOME, SOME, YES, YES),
    "play":                          (SOME, SOME, SOME, SOME, YES, YES),
}  # fmt: skip


@dataclass
class World:
    """Two flags, each with its private videos, before somebody in a role.

    `theirs` is in the moderators' queue or about a video of the uploader's; `others` is neither.
    """

    role: Role
    user: User | None
    browser: Client
    helper: User
    theirs: Flag
    others: Flag

    def take(self, flag: Flag, helper: User | None = None) -> Hold:
        """In the hands of whoever is asked about, or of a lead if it cannot be theirs."""
        try:
            return take(self.user or AnonymousUser(), flag.pk)
        except Refusal:
            return take(helper or self.helper, flag.pk)

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        told = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(self.browser, method)(f"{REST}/{path}", **told)

    def act(self, model: str, action: str, pk: object, **more: Any) -> None:
        told = {"action": action, "_selected_action": [pk], **more}
        everything = "?which=all" if model == "flag" else ""
        self.browser.post(f"/admin/moderation/{model}/{everything}", told)


Try = Callable[[World, Flag], bool]
ENTRANCES: dict[str, list[tuple[str, Try, frozenset[Role]]]] = {action: [] for action in TABLE}
STRANGERS = frozenset({Role.ANYBODY, Role.UPLOADER, Role.PARTNER})


def entrance(action: str, names: str, but: frozenset[Role] = frozenset()) -> Callable[[Try], Try]:
    """Try to do it through these addresses or admin actions; whether it was done.

    `but` are roles that have another entrance.
    """

    def keep(attempt: Try) -> Try:
        ENTRANCES[action].append((names, attempt, but))
        return attempt

    return keep


def settle(world: World, flag: Flag) -> None:
    hold = take(world.helper, flag.pk)
    dismiss(world.helper, Ticket(flag.pk, hold.flag.version, hold.token), Because("licensed"))
    flag.refresh_from_db()
