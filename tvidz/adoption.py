"""Instead of the steps from probe to search: an exact re-upload takes over what its twin has."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from matching import twins
from matching.links import Recorded
from moderation.flagging import flag
from videos.deletion import staying
from videos.models import Video
from videos.queue import Claim, fenced
from videos.twins import copy_frames, copy_pictures

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Telling:
    """How the run tells of links, that facts, cuts and pictures are there, and that it is alive."""

    links: Callable[[Recorded], None]
    facts: Callable[[], None]
    alive: Callable[[], None]


def adopt(held: Claim, video: Video, twin: Video, telling: Telling, *, stop: bool) -> bool:
    """Take over frames, pictures, fingerprint and links; False where they are gone meanwhile.

    The twin itself is told first. With `stop` nothing else is kept.
    """
    try:
        copy_pictures(video, twin)
    except FileNotFoundError:
        log.warning("a twin without pictures", twin=str(twin.id))
        return False
    with fenced(held):
        if twin.pk not in staying([twin.pk]):
            return False
        copy_frames(video, twin)
        told = twins.link_to_twin(video, twin)
        if stop:
            flag(video.id)
        else:
            twins.copy_index(video, twin)
    telling.facts()
    telling.links(told)
    if not stop:
        # Found from now on; who searched before knows the twin alone.
        twins.await_searches(video, telling.alive)
        with fenced(held):
            if twin.pk not in staying([twin.pk]):
                # What its links told is gone with it, so we have to search ourselves.
                return False
            told = twins.copy_links(video, twin)
            flag(video.id)
        telling.links(told)
    return True
