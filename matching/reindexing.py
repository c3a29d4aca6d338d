"""After an upgrade of the engine: what no search finds, queuing it anew, dropping what is left.

Versions are never compared, so a video that an older engine fingerprinted is found by nobody until
its stored file has been analysed again. Videos that ended as `duplicate` are left out: their
analysis stopped on purpose with nothing indexed, so no upgrade takes anything from them, and
beginning again would only stop there again or add what was kept out.
"""

import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from matching.engine.version import ENGINE_VERSION
from matching.models import CutToken, FeatureVector, Fingerprint
from videos.models import UNFINISHED, Analysis, State, Video
from videos.queue import again

SETTLED = (State.READY, State.PARTIAL)


@dataclass(frozen=True)
class Standing:
    """How many videos the library holds, how many of them no search finds, and how many of those
    wait or are being analysed."""

    videos: int
    lacking: int
    unfinished: int


def standing() -> Standing:
    """How far the library has come with this engine."""
    missing = lacking()
    return Standing(
        _library().count(), missing.count(), missing.filter(state__in=UNFINISHED).count()
    )


def lacking() -> QuerySet[Video]:
    """Library videos without a ready fingerprint of this engine."""
    return _library().exclude(Exists(_current()))


def settled() -> QuerySet[Video]:
    """Those of `lacking()` that nobody has queued, oldest first."""
    return lacking().filter(state__in=SETTLED).order_by("uploaded_at", "pk")


def due() -> QuerySet[Video]:
    """All that an operator's own run has to see through, oldest first.

    Analyses that wait, or were cut off before their links were written, come last: their lease
    must run out first, and a running worker may finish them meanwhile.
    """
    return (
        _library()
        .filter(~Exists(_current()) | Q(state__in=UNFINISHED))
        .alias(begun=Q(state__in=UNFINISHED))
        .order_by("begun", "uploaded_at", "pk")
    )


def begin(video_id: uuid.UUID) -> Analysis | None:
    """The analysis to run, made and queued if none was; None for what is no longer due.

    The video is locked before it is looked at, so two runs beside each other queue it once.
    """
    with transaction.atomic():
        locked = Video.objects.select_for_update().filter(pk=video_id).first()
        if locked is None or not due().filter(pk=video_id).exists():
            return None
        return again(video_id)


def is_searchable(video_id: uuid.UUID) -> bool:
    """Whether the video is in the library, by whatever version of the engine."""
    return Fingerprint.objects.filter(video_id=video_id, ready=True).exists()


def outgrown() -> QuerySet[Video]:
    """Videos with a ready fingerprint of this engine that keep another version's rows, too."""
    return Video.objects.filter(Exists(_current()), Exists(_others())).order_by("uploaded_at", "pk")


def prune(video_id: uuid.UUID) -> int:
    """Drop the other versions' index rows of one video of `outgrown()`; how many there were.

    Links and segments of every version stay: they are what a reviewer saw.
    """
    with transaction.atomic():
        if not outgrown().filter(pk=video_id).exists():
            return 0
        return sum(
            model.objects.filter(video_id=video_id).exclude(version=ENGINE_VERSION).delete()[0]
            for model in (FeatureVector, CutToken, Fingerprint)
        )


def _library() -> QuerySet[Video]:
    """What ended well, and what is being analysed again: it was searchable before."""
    ready = Fingerprint.objects.filter(video=OuterRef("pk"), ready=True)
    return Video.objects.filter(
        Q(state__in=SETTLED) | Q(Exists(ready), state__in=UNFINISHED),
    )


def _current() -> QuerySet[Fingerprint]:
    return Fingerprint.objects.filter(video=OuterRef("pk"), version=ENGINE_VERSION, ready=True)


def _others() -> QuerySet[Fingerprint]:
    return Fingerprint.objects.filter(video=OuterRef("pk")).exclude(version=ENGINE_VERSION)
