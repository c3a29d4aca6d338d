"""A viewer's own uploads: filtered, sorted, a page at a time, with how many duplicates each has."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Exists, FloatField, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf

from matching.engine.version import ENGINE_VERSION
from matching.models import DuplicateLink
from videos.access.visibility import Viewer, own_uploads
from videos.gallery import called
from videos.models import MediaType, State, Video
from videos.paging import Order, Page, page

PAGE_SIZE: Final = 24
# What somebody looks for, as states.
STATES: Final = {
    "working": (State.QUEUED, State.PROCESSING),
    "done": (State.READY, State.PARTIAL, State.DUPLICATE),
    "failed": (State.FAILED, State.QUARANTINED),
}
_UPLOADED: Final = Video._meta.get_field("uploaded_at")
_NAME: Final = Video._meta.get_field("filename")
ORDERS: Final = {
    "newest": Order("uploaded_at", _UPLOADED, descending=True),
    "oldest": Order("uploaded_at", _UPLOADED),
    "name": Order("called", _NAME),
    "longest": Order("seconds", FloatField(), descending=True),
}
VIEWS: Final = ("table", "grid")
LONGEST_TEXT: Final = 100


@dataclass(frozen=True)
class Wanted:
    """What a library page is asked for; anything that is not known is taken for the default."""

    state: str = ""
    kind: str = ""
    duplicates: str = ""
    text: str = ""
    sort: str = "newest"
    view: str = "table"

    @property
    def filters(self) -> bool:
        return bool(self.state or self.kind or self.duplicates or self.text)


def wanted(told: Mapping[str, Any]) -> Wanted:
    def one_of(name: str, known: Iterable[str], default: str = "") -> str:
        value = told.get(name, "")
        return value if value in known else default

    return Wanted(
        one_of("state", STATES),
        one_of("kind", MediaType.values),
        one_of("duplicates", ("yes", "no")),
        str(told.get("text", "")).replace("\x00", "").strip()[:LONGEST_TEXT],
        one_of("sort", ORDERS, "newest"),
        one_of("view", VIEWS, "table"),
    )


def uploads(viewer: Viewer, asked: Wanted) -> QuerySet[Video]:
    """The viewer's own uploads that pass the filters."""
    rows = own_uploads(viewer).annotate(
        seconds=Coalesce("duration", Value(0.0)),
        called=Coalesce(NullIf("title", Value("")), "filename"),
    )
    if asked.state:
        rows = rows.filter(state__in=STATES[asked.state])
    if asked.kind:
        rows = rows.filter(media_type=asked.kind)
    if asked.text:
        rows = rows.filter(called(asked.text))
    if asked.duplicates:
        linked = Q(query=OuterRef("pk")) | Q(reference=OuterRef("pk"))
        found = Exists(_links().filter(linked))
        rows = rows.filter(found if asked.duplicates == "yes" else ~found)
    return rows


def library_page(viewer: Viewer, asked: Wanted, after: str = "", before: str = "") -> Page:
    return page(uploads(viewer, asked), ORDERS[asked.sort], PAGE_SIZE, after, before)


def duplicates_of(video_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How many other videos each of them matches."""
    ids = set(video_ids)
    others: dict[uuid.UUID, set[uuid.UUID]] = {number: set() for number in ids}
    links = _links().filter(Q(query__in=ids) | Q(reference__in=ids))
    for query, reference in links.values_list("query_id", "reference_id"):
        for here, there in ((query, reference), (reference, query)):
            if here in others:
                others[here].add(there)
    return {number: len(found) for number, found in others.items()}


def _links() -> QuerySet[DuplicateLink]:
    """Those that are shown, see `matching.links.links_of`."""
    return DuplicateLink.objects.filter(Q(version=ENGINE_VERSION) | Q(provisional=False))
