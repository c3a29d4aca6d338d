"""What a damaged MP4 claims in its index, for telling *why* it cannot be opened. Pure Python.

Only asked when PyAV gives up on a file: PyAV says "invalid data" of a bomb with 5,000 tracks, of
a picture without a size and of a real accident alike. Run inside the sandbox, as
`python -I -S boxes.py <path>`; prints the Index as JSON.
(ISO/IEC 14496-12; QuickTime File Format.)
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

MAX_INDEX = 64 << 20
MAX_BOXES = 200_000
_FOLDERS = (b"trak", b"mdia", b"minf", b"dinf", b"stbl")


@dataclass
class Index:
    """Number of tracks, width and height of the first picture track (None when there is none),
    and whether its pictures are said to lie in another file."""

    tracks: int = 0
    size: tuple[int, int] | None = None
    elsewhere: bool = False


def read_index(path: Path) -> Index:
    """The claims of the file's `moov` box; an empty Index when there is none to read."""
    found = Index()
    with path.open("rb") as file:
        content = _movie_box(file)
    for count, (kind, start, end) in enumerate(_inside(content, 0, len(content))):
        if count > MAX_BOXES:
            break
        if kind == b"trak":
            found.tracks += 1
        elif kind == b"stsd" and found.size is None:
            found.size = _picture_size(content[start:end])
        elif kind == b"dref":
            flags = content[start + 16 : start + 20]  # of the first entry
            found.elsewhere |= len(flags) == 4 and not flags[3] & 1
    return found


def _movie_box(file: BinaryIO) -> bytes:
    """The content of the top-level `moov` box, or nothing."""
    place = 0
    for _ in range(1000):
        file.seek(place)
        head = file.read(16)
        if len(head) < 8:
            return b""
        size, start = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, start = int.from_bytes(head[8:16], "big"), 16
        if head[4:8] == b"moov":
            file.seek(place + start)
            return file.read(MAX_INDEX if size == 0 else min(MAX_INDEX, max(0, size - start)))
        if size < start:
            return b""
        place += size
    return b""


def _inside(content: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Every box between `start` and `end` and inside those that only hold boxes: kind, content."""
    while start + 8 <= end:
        size = int.from_bytes(content[start : start + 4], "big")
        kind = content[start + 4 : start + 8]
        if size < 8:
            return
        stop = min(end, start + size)
        yield kind, start + 8, stop
        if kind in _FOLDERS:
            yield from _inside(content, start + 8, stop)
        start += size


def _picture_size(table: bytes) -> tuple[int, int] | None:
    """Width and height of the first sample description, when it is long enough to be a picture's.

    The table: version and count of 8 bytes, then size and kind of 8, then 24 before the width.
    """
    entry = table[8 : 8 + int.from_bytes(table[8:12], "big")]
    if len(entry) < 86:
        return None
    return int.from_bytes(entry[32:34], "big"), int.from_bytes(entry[34:36], "big")


if __name__ == "__main__":
    print(json.dumps(asdict(read_index(Path(sys.argv[1])))))
