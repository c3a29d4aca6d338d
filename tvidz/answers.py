"""Which library videos a file copies, told at once when that was asked before and still holds.

Answers are kept in Django's database cache (CACHES["answers"]), by the content of the file, the
library's version, the settings and the code.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import caches

from matching.changes import library_version
from matching.links import frame_pairs
from matching.search import search
from tvidz.fingerprinting import fingerprint_file
from tvidz.options import BASE_DIR
from tvidz.predictions import predictions
from videos.limits import media_limits
from videos.media.probe import Probe, probe
from videos.uploads.accept import container_fields, probed_fields, recognise_path, sha256_of

log = structlog.get_logger(__name__)

SOURCE = [BASE_DIR / app for app in ("videos", "matching", "moderation", "tvidz")]


@dataclass(frozen=True)
class Answer:
    """`rows` as tvidz.predictions gives them, of every match that is told, doubtful ones too, with
    the library's ids as `ref`; each with `matched_frames` of the segment and of the match
    (`match_frames`), and `frame_pairs` as in Segment.pairs. Incomplete when only `readable`
    seconds of the file could be read. `facts` is what probing told of it: see facts_of.
    """

    rows: list[dict[str, Any]]
    complete: bool
    readable: float
    facts: dict[str, Any] = field(default_factory=dict)


def answer(
    path: Path,
    name: str,
    report: Callable[[float], None] | None = None,
    *,
    told: Probe | None = None,
    patience: float = math.inf,
) -> Answer:
    """What a search with the file tells; raises MediaError for what cannot be read.

    `report` hears the share that is read; what it raises ends the search. `told` and `patience`
    are as in fingerprint_file.
    """
    answers = caches["answers"]
    key = _key(sha256_of(path))
    held = answers.get(key)
    log.info("asked", kept=held is not None)
    if held is None:
        held = asdict(_searched(path, name, report, told, patience))
        answers.set(key, held)
    return _of(held, name)


def kept(path: Path, name: str) -> Answer | None:
    """The answer for the file if it is known without a search."""
    held = caches["answers"].get(_key(sha256_of(path)))
    return None if held is None else _of(held, name)


def _of(held: dict[str, Any], name: str) -> Answer:
    rows = [{**row, "query": name} for row in held["rows"]]
    return Answer(**held | {"rows": rows})


def facts_of(told: Probe) -> dict[str, Any]:
    """What a file's sender is shown of it, under the names of a video's columns."""
    fields = container_fields(told.container) | probed_fields(told)
    shown = ("media_type", "duration", "width", "height", "codec", "frame_rate")
    return {name: fields[name] for name in shown}


def _searched(
    path: Path,
    name: str,
    report: Callable[[float], None] | None,
    told: Probe | None,
    patience: float,
) -> Answer:
    told = told or probe(path, recognise_path(path), media_limits())
    fingerprint, outcome = fingerprint_file(path, name, report, told=told, patience=patience)
    matches = search(fingerprint)
    ids = {match.video_id: str(match.video_id) for match in matches}
    rows = predictions(name, matches, ids, fingerprint.version)
    parts = [(match, part) for match in matches for part in match.segments]
    seen = [
        {
            **row,
            "match_frames": match.score.matched_frames,
            "matched_frames": part.matched_frames,
            "frame_pairs": frame_pairs(part),
        }
        for row, (match, part) in zip(rows, parts, strict=True)
    ]
    return Answer(seen, outcome.complete, outcome.last_timestamp, facts_of(told))


def _key(content: str) -> str:
    parts = (content, library_version(), _code(), settings.TVIDZ.model_dump_json())
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


@cache
def _code() -> str:
    """Which code runs, by its files' times: who changes it asks anew."""
    stats = [
        (str(path), path.stat().st_mtime_ns)
        for folder in SOURCE
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".py", ".json", ".npz")
    ]
    return hashlib.sha256(repr(stats).encode()).hexdigest()
