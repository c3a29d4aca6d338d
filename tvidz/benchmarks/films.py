"""Films in the library and doctored copies to ask for: a corpus where one is named, else drawn."""

import json
import os
import random
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings

from matching.fingerprint import VideoFingerprint
from tvidz.demo import COPIES, FILMS, make_copy, make_film
from tvidz.evaluation import index_file
from tvidz.fingerprinting import fingerprint_file
from videos.media.ffmpeg import find_ffmpeg

ASKED = 40


@dataclass(frozen=True)
class Query:
    """A doctored copy and the library video that it is of."""

    fingerprint: VideoFingerprint
    video: uuid.UUID


@dataclass(frozen=True)
class Planted:
    """What was indexed and is asked for; `longest` is a film of the library.

    stills: a frame of each of some queries, as a picture file of its own.
    """

    queries: tuple[Query, ...]
    stills: tuple[Query, ...]
    longest: VideoFingerprint


def plant(quick: bool, tell: Callable[[str], None]) -> Planted:
    """Index the films into the default database and fingerprint some copies of them."""
    corpus = os.environ.get("TVIDZ_CORPUS")
    if corpus and not quick:
        return _from_corpus(Path(corpus) / "dev", tell)
    return _drawn(quick, tell)


def _drawn(quick: bool, tell: Callable[[str], None]) -> Planted:
    """The films of the demo; with `quick` one of them and one copy."""
    with TemporaryDirectory(prefix="tvidz-") as folder:
        films = FILMS[:1] if quick else FILMS
        copies = COPIES[:1] if quick else COPIES
        made = {film.name: make_film(Path(folder), film, tell) for film in films}
        return _planted(
            made,
            {make_copy(Path(folder), copy, tell): copy.films[0] for copy in copies},
            tell,
        )


def _from_corpus(folder: Path, tell: Callable[[str], None]) -> Planted:
    truth = json.loads((folder / "gt.json").read_text())
    copies = [query for query in truth["queries"] if query["copies"]]
    some = random.Random(11).sample(copies, min(ASKED, len(copies)))
    return _planted(
        {ref["id"]: folder / ref["file"] for ref in truth["refs"]},
        {folder / query["file"]: query["copies"][0]["ref_id"] for query in some},
        tell,
    )


def _planted(
    films: dict[str, Path], copies: dict[Path, str], tell: Callable[[str], None]
) -> Planted:
    videos: dict[str, uuid.UUID] = {}
    for name, path in films.items():
        indexed = index_file(path)
        if isinstance(indexed, str):
            raise RuntimeError(f"{path.name}: {indexed}")
        videos[name] = indexed
        tell(f"indexed {path.name}")
    queries, stills = [], []
    for path, film in copies.items():
        queries.append(Query(fingerprint_file(path, path.name)[0], videos[film]))
        stills.append(Query(_still(path), videos[film]))
        tell(f"fingerprinted {path.name}")
    longest = max(
        (fingerprint_file(path, path.name)[0] for path in list(films.values())[:5]),
        key=lambda fingerprint: fingerprint.duration,
    )
    return Planted(tuple(queries), tuple(stills), longest)


def _still(path: Path) -> VideoFingerprint:
    """The fingerprint of one frame, two seconds in, saved as JPEG."""
    program = find_ffmpeg(settings.TVIDZ.ffmpeg or None).path
    with TemporaryDirectory(prefix="tvidz-") as folder:
        still = Path(folder) / "still.jpg"
        words = ["-ss", "2", "-i", str(path), "-frames:v", "1", "-q:v", "3", str(still)]
        subprocess.run([program, "-v", "error", "-nostdin", *words], check=True)
        return fingerprint_file(still, still.name)[0]
