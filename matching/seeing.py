"""Where frames of a query are seen in frames of library videos, by words and geometry."""

import uuid
from collections.abc import Iterator, Sequence

import numpy as np

from matching import index
from matching.engine.geometry import agreement
from matching.engine.local import LocalFeatures, inverted, mirrored
from matching.engine.sightings import Sighting
from matching.engine.vocabulary import Vocabulary
from matching.fingerprint import VideoFingerprint
from matching.pictures import AskingFrame
from matching.words import vocabulary

# Features of a frame whose words are asked for, of the one frame of a still, and nearest centres of
# either half.
FEATURES_ASKED = 60
FEATURES_OF_A_STILL = 120
NEAREST_CENTRES = 2
FRAMES_DRAWN = 10
# Places that must agree for a sighting to count, and for one to make a candidate.
LEAST_PLACES = 4
LEAST_BEST = 6

Seen = dict[uuid.UUID, list[Sighting]]


def see(
    fingerprint: VideoFingerprint, exclude: uuid.UUID | None, *, negatives: bool = True
) -> Seen:
    """Sightings by library video, of videos with one good sighting at least.

    The query is looked for as it is and mirrored; in negative colours only when that finds nothing,
    and only with `negatives`.
    """
    if fingerprint.pictures is None:
        return {}
    asking = fingerprint.pictures.asking
    for negative in (False, True) if negatives else (False,):
        found: Seen = {}
        for video_id, sighting in _sightings(fingerprint.version, asking, exclude, negative):
            found.setdefault(video_id, []).append(sighting)
        kept = {
            video_id: some
            for video_id, some in found.items()
            if max(one.weight for one in some) >= LEAST_BEST
        }
        if kept:
            return kept
    return {}


def _sightings(
    version: str,
    asking: Sequence[AskingFrame],
    exclude: uuid.UUID | None,
    negative: bool,
) -> Iterator[tuple[uuid.UUID, Sighting]]:
    held = vocabulary()
    forms = [
        (frame.time, flipped, _form(frame.features, flipped, negative))
        for frame in asking
        for flipped in (False, True)
    ]
    front = FEATURES_OF_A_STILL if len(asking) == 1 else FEATURES_ASKED
    words = [_asked(held, form.take(front)) for _, _, form in forms]
    patches = [held.patches(form) for _, _, form in forms]
    for drawn in index.draw_words(words, version, exclude, FRAMES_DRAWN):
        time, flipped, _ = forms[drawn.number]
        agreed = agreement(patches[drawn.number], drawn.patches)
        if agreed is not None and agreed.distinct >= LEAST_PLACES:
            yield drawn.video_id, Sighting(time, drawn.time, flipped, negative, agreed)


def _asked(held: Vocabulary, features: LocalFeatures) -> index.AskedWords:
    """The words of features by their nearest centres, each with its most telling feature's mark."""
    every = held.words(features, NEAREST_CENTRES)
    words, first = np.unique(every, return_index=True)
    known = words >= 0
    return index.AskedWords(words[known], held.marks(features)[first[known] // every.shape[1]])


def _form(features: LocalFeatures, flipped: bool, negative: bool) -> LocalFeatures:
    form = mirrored(features) if flipped else features
    return inverted(form) if negative else form
