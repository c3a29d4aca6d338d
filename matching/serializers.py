"""Links as a viewer of one of the two videos is shown them."""

import bisect
from collections.abc import Sequence
from typing import Any

from matching.engine.geometry import inverse
from matching.engine.transform import Size, sides, transform
from matching.links import links_of
from matching.models import DuplicateLink, Segment
from matching.witnesses import evidence_url, matrix_of, witnesses
from videos.access.visibility import Viewer, may_see
from videos.media_urls import original_url, picture_url, thumbnail_url
from videos.models import FrameInfo, Video
from videos.serializers import video_json, video_page

# Pictures along a timeline.
FILMSTRIP = 16
# Words for a confidence, each with the least number that earns it.
WORDS = ((0.9, "certain"), (0.7, "likely"), (0.0, "doubtful"))


def confidence_word(score: float) -> str:
    return next(word for least, word in WORDS if score >= least)


def video_with_duplicates(video: Video, viewer: Viewer) -> dict[str, Any]:
    """The whole state of a video's page: the snapshot of the live stream, too."""
    links = links_of(video.id)
    return {
        **video_json(video, viewer),
        "filmstrip": _filmstrip(video),
        "duplicates": [duplicate_json(link, video, viewer) for link in links],
    }


def duplicate_json(link: DuplicateLink, here: Video, viewer: Viewer) -> dict[str, Any]:
    """One link seen from the video `here`, whichever side of it that is."""
    is_query = link.query_id == here.id
    other = link.reference if is_query else link.query
    seen = may_see(viewer, other)
    covered = (link.covered_query, link.covered_reference)
    pictures = (Pictures(here, True), Pictures(other, seen))
    sizes = (_size(here), _size(other))
    return {
        "id": link.pk,
        "video": other_json(other, seen),
        "role": "query" if is_query else "reference",
        "score": round(link.score, 4),
        "confidence_word": confidence_word(link.score),
        "kinds": link.kinds,
        "covered": round(covered[not is_query], 4),
        "covered_other": round(covered[is_query], 4),
        "matched_frames": link.matched_frames,
        "engine_version": link.version,
        "provisional": link.provisional,
        "segments": [
            {
                **_segment_json(segment, is_query, pictures),
                "transform": _transform_json(segment, is_query, sizes),
                "matched_points": _points_json(segment, is_query) if seen else [],
            }
            for segment in link.segments.all()
        ],
    }


def other_json(other: Video, seen: bool) -> dict[str, Any]:
    """The other video; one the viewer may not see keeps its name and pictures to itself."""
    return {
        "id": str(other.id) if seen else None,
        "filename": other.filename if seen else "a video that is not public",
        "title": other.title if seen else "",
        "media_type": other.media_type,
        "thumbnail": thumbnail_url(other) if seen else None,
        "media": original_url(other) if seen else None,
        "page": video_page(other) if seen else None,
        "duration": other.duration,
        "uploaded_at": other.uploaded_at.isoformat(),
    }


def _segment_json(
    segment: Segment, is_query: bool, pictures: tuple["Pictures", "Pictures"]
) -> dict[str, Any]:
    query = (segment.q_start, segment.q_end)
    reference = (segment.r_start, segment.r_end)
    here, there = (query, reference) if is_query else (reference, query)
    return {
        "id": segment.pk,
        "start": here[0],
        "end": here[1],
        "other_start": there[0],
        "other_end": there[1],
        # How fast the other one runs while this one plays at its own speed.
        "speed": segment.speed if is_query else 1 / segment.speed,
        "mirrored": segment.mirrored,
        "inverted": segment.inverted,
        "motion": segment.motion,
        "matched_frames": segment.matched_frames,
        "frame_pairs": [
            {
                "time": time,
                "other_time": other_time,
                "picture": pictures[0].at(time),
                "other_picture": pictures[1].at(other_time),
                "score": score,
            }
            for time, other_time, score in _pairs(segment.pairs, is_query)
        ],
    }


def _size(video: Video) -> Size | None:
    return (video.width, video.height) if video.width and video.height else None


def _transform_json(
    segment: Segment, is_query: bool, sizes: tuple[Size | None, Size | None]
) -> dict[str, Any] | None:
    """How this video's picture lies in the other's, seen from this one."""
    matrix = matrix_of(segment)
    here, other = sizes
    if matrix is None or here is None or other is None:
        return None
    matrix = matrix if is_query else inverse(matrix)
    told = transform(matrix, here, other)
    if told is None:
        return None
    return {
        "matrix": matrix.ravel().round(6).tolist(),
        "rotation": round(told.rotation, 1),
        "stretch": round(told.stretch, 3),
        "box": sides(told.inset),
        "other_box": sides(told.crop),
        "share": round(told.filled, 4),
        "other_share": round(told.shown, 4),
    }


def _points_json(segment: Segment, is_query: bool) -> list[dict[str, Any]]:
    return [
        {
            "time": witness.query_time if is_query else witness.reference_time,
            "other_time": witness.reference_time if is_query else witness.query_time,
            "points": witness.points[:, [0, 1, 2, 3] if is_query else [2, 3, 0, 1]].tolist(),
            "picture": evidence_url(segment, number, reference_first=not is_query),
        }
        for number, witness in enumerate(witnesses(segment))
    ]


def _pairs(pairs: Sequence[Sequence[float]], is_query: bool) -> list[tuple[float, float, float]]:
    return [(q, r, s) if is_query else (r, q, s) for q, r, s in pairs]


def _filmstrip(video: Video) -> list[dict[str, Any]]:
    """Pictures of the video at even steps, for its timeline; none before they are stored."""
    if not video.pictures_key or not video.duration:
        return []
    pictures = Pictures(video, True)
    step = video.duration / FILMSTRIP
    middles = [(number + 0.5) * step for number in range(FILMSTRIP)]
    return [{"time": round(time, 3), "picture": pictures.at(time)} for time in middles]


class Pictures:
    """Finds the evidence picture nearest to a moment of one video; its frames are read once."""

    def __init__(self, video: Video, seen: bool) -> None:
        self._video = video
        self._seen = seen
        self._frames: list[FrameInfo] | None = None
        self._times: list[float] = []

    def at(self, time: float) -> str | None:
        if not self._seen:
            return None
        if self._frames is None:
            self._frames = list(FrameInfo.objects.filter(video=self._video).order_by("timestamp"))
            self._times = [frame.timestamp for frame in self._frames]
        if not self._frames:
            return None
        after = bisect.bisect_left(self._times, time)
        near = self._frames[max(0, after - 1) : after + 1]
        return picture_url(self._video, min(near, key=lambda f: abs(f.timestamp - time)))
