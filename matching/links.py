"""Matches become DuplicateLinks and Segments: one link for a pair and engine version.

Links of older versions stay, for they are what a reviewer saw; a viewer is shown one link a pair,
the newest version's.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from matching.engine.agreement import similarity
from matching.engine.alignment import AlignedSegment
from matching.engine.geometry import inverse
from matching.engine.motion import Motion
from matching.engine.version import ENGINE_VERSION
from matching.judging import Match
from matching.models import DuplicateLink, Segment
from matching.roles import hold_roles, rank
from matching.turning import turned_kinds
from videos.deletion import staying
from videos.models import Video

# Evidence of a segment that is kept: as many frame pairs as people look at, spread evenly.
PAIRS_KEPT = 24


@dataclass(frozen=True)
class Recorded:
    """Links as they stand after recording, and those of this query that did not hold.

    `overtaken` are links of other versions whose pairs are shown by `links` from now on, `back`
    those that are shown again because a newer one of their pair is among `gone`.
    """

    links: tuple[int, ...]
    gone: tuple[int, ...]
    overtaken: tuple[int, ...] = ()
    back: tuple[int, ...] = ()


def record(video: Video, matches: Sequence[Match], version: str, *, provisional: bool) -> Recorded:
    """Write what a search of `video` found; call it inside the fencing transaction.

    A link already found from the other side is kept as it is while this search is provisional.
    What this query claimed before and no longer finds goes, at the end of the analysis only.
    A video that was deleted since it was found is passed over.
    """
    found = [match.video_id for match in matches]
    hold_roles([video.pk, *found])
    # Read anew, as it may have become registered since its analysis began.
    others = Video.objects.in_bulk(staying([video.pk, *found]))
    video = others.get(video.pk, video)
    made: dict[uuid.UUID, int] = {}
    # Every analysis locks pairs in one order, the ids', so that no two wait for each other.
    for match in sorted(matches, key=lambda match: match.video_id):
        other = others.get(match.video_id)
        if other is not None:
            made[other.pk] = _record_one(video, other, match, version, provisional)
    links = [made[match.video_id] for match in matches if match.video_id in made]
    overtaken = _of_other_versions(video, links)
    gone: tuple[int, ...] = ()
    back: tuple[int, ...] = ()
    if not provisional:
        stale = DuplicateLink.objects.filter(
            Q(query=video) | Q(reference=video, provisional=True), version=version
        ).exclude(pk__in=links)
        gone = tuple(stale.values_list("pk", flat=True))
        hidden = _of_other_versions(video, gone)
        stale.delete()
        back = tuple(links_of(video.pk).filter(pk__in=hidden).values_list("pk", flat=True))
    return Recorded(tuple(links), gone, overtaken, back)


def drop_provisional(video: Video) -> None:
    """Take back what the early searches of a failed analysis claimed."""
    DuplicateLink.objects.filter(_either_side(video.pk), provisional=True).delete()


def _record_one(video: Video, other: Video, match: Match, version: str, provisional: bool) -> int:
    swapped = rank(video) < rank(other)
    query, reference = (other, video) if swapped else (video, other)
    covered = (match.score.covered_query, match.score.covered_reference)
    fields = {
        "query": query,
        "reference": reference,
        "score": match.score.score,
        "matched_frames": match.score.matched_frames,
        "aligned_cuts": match.aligned_cuts,
        "covered_query": covered[swapped],
        "covered_reference": covered[not swapped],
        "kinds": turned_kinds(match.score.kinds) if swapped else list(match.score.kinds),
        "provisional": provisional,
    }
    link = link_of_pair(video, other, version, fields)
    link.segments.all().delete()
    Segment.objects.bulk_create(_segment(link, match, part, swapped) for part in match.segments)
    return link.pk


def link_of_pair(
    video: Video, other: Video, version: str, fields: dict[str, object]
) -> DuplicateLink:
    """The pair's one link, made or brought up to date and locked.

    Two analyses may find each other at the same moment: the loser of the insert updates.
    """
    pair = DuplicateLink.objects.select_for_update().filter(
        Q(query=video, reference=other) | Q(query=other, reference=video), version=version
    )
    link = pair.first()
    if link is None:
        try:
            with transaction.atomic():
                return DuplicateLink.objects.create(version=version, **fields)
        except IntegrityError:
            link = pair.get()
    for name, value in fields.items():
        setattr(link, name, value)
    link.save()
    return link


def _segment(link: DuplicateLink, match: Match, part: AlignedSegment, swapped: bool) -> Segment:
    ours, theirs = (part.q_start, part.q_end), (part.r_start, part.r_end)
    (q_start, q_end), (r_start, r_end) = (theirs, ours) if swapped else (ours, theirs)
    return Segment(
        link=link,
        q_start=q_start,
        q_end=q_end,
        r_start=r_start,
        r_end=r_end,
        speed=1 / part.speed if swapped else part.speed,
        mirrored=part.mirrored,
        inverted="inverted" in part.changes,
        transform=_transform(match, part, swapped),
        motion=None if part.motion is None else _correlation(part.motion),
        matched_frames=part.matched_frames,
        similarity=float(similarity(np.array(part.mean_distance))),
        pairs=frame_pairs(part, swapped),
        points=_points(match, part, swapped),
    )


def frame_pairs(part: AlignedSegment, swapped: bool = False) -> list[list[float]]:
    """[query second, reference second, similarity] of some matched frames, in order."""
    count = len(part.pairs_query)
    places = np.unique(np.linspace(0, count - 1, min(count, PAIRS_KEPT)).round().astype(int))
    columns = [part.pairs_query[places], part.pairs_reference[places]]
    if swapped:
        columns.reverse()
    return [
        [round(float(q), 3), round(float(r), 3), round(float(similarity(d)), 3)]
        for q, r, d in zip(*columns, part.pairs_distance[places], strict=True)
    ]


def _transform(match: Match, part: AlignedSegment, swapped: bool) -> list[float] | None:
    matrix = match.transform_of(part)
    if matrix is None:
        return None
    kept: list[float] = (inverse(matrix) if swapped else matrix).ravel().round(6).tolist()
    return kept


def _correlation(motion: Motion) -> float:
    # A sum of products may leave the range by a rounding.
    return min(1.0, max(-1.0, motion.correlation))


def _points(match: Match, part: AlignedSegment, swapped: bool) -> list[list[Any]]:
    """[query second, reference second, [[x, y, x, y], …]] of frame pairs, the best first."""
    pairs = match.points_of(part)
    return [
        [round(pair.query_time, 3), round(pair.reference_time, 3), pair.points.round(4).tolist()]
        for pair in (each.swapped() if swapped else each for each in pairs)
    ]


def links_of(video_id: uuid.UUID) -> QuerySet[DuplicateLink]:
    """Links of a video from either side, surest first, with what drawing them needs.

    Of a pair that several engine versions linked there is one: the running version's, else the one
    made last. What an upgrade cut off while it was provisional nobody settles any more: it is not
    shown.
    """
    shown = Q(version=ENGINE_VERSION) | Q(provisional=False)
    newer = _same_pair().filter(
        Q(version=ENGINE_VERSION) | Q(pk__gt=OuterRef("pk"), provisional=False)
    )
    return (
        DuplicateLink.objects.filter(_either_side(video_id))
        .filter(shown)
        .filter(Q(version=ENGINE_VERSION) | ~Exists(newer))
        .select_related("query", "reference")
        .prefetch_related("segments")
        .order_by("-score", "pk")
    )


def _either_side(video_id: uuid.UUID) -> Q:
    return Q(query_id=video_id) | Q(reference_id=video_id)


def _of_other_versions(video: Video, links: Sequence[int]) -> tuple[int, ...]:
    """What other versions made of the pairs of these links of the video."""
    found = _same_pair().filter(pk__in=links).exclude(version=OuterRef("version"))
    others = DuplicateLink.objects.filter(_either_side(video.pk)).filter(Exists(found))
    return tuple(others.values_list("pk", flat=True))


def _same_pair() -> QuerySet[DuplicateLink]:
    """For a subquery: the links of the outer link's pair, itself included."""
    return DuplicateLink.objects.filter(
        Q(query=OuterRef("query"), reference=OuterRef("reference"))
        | Q(query=OuterRef("reference"), reference=OuterRef("query"))
    )
