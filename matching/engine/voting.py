"""From single near frames to lines: at which speed and offset does a reference run along a query?

A Hough vote over lines reference = offset + speed * query. The vote is kept honest by counting each
second of the query once per bin, and by sharing a second's vote among all the bins it hits: a still
scene agrees with everything and so says little about when.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Candidates:
    """Near frames of one query (one region and colouring of it) and one reference video.

    Arrays of equal length k: seconds in the query and in the reference (float64), distance in bits,
    weight 0 to 1 (see rarity), and whether the query frame was mirrored.
    """

    query_time: Floats
    reference_time: Floats
    distance: NDArray[Any]
    weight: NDArray[Any]
    mirrored: NDArray[np.bool_]

    def __post_init__(self) -> None:
        lengths = {
            len(self.query_time),
            len(self.reference_time),
            len(self.distance),
            len(self.weight),
            len(self.mirrored),
        }
        if len(lengths) != 1:
            raise ValueError(f"candidates must be of equal length, not {sorted(lengths)}")

    def take(self, chosen: NDArray[Any]) -> "Candidates":
        """Those at the given places or under the given mask."""
        return Candidates(
            self.query_time[chosen],
            self.reference_time[chosen],
            self.distance[chosen],
            self.weight[chosen],
            self.mirrored[chosen],
        )


@dataclass(frozen=True)
class Line:
    """reference seconds = offset + speed * query seconds; votes are summed weights."""

    offset: float
    speed: float
    mirrored: bool
    votes: float


@dataclass(frozen=True)
class VotingSettings:
    """How lines are counted.

    max_distance (bits): beyond it a candidate has no vote; strangers' nearest frames begin near 96.
    bin_seconds: width of an offset bin; index frames are a second apart or less.
    speeds: the slowest and fastest taken, and the ratio from one to the next.
    other_speed_share: what a vote counts at a speed other than 1, where there are many more bins to
    be lucky in.
    """

    max_distance: float = 80.0
    bin_seconds: float = 0.5
    slowest: float = 0.5
    fastest: float = 2.0
    speed_step: float = 1.03
    other_speed_share: float = 0.85
    max_lines: int = 8
    max_candidates: int = 2000
    least_votes: float = 0.05


DEFAULTS: Final = VotingSettings()


def rarity(query_time: Floats, reference: NDArray[Any]) -> NDArray[np.float32]:
    """Weights (k,) for candidates of all references together: 1 / videos the frame is found in.

    A frame found in many videos (a leader, colour bars, black) tells little about any of them.
    """
    if len(query_time) == 0:
        return np.zeros(0, dtype=np.float32)
    moments, moment = np.unique(query_time, return_inverse=True)
    pairs = np.unique(np.stack((moment, np.unique(reference, return_inverse=True)[1])), axis=1)
    videos = np.bincount(pairs[0], minlength=len(moments))
    return (1.0 / videos[moment]).astype(np.float32)


def videos_by_second(
    query_time: Floats, reference: NDArray[Any], duration: float
) -> NDArray[np.int64]:
    """In how many references each second of the query is found: (floor(duration) + 1,) counts.

    Takes the candidates of all references together (those near enough to count: see
    AlignmentSettings.max_distance). Give videos that are known copies of one another one number,
    or they make each other's content look common.
    """
    seconds = int(max(duration, float(query_time.max(initial=0.0)))) + 1
    if len(query_time) == 0:
        return np.zeros(seconds, dtype=np.int64)
    number = np.unique(reference, return_inverse=True)[1]
    pairs = np.unique(np.stack((np.floor(query_time).astype(np.int64), number)), axis=1)
    return np.bincount(pairs[0], minlength=seconds)


def speeds(settings: VotingSettings = DEFAULTS) -> Floats:
    """The speeds that are tried, 1 among them, in equal ratios."""
    below = int(np.floor(np.log(1 / settings.slowest) / np.log(settings.speed_step)))
    above = int(np.floor(np.log(settings.fastest) / np.log(settings.speed_step)))
    return np.asarray(settings.speed_step ** np.arange(-below, above + 1, dtype=np.float64))


def _count(second: NDArray[np.int64], place: NDArray[np.int64], share: Floats) -> tuple[int, float]:
    """The two neighbouring bins with most votes together: (the first of them, votes).

    A line may fall between two bins, so bins count in pairs; a second has one vote in a pair.
    """
    width = int(place.max()) + 2
    bins_hit = np.bincount(np.unique(second * width + place) // width)
    pairs = np.concatenate((second * width + place, second * width + place + 1))
    cells, cell = np.unique(pairs, return_inverse=True)
    best = np.zeros(len(cells))
    np.maximum.at(best, cell, np.concatenate((share, share)))
    of_second, of_pair = cells // width, cells % width
    # Two neighbouring bins belong to one line that falls between them: no sharing among those.
    best /= np.maximum(1, bins_hit[of_second] - 1)
    total = np.bincount(of_pair, best, minlength=width)
    pair = int(total.argmax())
    return pair - 1, float(total[pair])


def _best_line(
    candidates: Candidates, share: Floats, tried: Floats, settings: VotingSettings
) -> Line | None:
    mirrored = bool(candidates.mirrored[0])
    second = np.floor(candidates.query_time).astype(np.int64)
    second -= second.min()
    best: Line | None = None
    for speed in tried:
        offset = candidates.reference_time - speed * candidates.query_time
        low = float(offset.min())
        place = np.floor((offset - low) / settings.bin_seconds).astype(np.int64)
        first, votes = _count(second, place, share)
        votes *= 1.0 if abs(speed - 1) < 1e-9 else settings.other_speed_share
        if best is None or votes > best.votes:
            chosen = (place == first) | (place == first + 1)
            middle = float(np.average(offset[chosen], weights=share[chosen]))
            best = Line(middle, float(speed), mirrored, votes)
    return best


def _lines(candidates: Candidates, settings: VotingSettings) -> list[Line]:
    share = np.clip(1 - candidates.distance / settings.max_distance, 0, 1) * candidates.weight
    useful = np.flatnonzero(share > 0)
    if len(useful) > settings.max_candidates:
        useful = useful[np.argsort(-share[useful], kind="stable")[: settings.max_candidates]]
    candidates, share = candidates.take(useful), np.asarray(share[useful], dtype=np.float64)
    found: list[Line] = []
    tried = speeds(settings)
    while len(share) and len(found) < settings.max_lines:
        line = _best_line(candidates, share, tried, settings)
        if line is None or line.votes < settings.least_votes:
            break
        found.append(line)
        # Further pieces of one copy run at its speed, or were left as they are.
        tried = np.unique([1.0, found[0].speed])
        expected = line.offset + line.speed * candidates.query_time
        left = np.abs(candidates.reference_time - expected) > 2 * settings.bin_seconds
        candidates, share = candidates.take(left), share[left]
    return found


def vote(candidates: Candidates, settings: VotingSettings = DEFAULTS) -> list[Line]:
    """Lines on which the candidates agree, best first, mirrored and plain ones counted apart.

    Each line takes its candidates away before the next is sought, so an excerpt used twice or a
    shuffled copy gives several.
    """
    found: list[Line] = []
    for mirrored in (False, True):
        found += _lines(candidates.take(candidates.mirrored == mirrored), settings)
    return sorted(found, key=lambda line: -line.votes)[: settings.max_lines]


def nearest(candidates: Candidates, settings: VotingSettings = DEFAULTS) -> list[Line]:
    """Lines for a query of a single frame: through the nearest library frames, nearest first.

    With one frame there is nothing to agree on and speed has no meaning, so nobody votes: a still
    scene, which a vote would share among all its seconds until nothing is left, is as good an
    answer as any. Frames within a bin of a nearer one add no line. A line's votes are how near its
    frame is, times its weight.
    """
    share = np.clip(1 - candidates.distance / settings.max_distance, 0, 1) * candidates.weight
    found: list[Line] = []
    for place in np.argsort(-share, kind="stable").tolist():
        offset = float(candidates.reference_time[place] - candidates.query_time[place])
        mirrored = bool(candidates.mirrored[place])
        if share[place] <= 0 or len(found) == settings.max_lines:
            break
        if all(
            line.mirrored != mirrored or abs(line.offset - offset) >= settings.bin_seconds
            for line in found
        ):
            found.append(Line(offset, 1.0, mirrored, float(share[place])))
    return found
