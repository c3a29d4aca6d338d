"""Step: links that are sure enough become flags for a moderator."""

import uuid
from collections.abc import Sequence

from django.conf import settings
from django.db.models import Q, QuerySet

from matching.engine.version import ENGINE_VERSION
from matching.models import DuplicateLink
from moderation.models import Flag
from videos.deletion import staying


def worth_a_flag(score: float, kinds: Sequence[str]) -> bool:
    """Whether a match is put before a moderator: sure enough, and more than a shared intro."""
    return score >= settings.TVIDZ.flag_confidence and "shared" not in kinds


def flag(video_id: uuid.UUID) -> list[Flag]:
    """Open a flag for each settled link of the video that is worth one; again is the same.

    Call it inside the fencing transaction.

    Only links of the running engine are looked at: flags of other versions stay as they are, with
    the link a reviewer saw, and while one stands its pair gets no second flag.
    """
    either = Q(query_id=video_id) | Q(reference_id=video_id)
    current = DuplicateLink.objects.filter(either, version=ENGINE_VERSION, provisional=False)
    elsewhere = _standing(DuplicateLink.objects.filter(either).exclude(version=ENGINE_VERSION))
    # No link may go with a deleted video between our look and the flag.
    staying(pk for pair in current.values_list("query_id", "reference_id") for pk in pair)
    return [
        _flag_one(link)
        for link in current.select_related("flag").order_by("pk")
        if _pair(link) not in elsewhere and _concerns(link)
    ]


def _standing(links: QuerySet[DuplicateLink]) -> set[frozenset[uuid.UUID]]:
    """The pairs of those of `links` whose flag is not suppressed."""
    flags = Flag.objects.filter(link__in=links).exclude(state=Flag.State.SUPPRESSED)
    return {_pair(flag.link) for flag in flags.select_related("link")}


def _pair(link: DuplicateLink) -> frozenset[uuid.UUID]:
    return frozenset((link.query_id, link.reference_id))


def _concerns(link: DuplicateLink) -> bool:
    return worth_a_flag(link.score, link.kinds) or hasattr(link, "flag")


def _flag_one(link: DuplicateLink) -> Flag:
    sure = worth_a_flag(link.score, link.kinds)
    made, _ = Flag.objects.update_or_create(
        link=link,
        defaults={
            "state": Flag.State.OPEN if sure else Flag.State.SUPPRESSED,
            "reason": "" if sure else "A later analysis was less sure than the threshold.",
            "priority": priority(link),
        },
    )
    return made


def priority(link: DuplicateLink) -> float:
    """Sure and large first: confidence times the larger covered share."""
    return link.score * max(link.covered_query, link.covered_reference)
