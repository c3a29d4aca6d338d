"""The public videos that have pictures, newest first, found by their names."""

from typing import Final

from django.db.models import Q, QuerySet

from videos.models import State, Video, Visibility
from videos.paging import Order, Page, page

PAGE_SIZE: Final = 24
LONGEST_TEXT: Final = 100
NEWEST: Final = Order("uploaded_at", Video._meta.get_field("uploaded_at"), descending=True)
SETTLED: Final = (State.READY, State.PARTIAL, State.DUPLICATE)


def public_videos(text: str = "") -> QuerySet[Video]:
    """What everybody may see and is worth a look; `text` is anywhere in the name."""
    rows = Video.objects.filter(visibility=Visibility.PUBLIC, state__in=SETTLED)
    rows = rows.filter(blocked_at__isnull=True)
    rows = rows.exclude(thumbnail_key="")
    return rows.filter(called(text)) if text else rows


def gallery_page(text: str, after: str = "", before: str = "") -> Page:
    return page(public_videos(text), NEWEST, PAGE_SIZE, after, before)


def asked_text(told: str) -> str:
    return told.replace("\x00", "").strip()[:LONGEST_TEXT]


def called(text: str) -> Q:
    """Videos whose title or file name holds the text, in any case."""
    return Q(title__icontains=text) | Q(filename__icontains=text)
