"""Matches in the form the corpus' scorer takes: one object a segment."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from matching.verification import Match


def predictions(
    query: str, matches: Sequence[Match], names: Mapping[uuid.UUID, str], version: str
) -> list[dict[str, Any]]:
    """`query`, `ref`, four times in seconds and `score`, with kinds, transform and version."""
    return [
        {
            "query": query,
            "ref": names[match.video_id],
            "q_start": round(part.q_start, 3),
            "q_end": round(part.q_end, 3),
            "r_start": round(part.r_start, 3),
            "r_end": round(part.r_end, 3),
            "score": round(match.score.score, 6),
            "kinds": list(match.score.kinds),
            "transform": {
                "mirrored": part.mirrored,
                "inverted": "inverted" in part.changes,
                "turned": "turned" in part.changes,
                "speed": round(part.speed, 4),
            },
            "engine_version": version,
        }
        for match in matches
        for part in match.segments
    ]
