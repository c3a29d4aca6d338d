"""Uploads whose line is cut at random places, and what is lost of them: nothing that counts."""

import hashlib
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from tvidz.benchmarks.site import RunningSite
from tvidz.benchmarks.tables import Cell, Table
from tvidz.benchmarks.tus import Refused, Tus

# One statement, so that both halves are of the same moment.
COUNTED = """
SELECT received, part.token, part.length
FROM videos_partialupload AS upload
LEFT JOIN videos_uploadpart AS part ON part.upload_id = upload.id
WHERE upload.id = %s
"""
STORED = "SELECT storage_key FROM videos_video WHERE id = %s"
_TRIES = 100


@dataclass(frozen=True)
class Kind:
    """How a line is cut, and how soon the client is back to ask for the offset."""

    name: str
    asks: bool
    reset: bool
    pause: float = 0.0


# Who sends blindly may be read only after the HEAD, or be refused as the one before is at work.
KINDS = (
    Kind("sent blindly, FIN", asks=False, reset=False),
    Kind("sent blindly, RST", asks=False, reset=True),
    Kind("sent when told to, FIN", asks=True, reset=False),
    Kind("sent when told to, RST", asks=True, reset=True),
    Kind("the same, FIN, back after 0.2 s", asks=True, reset=False, pause=0.2),
    Kind("the same, RST, back after 0.2 s", asks=True, reset=True, pause=0.2),
)


@dataclass(frozen=True)
class Cut:
    """A cut line: how long the HEAD after it took, bytes handed over that did not count."""

    kind: Kind
    head_seconds: float
    lost: int


@dataclass
class Told:
    """What was seen of all uploads."""

    cuts: list[Cut] = field(default_factory=list)
    uploads: int = 0
    length: int = 0
    sent: int = 0
    asked_again: int = 0
    hashes_equal: int = 0
    ahead_of_disk: int = 0
    ahead_of_sent: int = 0
    backwards: int = 0
    wall: float = 0.0


def cut_again_and_again(
    site: RunningSite, content: bytes, name: str, cuts: int, seed: int, told: Told
) -> None:
    """Upload `content`, cutting the line at so many random places, by KINDS in turn."""
    client, luck = Tus(site.port), random.Random(seed)
    began = time.perf_counter()
    place, offset = client.begin(len(content), name), 0
    for number, until in enumerate(sorted(luck.sample(range(1, len(content)), cuts))):
        kind = KINDS[number % len(KINDS)]
        words = {"asks": kind.asks, "reset": kind.reset}
        while not client.send_and_cut(place, offset, content, until, **words):
            told.asked_again += 1
            offset = client.offset(place)
        told.sent += until - offset
        time.sleep(kind.pause)
        asked = time.perf_counter()
        now = client.offset(place)
        told.cuts.append(Cut(kind, time.perf_counter() - asked, until - now))
        told.backwards += now < offset
        told.ahead_of_sent += now > until
        told.ahead_of_disk += not _on_disk(site, place)
        offset = now
    video = _send_the_rest(client, place, content, told)
    told.wall += time.perf_counter() - began
    told.uploads += 1
    told.length += len(content)
    told.hashes_equal += _stored_sha256(site, video) == hashlib.sha256(content).hexdigest()


def _send_the_rest(client: Tus, place: str, content: bytes, told: Told) -> str:
    """To the end; the server may still be reading what was cut, then it is asked again."""
    for _ in range(_TRIES):
        offset = client.offset(place)
        told.sent += len(content) - offset
        try:
            return client.send(place, offset, content)
        except Refused as refused:
            if refused.status not in (409, 423):
                raise
            told.asked_again += 1
            time.sleep(0.05)
    raise RuntimeError(f"{place} was busy {_TRIES} times")


def _on_disk(site: RunningSite, place: str) -> bool:
    """Whether the bytes that count lie in files that are at least so long."""
    upload = uuid.UUID(place.rpartition("/")[2])
    folder = site.var / "partial" / upload.hex[:2] / str(upload)
    rows = [row for row in site.rows(COUNTED, upload) if row[1] is not None]
    if not rows:
        return True
    long_enough = all(
        (folder / f"{token:08d}").stat().st_size >= length for _, token, length in rows
    )
    return long_enough and rows[0][0] == sum(length for _, _, length in rows)


def _stored_sha256(site: RunningSite, video: str) -> str:
    """Of the file as it lies in the store, not as the database tells."""
    rows = site.rows(STORED, video) if video else []
    if not rows:
        return ""
    with (site.var / "files" / rows[0][0]).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tables(told: Told) -> list[Table]:
    """What a cut costs, and what became of the uploads."""
    mib = told.length / max(1, told.uploads) / (1 << 20)
    title = f"{len(told.cuts)} cuts at random places of {told.uploads} uploads of {mib:.0f} MiB"
    columns = ("", "cuts", "HEAD after it: median ms", "p95", "worst")
    lost = ("to send again: median KiB", "p95", "worst")
    became = (
        told.sent / told.length,
        told.hashes_equal,
        told.uploads - told.hashes_equal,
        told.ahead_of_disk,
        told.ahead_of_sent,
        told.backwards,
        told.asked_again,
        told.wall,
    )
    return [
        Table(title, (*columns, *lost), [_row(kind, told.cuts) for kind in KINDS]),
        Table(
            "What became of them",
            (
                "bytes sent over bytes of the files",
                "hashes equal",
                "hashes not equal",
                "offset ahead of disk",
                "offset ahead of what was sent",
                "offset backwards",
                "refusals for still being busy",
                "wall s",
            ),
            [became],
            ("The disk is looked at after each HEAD, the stored file is hashed at the end.",),
        ),
    ]


def _row(kind: Kind, cuts: Sequence[Cut]) -> tuple[Cell, ...]:
    ours = [cut for cut in cuts if cut.kind == kind]
    heads = [1000 * cut.head_seconds for cut in ours]
    lost = [cut.lost / 1024 for cut in ours]
    return (kind.name, len(ours), *spread(heads), *spread(lost))


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, p95 and the largest; zeros of nothing."""
    rising = sorted(values) or [0.0]
    last = len(rising) - 1
    return rising[len(rising) // 2], rising[min(last, int(0.95 * len(rising)))], rising[last]
