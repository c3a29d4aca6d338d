"""An exact re-upload: its twin's fingerprint and links are taken over, nothing is decoded.

The links are copied, not searched for anew, as a stored fingerprint cannot be asked with: it holds
neither the turned hashes nor the local features of a query.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from django.db.models import Exists, OuterRef

from matching.engine.version import ENGINE_VERSION
from matching.links import Recorded, link_of_pair, links_of
from matching.models import (
    CutToken,
    DescriptorVector,
    DuplicateLink,
    FeatureVector,
    Fingerprint,
    Segment,
)
from matching.roles import hold_roles, rank
from matching.turning import turned_fields, turned_segment
from videos.deletion import staying
from videos.models import Analysis, State, Video
from videos.twins import copy_rows, twins_of

# Frame pairs of the link to the twin that are kept as evidence.
PAIRS: Final = 24
# Searches that began before we could be found end within seconds; one that hangs is not waited for.
WAIT_SECONDS: Final = 60.0
LOOK_EVERY: Final = 0.05


def find(video: Video) -> Video | None:
    """A video of exactly the same content that this engine has fingerprinted.

    None for images, which are analysed as fast as copied, and where the video itself is in the
    library already: whoever has it analysed again means it.
    """
    if not video.sha256 or video.media_type != "video" or _indexed(video.pk):
        return None
    whole = Fingerprint.objects.filter(video=OuterRef("pk"), version=ENGINE_VERSION, ready=True)
    return twins_of(video).filter(Exists(whole)).first()


def copy_index(video: Video, twin: Video) -> None:
    """Make the video searchable as its twin is; its frames are copied already.

    Call it inside the fencing transaction.
    """
    DescriptorVector.objects.filter(video=video).delete()
    for model in (Fingerprint, FeatureVector, CutToken):
        model._default_manager.filter(video=video, version=ENGINE_VERSION).delete()
        copy_rows(model, twin.pk, video.pk, [("version", ENGINE_VERSION)])
    copy_rows(DescriptorVector, twin.pk, video.pk)


def link_to_twin(video: Video, twin: Video) -> Recorded:
    """The link between the two: all of one is all of the other."""
    row = Fingerprint.objects.get(video=twin, version=ENGINE_VERSION)
    times = np.frombuffer(row.dense_times, "<f8")
    places = np.unique(np.linspace(0, len(times) - 1, min(len(times), PAIRS)).round().astype(int))
    hold_roles([video.pk, twin.pk])
    reference, query = sorted(_as_of_now([video, twin]), key=rank)
    link = link_of_pair(
        video,
        twin,
        ENGINE_VERSION,
        {
            "query": query,
            "reference": reference,
            "score": 1.0,
            "matched_frames": len(times),
            "covered_query": 1.0,
            "covered_reference": 1.0,
            "kinds": ["exact"],
            "provisional": False,
        },
    )
    link.segments.all().delete()
    Segment.objects.create(
        link=link,
        q_start=0.0,
        q_end=row.duration,
        r_start=0.0,
        r_end=row.duration,
        matched_frames=len(times),
        similarity=1.0,
        pairs=[[round(float(times[place]), 3)] * 2 + [1.0] for place in places],
    )
    return Recorded((link.pk,), ())


def copy_links(video: Video, twin: Video) -> Recorded:
    """Links from the video to all that its twin is linked to by this engine.

    What an earlier attempt claimed and its twin does not goes.
    """
    theirs = links_of(twin.pk).filter(version=ENGINE_VERSION, provisional=False)
    sides = {each for pair in theirs.values_list("query", "reference") for each in pair}
    hold_roles({video.pk, twin.pk, *sides})
    [video] = _as_of_now([video])
    made = []
    there = staying({pk for link in theirs for pk in (link.query_id, link.reference_id)})
    for link in theirs:
        other = link.reference if link.query_id == twin.pk else link.query
        if other.pk != video.pk and other.pk in there:
            made.append(_copied(link, video, twin, other))
    early = DuplicateLink.objects.filter(query=video, version=ENGINE_VERSION, provisional=True)
    gone = tuple(early.exclude(pk__in=made).values_list("pk", flat=True))
    early.filter(pk__in=gone).delete()
    return Recorded(tuple(made), gone)


def await_searches(video: Video, alive: Callable[[], None]) -> None:
    """Wait for searches that may have begun before the video could be found.

    What they find of its twin is told by their links alone, and is to be copied. `alive` is called
    meanwhile.
    """
    searching = Analysis.objects.filter(state=State.PROCESSING, step="search").exclude(video=video)
    begun = list(searching.values_list("pk", "token"))
    deadline = time.monotonic() + WAIT_SECONDS
    while begun and time.monotonic() < deadline:
        alive()
        time.sleep(LOOK_EVERY)
        still = set(searching.values_list("pk", "token"))
        begun = [each for each in begun if each in still]


def _copied(link: DuplicateLink, video: Video, twin: Video, other: Video) -> int:
    """The twin's link to another video as the video's own."""
    segments = list(link.segments.all())
    fields: dict[str, Any] = {
        name: getattr(link, name)
        for name in (
            *("score", "matched_frames", "aligned_cuts", "covered_query"),
            *("covered_reference", "kinds", "provisional"),
        )
    }
    fields["query"], fields["reference"] = link.query, link.reference
    was_query = link.query_id == twin.pk
    fields["query" if was_query else "reference"] = video
    is_query = rank(other) < rank(video)
    if was_query != is_query:
        fields, segments = turned_fields(fields), [turned_segment(each) for each in segments]
    made = link_of_pair(video, other, ENGINE_VERSION, fields)
    made.segments.all().delete()
    for segment in segments:
        segment.pk, segment.link = None, made
    Segment.objects.bulk_create(segments)
    return made.pk


def _as_of_now(videos: Sequence[Video]) -> list[Video]:
    """The videos, read anew: they may have become registered since the analysis began."""
    there = Video.objects.in_bulk([video.pk for video in videos])
    return [there.get(video.pk, video) for video in videos]


def _indexed(video_id: uuid.UUID) -> bool:
    return Fingerprint.objects.filter(
        video_id=video_id, version=ENGINE_VERSION, ready=True
    ).exists()
