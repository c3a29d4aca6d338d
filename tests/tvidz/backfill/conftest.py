"""Folders to take in, and the command as it is typed."""

import csv
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

Backfill = Callable[..., dict[str, int]]


@pytest.fixture
def folder(tmp_path: Path, clip: Path, excerpt: Path) -> Path:
    """A folder of films: a clip, an excerpt in a folder below, and hidden ones."""
    films = tmp_path / "films"
    (films / "below").mkdir(parents=True)
    (films / ".trash").mkdir()
    shutil.copy(clip, films / "clip.mp4")
    shutil.copy(excerpt, films / "below" / "excerpt.mp4")
    (films / ".hidden.mp4").write_text("not to be looked at")
    (films / ".trash" / "old.mp4").write_text("neither is this")
    return films


@pytest.fixture
def backfill() -> Backfill:
    """Run the command; how many ended how, as its table says."""

    def run(*words: Any, **options: Any) -> dict[str, int]:
        out = options.pop("stdout", StringIO())
        try:
            call_command("backfill", *words, stdout=out, **options)
        finally:
            counts = counts_of(out.getvalue())
        return counts

    return run


def counts_of(table: str) -> dict[str, int]:
    """The counts of the table at the end of what the command says."""
    lines = [line for line in table.splitlines() if ":" not in line]
    pairs = [line.rsplit(maxsplit=1) for line in lines]
    return {word.strip(): int(count.replace(",", "")) for word, count in pairs}


def rows_of(report: Path) -> list[dict[str, str]]:
    with report.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., Path]:
    """A manifest beside the films: manifest("source,title", "clip.mp4,A clip")."""

    def write(*lines: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "films" / "list.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), encoding=encoding)
        return path

    return write
