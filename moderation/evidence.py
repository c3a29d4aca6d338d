"""The evidence of a match as it is at one moment, in a form that can be hashed and kept."""

import hashlib
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef
from django.db.models.functions import Abs, JSONObject

from matching.models import DuplicateLink, Segment
from moderation.models import Decision, Flag, FrozenPicture
from videos import storage
from videos.models import FrameInfo, Video

log = structlog.get_logger(__name__)

# Frame pairs whose two pictures are kept with a decision.
PAIRS_FROZEN: Final = 4
_OF_LINK: Final = (
    *("id", "version", "query_id", "reference_id", "score", "matched_frames", "aligned_cuts"),
    *("covered_query", "covered_reference", "kinds", "query__sha256", "reference__sha256"),
)
_OF_SEGMENT: Final = (
    *("q_start", "q_end", "r_start", "r_end", "speed", "mirrored", "inverted", "transform"),
    *("motion", "matched_frames", "similarity", "pairs", "points"),
)


@dataclass(frozen=True)
class Evidence:
    """`content` has ids, times and figures, no names. `there` is False where the link is gone."""

    content: dict[str, Any]
    there: bool

    @property
    def text(self) -> str:
        """The one form that is hashed."""
        return json.dumps(self.content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    @property
    def sha256(self) -> str:
        """What a reviewer's screen names to say which evidence it showed."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def segments(self) -> list[list[float]]:
        """[query start, query end, reference start, reference end], seconds."""
        return [[*part["query"], *part["reference"]] for part in self.content.get("segments", [])]

    def with_pictures(self, pictures: Sequence[FrozenPicture]) -> "Evidence":
        told = [
            {"video": str(each.video_id), "second": each.second, "sha256": each.sha256}
            for each in pictures
        ]
        return Evidence({**self.content, "pictures": told}, self.there)


def evidence_of(flags: Iterable[Flag]) -> dict[int, Evidence]:
    """By flag: what its link and segments say now, read in one statement."""
    rows = list(flags)
    parts = Segment.objects.filter(link=OuterRef("pk")).order_by("q_start", "pk")
    links = DuplicateLink.objects.filter(pk__in=[row.link_id for row in rows if row.link_id])
    told = {
        link["id"]: link
        for link in links.annotate(
            parts=ArraySubquery(parts.values(part=JSONObject(**{n: n for n in _OF_SEGMENT})))
        ).values(*_OF_LINK, "parts")
    }
    return {row.pk: _evidence(row, told.get(row.link_id)) for row in rows}


def _evidence(flag: Flag, link: dict[str, Any] | None) -> Evidence:
    rights = {"policy": flag.policy, "policy_version": flag.policy_version}
    if link is None:
        both = {"query": str(flag.query_id), "reference": str(flag.reference_id)}
        return Evidence({**both, **rights, "link": None}, False)
    segments = [
        {
            **{name: part[name] for name in _OF_SEGMENT[4:]},
            "query": [part["q_start"], part["q_end"]],
            "reference": [part["r_start"], part["r_end"]],
        }
        for part in link["parts"]
    ]
    content = {
        "link": link["id"],
        "engine": link["version"],
        "query": str(link["query_id"]),
        "reference": str(link["reference_id"]),
        "sha256": {"query": link["query__sha256"], "reference": link["reference__sha256"]},
        "threshold": settings.TVIDZ.flag_confidence,
        **{name: link[name] for name in ("score", "matched_frames", "aligned_cuts", "kinds")},
        **{name: link[name] for name in ("covered_query", "covered_reference")},
        **rights,
        "segments": segments,
    }
    return Evidence(content, True)


def pictures_of(evidence: Evidence) -> list[FrozenPicture]:
    """Both pictures of some frame pairs, spread over the segments; those that are stored."""
    segments = evidence.content.get("segments", [])
    pairs = [pair for part in segments for pair in part["pairs"]]
    step = max(1, len(pairs) // PAIRS_FROZEN)
    found = []
    for side, place in (("query", 0), ("reference", 1)):
        video = Video.objects.filter(pk=evidence.content[side]).first()
        seconds = [pair[place] for pair in pairs[::step][:PAIRS_FROZEN]]
        found += _pictures(video, seconds) if video is not None else []
    return found


def _pictures(video: Video, seconds: Sequence[float]) -> list[FrozenPicture]:
    frames = FrameInfo.objects.filter(video=video, picture_size__gt=0)
    nearest = [frames.order_by(Abs(F("timestamp") - second)).first() for second in seconds]
    wanted = {frame.pk: frame for frame in nearest if frame is not None}
    if not wanted or not video.pictures_key:
        return []
    try:
        with storage.open_stored(video.pictures_key) as pack:
            return [_picture(video.pk, frame, pack) for frame in wanted.values()]
    except OSError as error:
        # The figures are kept all the same; a decision does not wait for a storage.
        log.warning("no pictures to freeze", video=str(video.pk), error=str(error))
        return []


def _picture(video_id: uuid.UUID, frame: FrameInfo, pack: Any) -> FrozenPicture:
    pack.seek(frame.picture_offset or 0)
    jpeg = pack.read(frame.picture_size or 0)
    return FrozenPicture(
        video_id=video_id,
        second=frame.timestamp,
        sha256=hashlib.sha256(jpeg).hexdigest(),
        jpeg=jpeg,
    )


def keep(decision: Decision, pictures: Sequence[FrozenPicture]) -> None:
    for picture in pictures:
        picture.decision = decision
    FrozenPicture.objects.bulk_create(pictures)
