"""A link turned round: what was found of the query is told of the reference, and the other way."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from matching.engine.geometry import inverse
from matching.models import Segment

OPPOSITES: Final = {"excerpt": "inserted", "inserted": "excerpt"}


def turned_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a DuplicateLink with its sides exchanged."""
    return fields | {
        "query": fields["reference"],
        "reference": fields["query"],
        "covered_query": fields["covered_reference"],
        "covered_reference": fields["covered_query"],
        "kinds": turned_kinds(fields["kinds"]),
    }


def turned_kinds(kinds: Sequence[str]) -> list[str]:
    """What was done to the other side: an excerpt of it is all of this, among other footage."""
    return [OPPOSITES.get(kind, kind) for kind in kinds]


def turned_segment(segment: Segment) -> Segment:
    """A segment, not saved yet, with its sides exchanged."""
    matrix = segment.transform
    return Segment(
        link=segment.link,
        q_start=segment.r_start,
        q_end=segment.r_end,
        r_start=segment.q_start,
        r_end=segment.q_end,
        speed=1 / segment.speed,
        mirrored=segment.mirrored,
        inverted=segment.inverted,
        transform=None if matrix is None else _inverse(matrix),
        motion=segment.motion,
        matched_frames=segment.matched_frames,
        similarity=segment.similarity,
        pairs=[[theirs, ours, score] for ours, theirs, score in segment.pairs],
        points=[
            [theirs, ours, [[x2, y2, x1, y1] for x1, y1, x2, y2 in places]]
            for ours, theirs, places in segment.points
        ],
    )


def _inverse(matrix: Sequence[float]) -> list[float]:
    back: list[float] = inverse(np.array(matrix).reshape(2, 3)).ravel().round(6).tolist()
    return back
