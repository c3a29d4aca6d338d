"""The seam to the engine: every pair that a query's verification looks at, with its features."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from matching.fingerprint import VideoFingerprint
from matching.judging import assess, speaks
from matching.search import compare


@dataclass(frozen=True)
class VerifiedPair:
    """A query and a library video that reached verification, with what was found about them."""

    query: str
    reference: str
    features: dict[str, float]


def verified_pairs(
    query: str, fingerprint: VideoFingerprint, names: Mapping[uuid.UUID, str]
) -> list[VerifiedPair]:
    """The library videos verified for `query`, however unsure; `names` as in `ask_folder`."""
    return [
        VerifiedPair(query, names[one.video_id], speaks(one, assess(fingerprint, one)))
        for one in compare(fingerprint)
    ]
