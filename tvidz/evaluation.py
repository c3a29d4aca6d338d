"""Runs a labelled folder through the same code as an upload and gives its predictions.

The folder holds `gt.json` with `refs` (id, file) and `queries` (query, file); what the queries
copy stands there, too, and is read by the caller once the predictions are made.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connections

from matching.search import search
from moderation.flagging import worth_a_flag
from tvidz.pipeline import analyse, fingerprint_file
from tvidz.predictions import predictions
from videos.media.errors import MediaError
from videos.models import State, Upload
from videos.uploads.accept import Arrival, accept


@dataclass(frozen=True)
class Problem:
    """A file of the folder that could not be used."""

    file: str
    message: str


@dataclass
class Evaluation:
    """`predictions` are the links a default install would flag, one object a segment."""

    predictions: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def evaluate_folder(
    folder: Path,
    refs: list[dict[str, Any]],
    queries: list[dict[str, Any]],
    told: Callable[[str], None],
) -> Evaluation:
    """Index the library, then ask with every query; `told` hears each file's name when done."""
    result = Evaluation()
    names: dict[uuid.UUID, str] = {}
    for ref, answer in _each(refs, lambda ref: _index(folder / ref["file"])):
        if isinstance(answer, str):
            result.problems.append(Problem(ref["file"], answer))
        else:
            names[answer] = ref["id"]
        told(ref["file"])

    def ask(query: dict[str, Any]) -> list[dict[str, Any]] | str:
        return _ask(folder / query["file"], query["query"], names)

    for query, answer in _each(queries, ask):
        if isinstance(answer, str):
            result.problems.append(Problem(query["file"], answer))
        else:
            result.predictions.extend(answer)
        told(query["file"])
    return result


def _each(
    entries: list[dict[str, Any]], work: Callable[[dict[str, Any]], Any]
) -> Iterator[tuple[dict[str, Any], Any]]:
    """Each entry with what `work` made of it, in order, as many at once as there are cores."""

    def run(entry: dict[str, Any]) -> Any:
        try:
            return work(entry)
        except MediaError as error:
            return f"{error.code}: {error.message}"
        except OSError as error:
            return f"it cannot be read: {error.strerror}"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        yield from zip(entries, pool.map(run, entries), strict=True)


def _index(path: Path) -> uuid.UUID | str:
    accepted = accept(Arrival(path, path.name, Upload.Entrance.BACKFILL))
    state = analyse(accepted.analysis.pk)
    if state in (State.READY, State.PARTIAL):
        return accepted.video.id
    accepted.video.refresh_from_db()
    return f"{accepted.video.error_code or state}: {accepted.video.error_message}"


def _ask(path: Path, name: str, names: dict[uuid.UUID, str]) -> list[dict[str, Any]]:
    fingerprint, _ = fingerprint_file(path, path.name)
    flagged = [
        match for match in search(fingerprint) if worth_a_flag(match.score.score, match.score.kinds)
    ]
    return predictions(name, flagged, names, fingerprint.version)
