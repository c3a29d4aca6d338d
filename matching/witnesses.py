"""What a segment's evidence looks like: who is shown it, and the picture drawn from what is stored.

No video is decoded for it: the frames are in the packs of evidence pictures, the points in the row.
"""

from dataclasses import dataclass

import numpy as np
from django.db.models import F
from django.db.models.functions import Abs
from django.urls import reverse
from numpy.typing import NDArray

from matching.engine.drawing import draw_pair
from matching.engine.geometry import inverse
from matching.engine.transform import Transform, transform
from matching.models import Segment
from videos.access.visibility import Viewer, kept_from, may_see
from videos.errors import not_found
from videos.evidence import evidence_pictures
from videos.media.pictures import jpeg
from videos.media_urls import read_signed, signed
from videos.models import WITHHELD, FrameInfo, Video

QUALITY = 85
LEAST_WIDTH, MOST_WIDTH = 320, 1280
# A stored picture stands for the moment of a pair when it was taken that near to it (seconds).
SAME_MOMENT = 0.05
SIGNED_FOR = "evidence"


@dataclass(frozen=True)
class Witness:
    """A frame pair that can be drawn: seconds of either, and points (m, 4) in shares, if any."""

    query_time: float
    reference_time: float
    points: NDArray[np.float64]


def witnesses(segment: Segment) -> list[Witness]:
    """The frame pairs of a segment worth drawing, the best first.

    Without matched points the pair that is most alike shows at least what both pictures share.
    """
    if segment.points:
        return [
            Witness(q, r, np.array(points, np.float64).reshape(-1, 4))
            for q, r, points in segment.points
        ]
    if segment.transform is None or not segment.pairs:
        return []
    query_time, reference_time, _ = max(segment.pairs, key=lambda pair: pair[2])
    return [Witness(query_time, reference_time, np.zeros((0, 4)))]


def matrix_of(segment: Segment) -> NDArray[np.float64] | None:
    """The segment's matrix (2, 3), from the query's shares to the reference's."""
    if segment.transform is None:
        return None
    return np.array(segment.transform, np.float64).reshape(2, 3)


def transform_of(segment: Segment) -> Transform | None:
    """What was done to the reference's picture, named; None where that is not known."""
    matrix, sizes = matrix_of(segment), (_size(segment.link.query), _size(segment.link.reference))
    if matrix is None or sizes[0] is None or sizes[1] is None:
        return None
    return transform(matrix, sizes[0], sizes[1])


def _size(video: Video) -> tuple[int, int] | None:
    return (video.width, video.height) if video.width and video.height else None


def evidence_url(segment: Segment, pair: int, *, reference_first: bool = False) -> str:
    """A signed address of the picture of a pair, for somebody who may see both videos."""
    path = reverse("matching:api-evidence", args=[segment.link_id, segment.pk])
    first = "&first=reference" if reference_first else ""
    return f"{path}?pair={pair}{first}&signed={signed(SIGNED_FOR, segment.pk)}"


def shown_segment(link_id: int, segment_id: int, viewer: Viewer, token: str | None) -> Segment:
    """The segment, for who may see both of its videos or holds a signed address; else a 404."""
    segment = (
        Segment.objects.filter(pk=segment_id, link_id=link_id)
        .select_related("link__query", "link__reference")
        .first()
    )
    if segment is None:
        raise not_found()
    both = (segment.link.query, segment.link.reference)
    if token is None:
        shown = all(may_see(viewer, video) for video in both)
    else:
        shown = read_signed(token) == [SIGNED_FOR, str(segment.pk)]
    gone = any(video.state in WITHHELD or kept_from(viewer, video) for video in both)
    if not shown or gone:
        raise not_found()
    return segment


def evidence_picture(
    segment: Segment, pair: int, width: int, *, dark: bool = False, reference_first: bool = False
) -> bytes:
    """A JPEG `width` pixels wide of the pair: see drawing.draw_pair.

    The query is on the left unless `reference_first`. Raises a 404 Refusal when there is no such
    pair or its frames are no longer stored.
    """
    held = witnesses(segment)
    if not 0 <= pair < len(held):
        raise not_found()
    witness = held[pair]
    query, ours = _picture(segment.link.query, witness.query_time)
    reference, theirs = _picture(segment.link.reference, witness.reference_time)
    points = witness.points if ours and theirs else witness.points[:0]
    width = min(max(width, LEAST_WIDTH), MOST_WIDTH)
    matrix = matrix_of(segment)
    if reference_first:
        query, reference, points = reference, query, points[:, [2, 3, 0, 1]]
        matrix = None if matrix is None else inverse(matrix)
    drawn = draw_pair(query, reference, points, matrix, width, dark=dark)
    return jpeg(drawn, QUALITY, fine_colours=True)


def _picture(video: Video, time: float) -> tuple[NDArray[np.uint8], bool]:
    """The stored picture nearest to a second, (h, w, 3) RGB, and whether it is of that moment."""
    nearest = (
        FrameInfo.objects.filter(video=video, picture_size__isnull=False)
        .order_by(Abs(F("timestamp") - time))
        .first()
    )
    try:
        stored = next(evidence_pictures(video, [nearest] if nearest else []), None)
    except FileNotFoundError:
        stored = None
    if stored is None:
        raise not_found()
    frame, picture = stored
    return picture, abs(frame.timestamp - time) <= SAME_MOMENT
