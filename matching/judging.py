"""From what was verified to matches: what is shared content, and how sure each match is."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from matching.calibration import shipped_calibration
from matching.engine.alignment import AlignedSegment
from matching.engine.confidence import LinkScore, score_link
from matching.engine.evidence import features, places, telling
from matching.engine.geometry import Matrix
from matching.engine.intros import is_intro
from matching.engine.matched_points import PointPair, matched_points
from matching.engine.sightings import Sighting
from matching.engine.transform import Size, in_shares
from matching.families import families
from matching.fingerprint import VideoFingerprint
from matching.verification import Verified

# What several families share, or what only stands before both, is told but no match to act on.
SHARED_DOUBT = 0.5
# So many local features that agree leave a third of the doubt about a still.
CERTAIN_PLACES = 15.0


@dataclass(frozen=True)
class Match:
    """A library video the query copies, where, and how surely.

    `score.kinds` says what was done: the engine's words, and "inverted", "turned", "cuts".
    `sizes`: width and height of the query's and the library video's pictures, if they are known.
    """

    video_id: uuid.UUID
    score: LinkScore
    segments: tuple[AlignedSegment, ...]
    aligned_cuts: int
    sightings: tuple[Sighting, ...] = ()
    sizes: tuple[Size, Size] | None = None

    def transform_of(self, segment: AlignedSegment) -> Matrix | None:
        """Takes shares of the query's picture to the library video's, in one of the segments."""
        if segment.matrix is None or self.sizes is None:
            return None
        return in_shares(segment.matrix, *self.sizes)

    def points_of(self, segment: AlignedSegment) -> list[PointPair]:
        """The frame pairs with matched points that speak for one of the segments."""
        return [] if self.sizes is None else matched_points(segment, self.sightings, *self.sizes)


def judge(fingerprint: VideoFingerprint, verified: Sequence[Verified]) -> list[Match]:
    """The matches among verified pairs, surest first."""
    told = [one for one in verified if one.segments]
    sure = [_confidence(one, assess(fingerprint, one)) for one in told]
    # Another film of the same place looks alike, too, but that makes nothing common.
    copies = [
        one
        for one, confidence in zip(told, sure, strict=True)
        if confidence >= settings.TVIDZ.flag_confidence
    ]
    family = families([one.video_id for one in copies], fingerprint.version)
    by_second = _families_by_second(fingerprint.duration, copies, family)
    found = [
        _match(fingerprint, one, confidence, by_second)
        for one, confidence in zip(told, sure, strict=True)
    ]
    return sorted(
        (match for match in found if match is not None), key=lambda match: -match.score.score
    )


def _families_by_second(
    duration: float, verified: Sequence[Verified], family: NDArray[np.int64]
) -> NDArray[np.int64]:
    """In how many families each second of the query is found: (floor(duration) + 1,)."""
    seconds = int(duration) + 1
    held = np.zeros((int(family.max(initial=-1)) + 1, seconds), np.bool_)
    for one, number in zip(verified, family.tolist(), strict=True):
        for segment in one.segments:
            for time in segment.pairs_query:
                held[number, min(int(time), seconds - 1)] = True
    return np.asarray(held.sum(axis=0), np.int64)


def assess(
    fingerprint: VideoFingerprint, one: Verified, by_second: NDArray[np.int64] | None = None
) -> LinkScore:
    """What kind of copy a verified pair would be, before its confidence: see score_link."""
    return score_link(
        one.segments,
        fingerprint.duration,
        one.duration,
        by_second,
        min_matches=one.least_matches,
        intro=is_intro(one.segments, fingerprint.regions[0].track, one.tracks[0]),
    )


def speaks(one: Verified, score: LinkScore) -> dict[str, float]:
    """What speaks for and against a verified pair: the features of its confidence."""
    return features(one.segments, one.sightings, score)


def _match(
    fingerprint: VideoFingerprint,
    one: Verified,
    confidence: float,
    by_second: NDArray[np.int64],
) -> Match | None:
    options = settings.TVIDZ
    score = assess(fingerprint, one, by_second)
    if not (score.reported or one.cuts_alone):
        return None
    changes = sorted({change for segment in one.segments for change in segment.changes})
    doubt = 1 - confidence
    if one.aligned_cuts >= options.cuts_to_propose:
        doubt *= 0.5 ** (one.aligned_cuts / options.cuts_to_propose)
        changes.append("cuts")
    if "shared" in score.kinds:
        doubt = max(doubt, SHARED_DOUBT)
    score = replace(score, score=1 - doubt, kinds=(*score.kinds, *changes))
    return Match(one.video_id, score, one.segments, one.aligned_cuts, one.sightings, one.sizes)


def _confidence(one: Verified, score: LinkScore) -> float:
    """How surely the pair is a copy, from the pictures alone."""
    if one.cuts_alone:
        return 0.0
    if one.still:
        # Nothing moves in one frame: its looks and the places that agree are all there is.
        agreeing = places(telling(one.segments), one.sightings)
        return 1 - (1 - score.score) * float(np.exp(-agreeing / CERTAIN_PLACES))
    calibration = shipped_calibration()
    return float(calibration.confidence(calibration.matrix([speaks(one, score)]))[0])
