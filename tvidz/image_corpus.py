"""Makes a labelled folder of stills from one of videos, for `manage.py evaluate`.

The library keeps its videos and gains pictures taken from queries that copy nothing. The queries
are stills of library videos, stills of those pictures, and stills of what is in neither, all under
the attacks of matching/engine/alterations.py. Equal folders and seeds make equal corpora.
"""

import hashlib
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.random import Generator

from matching.engine.alterations import ATTACKS, Attack, combinations_of, encoded
from tvidz.moments import Moments, pictures_at, same_seconds, unlikeness, watch
from videos.media.errors import MediaError
from videos.media.pictures import Picture

# A library's index frames lie at whole seconds; stills are taken in between.
BETWEEN: Final = (0.3, 0.7)
BUMPER_MARGIN: Final = 0.5
LIBRARY_QUALITY: Final = 90


@dataclass(frozen=True)
class Wanted:
    """How much to make: stills an attack and strength, stills under two attacks, pictures for the
    library and stills of each of them, stills of strangers."""

    each_attack: int = 5
    combinations: int = 20
    pictures: int = 15
    stills_of_a_picture: int = 2
    strangers: int = 30


class CannotMake(Exception):
    """The folder's videos do not give what was asked for; the sentence says which and why."""


@dataclass
class _Source:
    """A video that stills are taken from, and the moments that may be taken, in random order."""

    path: Path
    moments: Moments
    places: list[int]
    taken: int = 0

    def next(self) -> int:
        """The next place in `moments`; after the last the first again."""
        self.taken += 1
        return self.places[(self.taken - 1) % len(self.places)]


@dataclass(frozen=True)
class _Still:
    """A query to be made: where from, which attack, and what it copies."""

    source: _Source
    place: int
    attack: Attack
    copies: list[dict[str, Any]]
    name: str
    strength: str


@dataclass
class ImageCorpus:
    """Builds the folder `out` from `folder` with its ground truth `truth`; `told` hears of each
    file that is done with. `make` is all there is to call."""

    folder: Path
    out: Path
    truth: Mapping[str, Any]
    seed: int
    wanted: Wanted
    told: Callable[[str], None]
    _shown: dict[str, Moments] = field(default_factory=dict)
    _refs: list[dict[str, Any]] = field(default_factory=list)
    _lent: dict[Path, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def steps(self) -> int:
        """How often `told` is called at the most."""
        return 2 * (len(self.truth["refs"]) + len(strangers(self.truth)))

    def make(self) -> dict[str, Any]:
        """Write the files and give the ground truth. Raises CannotMake, MediaError, OSError."""
        for name in ("refs", "queries"):
            (self.out / name).mkdir(parents=True)
        library = [self._library_video(ref) for ref in self.truth["refs"]]
        sources = [source for source in library if source.places]
        if not sources:
            raise CannotMake("No library video shows anything between two whole seconds.")
        others = [self._watched(query, 0.0) for query in strangers(self.truth)]
        outside = [source for source in others if source.places]
        stills = self._stills_of_videos(sources)
        # What lends the library a picture lends no still that shall be unknown to it.
        stills += self._stills_of_pictures(outside[1::2])
        stills += self._stills_of_strangers(outside[::2])
        queries = self._written(stills)
        return {
            "split": f"{self.truth.get('split', self.folder.name)} stills",
            "seed": self.seed,
            "bumper_pairs": [],
            "ignore_pairs": self._ignored(stills),
            "refs": self._refs,
            "queries": queries,
        }

    def _library_video(self, ref: Mapping[str, Any]) -> _Source:
        file = Path("refs", Path(ref["file"]).name)
        if (self.out / file).exists():
            raise CannotMake(f"{ref['file']}: there are two library videos of that name.")
        _link(self.folder / ref["file"], self.out / file)
        self._refs.append({**ref, "file": str(file), "media_type": "video"})
        bumper = float(ref.get("bumper_len", 0))
        source = self._watched(ref, bumper + BUMPER_MARGIN if bumper else 0.0)
        self._shown[ref["id"]] = source.moments
        return source

    def _watched(self, entry: Mapping[str, Any], start: float) -> _Source:
        """A video with the moments from `start` on that a still may be taken of."""
        path = self.folder / entry["file"]
        try:
            moments = watch(path)
        except MediaError as error:
            raise CannotMake(f"{entry['file']}: {error.code}: {error.message}") from None
        part = moments.times % 1.0
        fit = (part >= BETWEEN[0]) & (part <= BETWEEN[1]) & (moments.times >= start)
        places = np.flatnonzero(fit & moments.telling)
        self._rng("moments", entry["file"]).shuffle(places)
        self.told(entry["file"])
        return _Source(path, moments, places.tolist())

    def _stills_of_videos(self, sources: list[_Source]) -> list[_Still]:
        attacks = [attack for attack in ATTACKS for _ in range(self.wanted.each_attack)]
        attacks += self._some(combinations_of(ATTACKS), self.wanted.combinations, "combinations")
        order = [sources[number] for number in self._rng("order").permutation(len(sources))]
        stills = []
        for number, attack in enumerate(attacks):
            source = order[number % len(order)]
            place = source.next()
            copies = self._copies(source, place)
            stills.append(_Still(source, place, attack, copies, attack.name, attack.strength))
        return stills

    def _stills_of_pictures(self, sources: list[_Source]) -> list[_Still]:
        """Put pictures into the library; the stills made of them."""
        stills: list[_Still] = []
        count = self.wanted.pictures if sources else 0
        attacks = self._some(ATTACKS, count * self.wanted.stills_of_a_picture, "pictures")
        for number in range(count):
            source = sources[number % len(sources)]
            place = source.next()
            if self._copies(source, place):
                continue
            ref = f"picture{number:02}"
            self._add_picture(ref, source, place)
            copies = self._copies(source, place)
            for _ in range(self.wanted.stills_of_a_picture):
                attack = attacks.pop()
                done = f"{attack.name} {attack.strength}"
                stills.append(_Still(source, place, attack, copies, "library image", done))
        return stills

    def _add_picture(self, ref: str, source: _Source, place: int) -> None:
        file = f"refs/{ref}.jpg"
        (picture,) = pictures_at(source.path, [float(source.moments.times[place])])
        (self.out / file).write_bytes(encoded(picture, "jpg", LIBRARY_QUALITY))
        self._refs.append({"id": ref, "file": file, "media_type": "image", "duration": 0.0})
        self._shown[ref] = Moments(np.zeros(1), source.moments.small[place][None])
        self._lent[source.path].append(ref)

    def _stills_of_strangers(self, sources: list[_Source]) -> list[_Still]:
        stills = []
        attacks = self._some(ATTACKS, self.wanted.strangers if sources else 0, "strangers")
        for number, attack in enumerate(attacks):
            source = sources[number % len(sources)]
            place = source.next()
            # The same picture, in a video that was said to copy nothing: a fade, a still room.
            if not self._copies(source, place):
                done = f"{attack.name} {attack.strength}"
                stills.append(_Still(source, place, attack, [], "neg", done))
        return stills

    def _copies(self, source: _Source, place: int) -> list[dict[str, Any]]:
        """All of the library that shows the picture, its own video first and to the very second."""
        small, time = source.moments.small[place], float(source.moments.times[place])
        found = []
        for ref, shown in self._shown.items():
            passages = same_seconds(small, shown)
            if not passages:
                continue
            own = shown is source.moments
            second = time if own else float(shown.times[unlikeness(small, shown.small).argmin()])
            copy: dict[str, Any] = {"ref_id": ref, "q_start": 0.0, "q_end": 0.0}
            copy |= {"r_start": round(second, 3), "r_end": round(second, 3)}
            if ref not in self._pictures:
                copy["same"] = [[round(first, 3), round(last, 3)] for first, last in passages]
            found.append((not own, copy))
        return [copy for _, copy in sorted(found, key=lambda pair: pair[0])]

    def _ignored(self, stills: list[_Still]) -> list[list[str]]:
        """Stills with the other pictures from their video, of another moment: to find such a one
        is neither right nor wrong."""
        return [
            [self._name(number), ref]
            for number, still in enumerate(stills)
            for ref in self._lent.get(still.source.path, ())
            if ref not in {copy["ref_id"] for copy in still.copies}
        ]

    @property
    def _pictures(self) -> set[str]:
        return {ref["id"] for ref in self._refs if ref["media_type"] == "image"}

    def _written(self, stills: list[_Still]) -> list[dict[str, Any]]:
        """Make the files, one video after the other; the queries in the order of `stills`."""
        held: dict[Path, list[int]] = defaultdict(list)
        for number, still in enumerate(stills):
            held[still.source.path].append(number)
        queries: dict[int, dict[str, Any]] = {}
        for path, numbers in held.items():
            times = [float(_time(stills[number])) for number in numbers]
            for number, picture in zip(numbers, pictures_at(path, times), strict=True):
                queries[number] = self._query(number, stills[number], picture)
            self.told(path.name)
        return [queries[number] for number in range(len(stills))]

    def _query(self, number: int, still: _Still, picture: Picture) -> dict[str, Any]:
        name, attack = self._name(number), still.attack
        file = f"queries/{name}.{attack.format}"
        changed = attack.change(picture, self._rng("attack", str(number)))
        (self.out / file).write_bytes(encoded(changed, attack.format, attack.quality))
        return {
            "n": number,
            "query": name,
            "file": file,
            "media_type": "image",
            "attack": still.name,
            "strength": still.strength,
            "duration": 0.0,
            "copies": still.copies,
        }

    def _name(self, number: int) -> str:
        """A query's name, which tells nothing of what is in the file."""
        return f"s{hashlib.blake2b(f'{self.seed} {number}'.encode(), digest_size=4).hexdigest()}"

    def _some(self, attacks: Sequence[Attack], count: int, purpose: str) -> list[Attack]:
        """`count` of the attacks by lot, each as often as the others."""
        chosen: list[Attack] = []
        rng = self._rng(purpose)
        while len(chosen) < count:
            chosen += [attacks[number] for number in rng.permutation(len(attacks))]
        return chosen[:count]

    def _rng(self, *purpose: str) -> Generator:
        """Chance of its own for every purpose: what one draws does not move what others draw."""
        digest = hashlib.blake2b(" ".join((str(self.seed), *purpose)).encode(), digest_size=8)
        return np.random.default_rng(int.from_bytes(digest.digest()))


def strangers(truth: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Queries that copy nothing of the library and share no bumper with it.

    Where some are said to be "clean", only those: the others may be doctored copies of them.
    """
    sharing = {query for query, _ in truth.get("bumper_pairs", [])}
    found = [q for q in truth["queries"] if not q["copies"] and q["query"] not in sharing]
    return [q for q in found if q.get("strength") == "clean"] or found


def _time(still: _Still) -> float:
    return float(still.source.moments.times[still.place])


def _link(path: Path, place: Path) -> None:
    """The same file at another place; copied where the file system has no links to it."""
    try:
        os.link(path, place)
    except OSError:
        shutil.copyfile(path, place)
