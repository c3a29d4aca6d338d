"""How each source ended: a line of CSV as it ends, and a short table of all at the end."""

import csv
import os
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

# Every other end leaves something that is not in the library.
WELL = frozenset({"known", "queued", "ready", "partial", "duplicate", "with a worker"})
# What this run has brought into the library.
TAKEN = frozenset({"queued", "ready", "partial", "duplicate", "with a worker"})

HEADER = ("source", "ended", "code", "message", "video", "seconds", "duplicates")


@dataclass(frozen=True)
class Ended:
    """How a source ended in a word, and why if there is more to say.

    `seconds` is how long that took, `duration` the video's own; `duplicates` counts its links.
    """

    source: str
    word: str
    code: str = ""
    message: str = ""
    video_id: uuid.UUID | None = None
    seconds: float = 0.0
    duplicates: int = 0
    duration: float = 0.0


class ReportFile:
    """A CSV file that grows by a line a source, after what an earlier run has left in it."""

    def __init__(self, path: Path) -> None:
        end = _last_byte(path)
        self._file = path.open("a", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        if end == b"":
            self._write(HEADER)
        elif end != b"\n":
            # The run before was cut off within a line.
            self._file.write("\n")

    def add(self, ended: Ended) -> None:
        self._write(
            (
                *(ended.source, ended.word, ended.code, ended.message),
                ended.video_id or "",
                f"{ended.seconds:.3f}",
                ended.duplicates,
            )
        )

    def __enter__(self) -> "ReportFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def _write(self, row: tuple[object, ...]) -> None:
        self._writer.writerow(row)
        # So that a run which is killed leaves what it did.
        self._file.flush()


@dataclass
class Tally:
    """How many ended how, and hours of video taken in."""

    ends: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    duration: float = 0.0

    def add(self, ended: Ended) -> None:
        self.ends[ended.word] += 1
        if ended.word == "refused":
            self.refused[ended.code] += 1
        if ended.word in TAKEN:
            self.duration += ended.duration

    @property
    def all_well(self) -> bool:
        return not set(self.ends) - WELL

    def table(self, seconds: float) -> str:
        """The counts, and how fast it went; `seconds` is the wall time of the run."""
        widest = max(map(len, self.ends), default=0)
        lines = [f"{word:<{widest}}  {count:>9,}" for word, count in sorted(self.ends.items())]
        lines += [f"  of these {code}: {count:,}" for code, count in self.refused.most_common()]
        taken = sum(self.ends[word] for word in TAKEN)
        if taken:
            hours = self.duration / 3600
            rate = taken * 3600 / max(seconds, 1e-3)
            lines.append(
                f"{hours:,.2f} hours of video in {_clock(seconds)}: {rate:,.0f} videos an hour"
            )
        return "\n".join(lines)


def _last_byte(path: Path) -> bytes:
    if not path.exists() or path.stat().st_size == 0:
        return b""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
