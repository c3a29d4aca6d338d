"""Pages by keyset: what comes in meanwhile neither repeats a row nor hides one."""

import base64
import binascii
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.db.models.fields import Field

from videos.models import Video

LONGEST_CURSOR: Final = 2000


@dataclass(frozen=True)
class Order:
    """By a field (the id breaks ties) that is never null; `kind` reads its values."""

    name: str
    kind: "Field[Any, Any]"
    descending: bool = False


@dataclass(frozen=True)
class Page:
    """`after` and `before` are cursors of the next and the previous page; empty where none is."""

    rows: Sequence[Video]
    after: str = ""
    before: str = ""


def page(rows: QuerySet[Video], order: Order, size: int, after: str = "", before: str = "") -> Page:
    """`size` rows beyond the cursor. What is no cursor of ours is taken for none."""
    place = _read(after or before, order)
    back = place is not None and not after
    if place is not None:
        rows = rows.filter(_beyond(order, place, order.descending != back))
    falling = order.descending != back
    sign = "-" if falling else ""
    found = list(rows.order_by(f"{sign}{order.name}", f"{sign}pk")[: size + 1])
    more, found = len(found) > size, found[:size]
    if back:
        found.reverse()
    further, earlier = (True, more) if back else (more, place is not None)
    return Page(
        found,
        _cursor(found[-1], order) if found and further else "",
        _cursor(found[0], order) if found and earlier else "",
    )


def _beyond(order: Order, place: tuple[Any, uuid.UUID], falling: bool) -> Q:
    value, number = place
    side = "lt" if falling else "gt"
    # The first condition is what an index is read by.
    return Q(**{f"{order.name}__{side}e": value}) & (
        Q(**{f"{order.name}__{side}": value}) | Q(**{f"pk__{side}": number})
    )


def _cursor(row: Video, order: Order) -> str:
    value = order.kind.get_prep_value(getattr(row, order.name))
    text = value.isoformat() if hasattr(value, "isoformat") else value
    return base64.urlsafe_b64encode(json.dumps([text, row.pk.hex]).encode()).decode().rstrip("=")


def _read(cursor: str, order: Order) -> tuple[Any, uuid.UUID] | None:
    if not cursor or len(cursor) > LONGEST_CURSOR:
        return None
    try:
        told = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        text, number = told
        value = order.kind.to_python(text)
        if value is None or (isinstance(value, str) and "\x00" in value):
            return None
        return value, uuid.UUID(number)
    except (ValueError, TypeError, AttributeError, binascii.Error, ValidationError, RecursionError):
        return None
