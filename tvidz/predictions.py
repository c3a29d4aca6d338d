"""Matches in the form the corpus' scorer takes: one object a segment."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from matching.engine.alignment import AlignedSegment
from matching.engine.transform import sides, transform
from matching.judging import Match
from moderation.flagging import worth_a_flag


def predictions(
    query: str, matches: Sequence[Match], names: Mapping[uuid.UUID, str], version: str
) -> list[dict[str, Any]]:
    """`query`, `ref`, four times in seconds, `score`, whether the match would be flagged and the
    shares it covers of both, with kinds, transform and version; a match's segments together."""
    return [
        {
            "query": query,
            "ref": names[match.video_id],
            "q_start": round(part.q_start, 3),
            "q_end": round(part.q_end, 3),
            "r_start": round(part.r_start, 3),
            "r_end": round(part.r_end, 3),
            "score": round(match.score.score, 6),
            "flagged": worth_a_flag(match.score.score, match.score.kinds),
            "covered_query": round(match.score.covered_query, 4),
            "covered_reference": round(match.score.covered_reference, 4),
            "kinds": list(match.score.kinds),
            "transform": {
                "mirrored": part.mirrored,
                "inverted": "inverted" in part.changes,
                "turned": "turned" in part.changes,
                "speed": round(part.speed, 4),
                **_picture(match, part),
            },
            "engine_version": version,
        }
        for match in matches
        for part in match.segments
    ]


def _picture(match: Match, part: AlignedSegment) -> dict[str, Any]:
    """How the query's picture lies in the reference's; nothing where that is not known."""
    matrix = match.transform_of(part)
    told = None if matrix is None or match.sizes is None else transform(matrix, *match.sizes)
    if matrix is None or told is None:
        return {}
    return {
        "matrix": matrix.ravel().round(6).tolist(),
        "rotation": round(told.rotation, 1),
        "stretch": round(told.stretch, 3),
        "crop": sides(told.crop),
        "inset": sides(told.inset),
        "shown": round(told.shown, 4),
        "filled": round(told.filled, 4),
    }
