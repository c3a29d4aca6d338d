"""Runs a labelled folder through the same code as an upload and gives what its queries find.

The folder holds `gt.json` with `refs` (id, file) and `queries` (query, file); what the queries
copy stands there, too, and is read by the caller once the answers are there.
"""

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from django.db import connections

from matching.fingerprint import VideoFingerprint
from matching.search import search
from tvidz.fingerprinting import fingerprint_file
from tvidz.pipeline import analyse
from tvidz.predictions import predictions
from videos.media.errors import MediaError
from videos.models import MediaType, State, Upload
from videos.uploads.accept import Arrival, accept

Answer = TypeVar("Answer")

# What a query is asked for: its name, its fingerprint, and the library's names by video.
Ask = Callable[[str, VideoFingerprint, Mapping[uuid.UUID, str]], list[Answer]]


@dataclass(frozen=True)
class Problem:
    """A file of the folder that could not be used."""

    file: str
    message: str


@dataclass
class Answers(Generic[Answer]):
    """What the queries found, in their order, and the files that could not be used."""

    found: list[Answer] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def ask_folder(
    folder: Path,
    refs: list[dict[str, Any]],
    queries: list[dict[str, Any]],
    ask: Ask[Answer],
    told: Callable[[str], None],
) -> Answers[Answer]:
    """Index the library, then ask with every query; `told` hears each file's name when done."""
    result = Answers[Answer]()
    names: dict[uuid.UUID, str] = {}
    for ref, answer in _each(refs, lambda ref: index_file(folder / ref["file"])):
        if isinstance(answer, str):
            result.problems.append(Problem(ref["file"], answer))
        else:
            names[answer] = ref["id"]
        told(ref["file"])

    def answered(query: dict[str, Any]) -> list[Answer]:
        path = folder / query["file"]
        fingerprint, _ = fingerprint_file(path, path.name)
        return ask(query["query"], fingerprint, names)

    for query, answer in _each(queries, answered):
        if isinstance(answer, str):
            result.problems.append(Problem(query["file"], answer))
        else:
            result.found.extend(answer)
        told(query["file"])
    return result


def shown(
    query: str, fingerprint: VideoFingerprint, names: Mapping[uuid.UUID, str]
) -> list[dict[str, Any]]:
    """What people would see of the answers, one prediction a segment.

    Of a video the links a default install would flag. Of a still everything that is told, with
    `flagged`: who searches by a picture is shown doubtful answers, too.
    """
    found = predictions(query, search(fingerprint), names, fingerprint.version)
    if fingerprint.media_type == MediaType.IMAGE:
        return found
    return [told for told in found if told["flagged"]]


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


def index_file(path: Path) -> uuid.UUID | str:
    """Take a file into the library; its video, or what went wrong in words."""
    accepted = accept(Arrival(path, path.name, Upload.Entrance.BACKFILL))
    state = analyse(accepted.analysis.pk)
    if state in (State.READY, State.PARTIAL):
        return accepted.video.id
    accepted.video.refresh_from_db()
    return f"{accepted.video.error_code or state}: {accepted.video.error_message}"
