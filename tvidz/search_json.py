"""What a search found, as one who asks is shown it.

The shape is that of a video's duplicates, so that whoever reads one reads the other. Who may see
what is decided here, each time: an answer that is kept knows nothing of it.
"""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby
from typing import Any

from django.conf import settings
from django.urls import reverse

from matching.serializers import Pictures, confidence_word, other_json
from tvidz.answers import Answer
from tvidz.searching import Asked
from videos.access.visibility import Viewer, kept_from, may_see
from videos.models import WITHHELD, Search, Video


def asked_json(asked: Asked, viewer: Viewer) -> dict[str, Any]:
    """A search that was answered at once."""
    return {
        "id": None,
        "address": None,
        "state": str(Search.State.DONE),
        "progress": 1.0,
        "query": asked.facts,
        "error": None,
        "expires_at": None,
        **_found_json(asked.answer, viewer),
    }


def search_json(row: Search, viewer: Viewer) -> dict[str, Any]:
    """A search that a worker does or has done."""
    error = {
        "code": row.error_code,
        "message": row.error_message,
        "retryable": row.error_retryable,
    }
    ends = row.finished_at and row.finished_at + _kept()
    return {
        "id": str(row.pk),
        "address": address(row),
        "state": row.state,
        "progress": row.progress,
        "query": row.facts,
        "error": error if row.error_code else None,
        "expires_at": ends.isoformat() if ends else None,
        **_found_json(Answer(**row.answer) if row.answer else None, viewer),
    }


def address(row: Search) -> str:
    return reverse("search-result", args=[row.pk])


def _found_json(answer: Answer | None, viewer: Viewer) -> dict[str, Any]:
    if answer is None:
        return {"complete": None, "readable": None, "matches": []}
    matches = _matches_json(answer.rows, viewer)
    return {"complete": answer.complete, "readable": round(answer.readable, 3), "matches": matches}


def _matches_json(rows: Iterable[dict[str, Any]], viewer: Viewer) -> list[dict[str, Any]]:
    by_video = [(ref, list(parts)) for ref, parts in groupby(rows, lambda row: str(row["ref"]))]
    # What has gone since, or is locked away, is told to nobody; what is blocked, not to the public.
    found = Video.objects.exclude(state__in=WITHHELD).in_bulk([uuid.UUID(r) for r, _ in by_video])
    videos = {str(pk): video for pk, video in found.items() if not kept_from(viewer, video)}
    told = [_match_json(videos[ref], parts, viewer) for ref, parts in by_video if ref in videos]
    # Of equally sure ones those that can be looked at come first.
    return sorted(told, key=lambda match: (-round(match["score"], 2), match["video"]["id"] is None))


def _match_json(video: Video, parts: list[dict[str, Any]], viewer: Viewer) -> dict[str, Any]:
    seen = may_see(viewer, video)
    first = parts[0]
    pictures = Pictures(video, seen)
    return {
        "video": other_json(video, seen),
        "score": round(first["score"], 4),
        "confidence_word": confidence_word(first["score"]),
        "kinds": first["kinds"],
        "covered": first["covered_query"],
        "covered_other": first["covered_reference"],
        "matched_frames": first["match_frames"],
        "engine_version": first["engine_version"],
        "segments": [_segment_json(part, pictures) for part in parts],
    }


def _segment_json(part: dict[str, Any], pictures: Pictures) -> dict[str, Any]:
    lies = part["transform"]
    return {
        "start": part["q_start"],
        "end": part["q_end"],
        "other_start": part["r_start"],
        "other_end": part["r_end"],
        "speed": lies["speed"],
        "mirrored": lies["mirrored"],
        "inverted": lies["inverted"],
        "matched_frames": part["matched_frames"],
        "transform": _transform_json(lies),
        "frame_pairs": [
            {"time": here, "other_time": there, "score": score, "other_picture": pictures.at(there)}
            for here, there, score in part["frame_pairs"]
        ],
    }


def _transform_json(lies: dict[str, Any]) -> dict[str, Any] | None:
    if "matrix" not in lies:
        return None
    return {
        "matrix": lies["matrix"],
        "rotation": lies["rotation"],
        "stretch": lies["stretch"],
        "box": lies["inset"],
        "other_box": lies["crop"],
        "share": lies["filled"],
        "other_share": lies["shown"],
    }


def _kept() -> timedelta:
    return timedelta(minutes=settings.TVIDZ.search_expiry_minutes)
