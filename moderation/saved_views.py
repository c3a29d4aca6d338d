"""Views of the queue that somebody keeps: the list's filters under a name."""

from dataclasses import dataclass
from typing import Final

from django.http import QueryDict

from moderation.models import SavedView
from moderation.roles import AnyUser

# What belongs to a view of the list; pages and messages do not.
KEPT: Final = (
    *("which", "policy__exact", "holder__id__exact", "sure", "kind", "age", "held", "q", "o"),
)
MOST_VIEWS: Final = 30
MOST_NAME: Final = 60
MOST_QUERY: Final = 1000


@dataclass(frozen=True)
class Shown:
    """A kept view as the list shows it; `here` where the list is narrowed just so."""

    pk: int
    name: str
    query: str
    here: bool


def views_of(user: AnyUser, asked: str) -> list[Shown]:
    """The user's views by name; `asked` is the query string of the list."""
    now = tidy(asked)
    rows = SavedView.objects.filter(user=user.pk or 0).order_by("name")
    return [Shown(row.pk, row.name, row.query, row.query == now) for row in rows]


def keep(user: AnyUser, name: str, query: str) -> str:
    """Keep the filters under the name, in place of those it had; the filters that are kept.

    Without a name, or beyond MOST_VIEWS names, nothing is kept.
    """
    name, told = " ".join(name.replace("\x00", " ").split())[:MOST_NAME], tidy(query)
    theirs = SavedView.objects.filter(user=user.pk or 0)
    room = theirs.count() < MOST_VIEWS or theirs.filter(name=name).exists()
    if name and room and len(told) <= MOST_QUERY:
        theirs.update_or_create(user_id=user.pk or 0, name=name, defaults={"query": told})
    return told


def forget(user: AnyUser, view_id: int) -> bool:
    """Whether there was such a view of the user's."""
    gone, _ = SavedView.objects.filter(user=user.pk or 0, pk=view_id).delete()
    return bool(gone)


def tidy(query: str) -> str:
    """The filters of a query string in one fixed order."""
    asked = QueryDict(query)
    told = QueryDict(mutable=True)
    for name in KEPT:
        if name in asked:
            told[name] = asked[name]
    return told.urlencode()
