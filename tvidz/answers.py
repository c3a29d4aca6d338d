"""Which library videos a file copies, told at once when that was asked before and still holds.

Answers are kept in Django's database cache (CACHES["answers"]), by the content of the file, the
library's version, the settings and the code.
"""

import hashlib
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import caches

from matching.changes import library_version
from matching.search import search
from tvidz.options import BASE_DIR
from tvidz.pipeline import fingerprint_file
from tvidz.predictions import predictions
from videos.uploads.accept import sha256_of

log = structlog.get_logger(__name__)

SOURCE = [BASE_DIR / app for app in ("videos", "matching", "moderation", "tvidz")]


@dataclass(frozen=True)
class Answer:
    """`rows` as tvidz.predictions gives them, of every match that is told, doubtful ones too, with
    the library's ids as `ref`. Incomplete when only `readable` seconds of the file could be read.
    """

    rows: list[dict[str, Any]]
    complete: bool
    readable: float


def answer(path: Path, name: str) -> Answer:
    """What a search with the file tells; raises MediaError for what cannot be read."""
    answers = caches["answers"]
    key = _key(sha256_of(path))
    held = answers.get(key)
    log.info("asked", kept=held is not None)
    if held is None:
        held = asdict(_searched(path, name))
        answers.set(key, held)
    rows = [{**row, "query": name} for row in held["rows"]]
    return Answer(rows, held["complete"], held["readable"])


def _searched(path: Path, name: str) -> Answer:
    fingerprint, outcome = fingerprint_file(path, name)
    matches = search(fingerprint)
    ids = {match.video_id: str(match.video_id) for match in matches}
    rows = predictions(name, matches, ids, fingerprint.version)
    return Answer(rows, outcome.complete, outcome.last_timestamp)


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
