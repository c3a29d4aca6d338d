"""Reads what `moderation.policy` decides by: links, rights, allow rules and settings."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from matching.models import DuplicateLink
from moderation.models import AllowRule, Flag, Reference
from moderation.policy import DueHours, Facts, Match, Outcome, Right, Routing, Rule, where
from videos.models import State, Video

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def facts_of(link: DuplicateLink) -> Facts:
    """Of a link that was read with its query and segments."""
    return Facts(
        link.query_id,
        link.reference_id,
        link.query.owner_id,
        link.score,
        link.covered_query,
        link.covered_reference,
        tuple(
            Match((part.q_start, part.q_end), (part.r_start, part.r_end))
            for part in link.segments.all()
        ),
    )


def rights_in(video_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Right]]:
    """Who has rights in each of the videos, the first registered first."""
    held: dict[uuid.UUID, list[Right]] = {}
    rows = Reference.objects.filter(video_id__in=list(video_ids)).select_related("holder")
    for row in rows.order_by("registered_at", "pk"):
        held.setdefault(row.video_id, []).append(right_of(row))
    return held


def right_of(row: Reference) -> Right:
    own = row.holder
    seconds, share = row.least_seconds, row.least_share
    return Right(
        row.pk,
        row.holder_id,
        row.effective_policy,
        row.effective_version,
        row.licence,
        own.least_seconds if seconds is None else seconds,
        own.least_share if share is None else share,
        where(row.territories, row.policy_territories or own.policy_territories),
    )


def in_force() -> QuerySet[AllowRule]:
    """Rules that are neither revoked nor over, by the database's clock."""
    return AllowRule.objects.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=Now()), revoked_at__isnull=True
    )


def rules_about(video_ids: Iterable[uuid.UUID]) -> list[Rule]:
    """The rules in force that may speak of a match between these videos."""
    ids = list(video_ids)
    owners = Video.objects.filter(pk__in=ids, owner__isnull=False).values("owner_id")
    rows = in_force().filter(
        Q(kind="pair", video_id__in=ids)
        | Q(kind="segment", video_id__in=ids)
        | Q(kind="uploader", uploader_id__in=owners)
        | Q(kind="licence")
    )
    return [rule_of(row) for row in rows]


def rule_of(row: AllowRule) -> Rule:
    named = {row.video_id, row.other_id} - {None}
    return Rule(
        row.pk,
        row.kind,
        frozenset(video for video in named if video is not None),
        (row.start or 0.0, row.end or 0.0),
        row.uploader_id,
        row.licence,
        row.holder_id,
    )


def due_hours() -> DueHours:
    options = settings.TVIDZ
    return DueHours(
        {
            "block": options.due_hours_block,
            "monetise": options.due_hours_monetise,
            "review": options.due_hours_review,
            "track": options.due_hours_track,
            "": options.due_hours_plain,
        }
    )


def routing() -> Routing:
    options = settings.TVIDZ
    return Routing(options.second_review_share, options.block_needs_two, options.bulk_needs_two)


def trusted(video_id: uuid.UUID) -> bool:
    """Whether who uploaded it has many videos here and was never found to copy."""
    enough = settings.TVIDZ.trusted_uploads
    owner = Video.objects.filter(pk=video_id).values_list("owner_id", flat=True).first()
    if owner is None or not enough:
        return False
    theirs = Video.objects.filter(owner_id=owner, state=State.READY)
    guilty = Flag.objects.filter(
        state=Flag.State.CONFIRMED, query_id__in=Video.objects.filter(owner_id=owner).values("pk")
    )
    return theirs.count() >= enough and not guilty.exists()


def queue_fields(link: DuplicateLink, outcome: Outcome, opened_at: datetime) -> dict[str, Any]:
    """What a flag repeats of its link and policy, so that queues need no joins."""
    return {
        "link_id": link.pk,
        "query_id": link.query_id,
        "reference_id": link.reference_id,
        "policy": outcome.policy,
        "policy_version": outcome.version,
        "holder_id": outcome.holder,
        "kinds": list(link.kinds),
        "score": link.score,
        "covered": max(link.covered_query, link.covered_reference),
        "priority": outcome.priority,
        "place": place(outcome.priority, opened_at),
        "opened_at": opened_at,
        "due_at": opened_at + timedelta(hours=outcome.due_hours),
    }


def place(priority: float, opened_at: datetime) -> float:
    """Orders the queue: priority, and some more for each day of waiting.

    All that wait gain alike, so what was opened later begins lower instead, and nothing needs to be
    counted anew.
    """
    days = (opened_at - _EPOCH).total_seconds() / 86_400
    return priority - settings.TVIDZ.queue_points_a_day * days


def flags_about(video_ids: Sequence[uuid.UUID]) -> QuerySet[Flag]:
    """Flags of pairs with one of the videos that stand."""
    ids = list(video_ids)
    either = Q(query_id__in=ids) | Q(reference_id__in=ids)
    return Flag.objects.filter(either).exclude(state=Flag.State.SUPERSEDED).order_by(F("pk"))
