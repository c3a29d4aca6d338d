"""Which side of a pair is the reference, and turning a link round when that changes.

The registered side is the reference; of two such the one that was registered first; else the
earlier upload. So a video that becomes registered takes the reference's place in its pairs with
videos that are not, and no other role changes.
"""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q

from matching.engine.version import ENGINE_VERSION
from matching.models import DuplicateLink
from matching.turning import turned_fields, turned_segment
from videos import advisory
from videos.models import Video

_NEVER = datetime.max.replace(tzinfo=UTC)


def rank(video: Video) -> tuple[datetime, datetime, uuid.UUID]:
    """Of two videos the one with the lesser rank is the reference."""
    return (video.registered_at or _NEVER, video.uploaded_at, video.pk)


def is_registered(video_id: uuid.UUID) -> bool:
    """Whether somebody has rights in the video, as of now."""
    return Video.objects.filter(pk=video_id, registered_at__isnull=False).exists()


def hold_roles(video_ids: Iterable[uuid.UUID]) -> None:
    """Until the transaction ends no other one changes the roles of these videos.

    Whoever records links takes this before it reads ranks, all its videos at once.
    """
    advisory.together(_lock_of(video_id) for video_id in video_ids)


def change_roles(video_id: uuid.UUID) -> None:
    """Wait until nobody holds the roles of the video, and keep them until the transaction ends.

    Whoever changes what `rank` reads takes this first of all, of one video in a transaction.
    """
    advisory.alone(_lock_of(video_id))


def turn_round(video_id: uuid.UUID) -> list[int]:
    """Turn the links of the video whose reference is not the one by `rank`; their ids.

    Query and reference change places, and so do the two sides of covered shares, of times, frame
    pairs and points of the segments; a segment's speed and transform become their inverse, an
    "excerpt" becomes "inserted". Rows keep their ids, and flags stay. Links of other engine
    versions are what a reviewer saw: they stay as they are. Call it after `change_roles`.
    """
    either = Q(query_id=video_id) | Q(reference_id=video_id)
    turned = []
    with transaction.atomic():
        rows = DuplicateLink.objects.select_for_update(of=("self",)).order_by("pk")
        links = rows.filter(either, version=ENGINE_VERSION)
        for link in links.select_related("query", "reference"):
            if rank(link.query) < rank(link.reference):
                _turn(link)
                turned.append(link.pk)
    return turned


def _turn(link: DuplicateLink) -> None:
    names = ("query", "reference", "covered_query", "covered_reference", "kinds")
    for name, value in turned_fields({name: getattr(link, name) for name in names}).items():
        setattr(link, name, value)
    link.save()
    for segment in link.segments.all():
        turned = turned_segment(segment)
        turned.pk = segment.pk
        turned.save(force_update=True)


def _lock_of(video_id: uuid.UUID) -> str:
    return f"roles of {video_id}"
