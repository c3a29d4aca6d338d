"""What its uploader may change of a video: what it is called, and who sees it."""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from videos.access.visibility import Viewer, may_change
from videos.errors import Refusal, bad_value, not_found
from videos.models import State, Video, Visibility
from videos.names import MAX_LENGTH, shown_text

CHANGEABLE: Final = ("title", "visibility")


def read_changes(told: Mapping[str, Any]) -> dict[str, str]:
    """The new values of those fields that are named; raises BAD_REQUEST, BAD_VALUE."""
    unknown = sorted(set(map(str, told)) - set(CHANGEABLE))
    if unknown or not told:
        raise Refusal("BAD_REQUEST", "Send “title” or “visibility”, or both, and no more.", 400)
    changes = dict(told)
    if "title" in changes:
        changes["title"] = _title(changes["title"])
    if "visibility" in changes and changes["visibility"] not in Visibility.values:
        raise bad_value("visibility", f"It is {' or '.join(Visibility.values)}.")
    return changes


def change(viewer: Viewer, video_id: uuid.UUID, changes: Mapping[str, str]) -> None:
    """Write the changes; raises NOT_FOUND for a video that is not the viewer's own."""
    video = Video.objects.filter(pk=video_id).first()
    if video is None or not may_change(viewer, video):
        raise not_found()
    Video.objects.filter(pk=video_id).exclude(state=State.DELETED).update(**changes)


def _title(told: Any) -> str:
    if not isinstance(told, str):
        raise bad_value("title", "It is a text.")
    title = shown_text(told)
    if len(title) > MAX_LENGTH:
        raise bad_value("title", f"It has {MAX_LENGTH} characters at most.")
    return title
