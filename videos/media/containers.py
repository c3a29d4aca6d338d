"""Which demuxer a file is given to, decided from its first bytes alone.

ffmpeg never guesses: its own probing would accept playlists, which name other files. What is not
recognised here is refused.
"""

import re
from dataclasses import dataclass
from typing import Literal

from videos.media.errors import MediaError

HEAD_BYTES = 4096
"""How many bytes from the start of a file `recognise` wants; fewer when the file is shorter."""

MediaType = Literal["video", "image"]


@dataclass(frozen=True)
class Container:
    """A container format: ffmpeg's demuxer, what we serve it as, and its usual suffix."""

    demuxer: str
    media_type: MediaType
    mime: str
    suffix: str


MP4 = Container("mov", "video", "video/mp4", ".mp4")
QUICKTIME = Container("mov", "video", "video/quicktime", ".mov")
MATROSKA = Container("matroska", "video", "video/x-matroska", ".mkv")
WEBM = Container("matroska", "video", "video/webm", ".webm")
MPEG_TS = Container("mpegts", "video", "video/mp2t", ".ts")
MPEG_PS = Container("mpeg", "video", "video/mpeg", ".mpg")
AVI = Container("avi", "video", "video/x-msvideo", ".avi")
FLV = Container("flv", "video", "video/x-flv", ".flv")
OGG = Container("ogg", "video", "video/ogg", ".ogv")
JPEG = Container("jpeg_pipe", "image", "image/jpeg", ".jpg")
PNG = Container("png_pipe", "image", "image/png", ".png")
WEBP = Container("webp_pipe", "image", "image/webp", ".webp")

CONTAINERS: tuple[Container, ...] = (
    MP4, QUICKTIME, MATROSKA, WEBM, MPEG_TS, MPEG_PS, AVI, FLV, OGG, JPEG, PNG, WEBP,
)  # fmt: skip

# ISO base media brands that are pictures or documents, not films.
_STILL_BRANDS = {b"avif", b"heic", b"heix", b"heim", b"heis", b"mif1", b"crx ", b"jp2 ", b"jpx "}
# Boxes a QuickTime file without an ftyp box may begin with.
_OLD_QUICKTIME_BOXES = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}


def recognise(head: bytes) -> Container:
    """The container that the first `HEAD_BYTES` bytes of a file announce.

    Raises MediaError EMPTY for no bytes at all and UNSUP for everything that is not on the list.
    """
    if not head:
        raise MediaError("EMPTY")
    container = (
        _iso_media(head) or _matroska(head) or _riff(head) or _by_signature(head) or _mpeg_ts(head)
    )
    if container is None:
        raise MediaError("UNSUP")
    return container


def require(container: Container, media_type: MediaType) -> Container:
    """`container` itself, or MediaError UNSUP when it is a picture where video is wanted (or the
    other way round)."""
    if container.media_type != media_type:
        wanted = "a video" if media_type == "video" else "a picture (JPEG, PNG or WebP)"
        raise MediaError("UNSUP", f"This file is not {wanted}. Choose another file.")
    return container


def _iso_media(head: bytes) -> Container | None:
    kind, brand = head[4:8], head[8:12]
    if len(head) < 16:
        return None
    if kind == b"ftyp":
        if brand in _STILL_BRANDS:
            return None
        return QUICKTIME if brand == b"qt  " else MP4
    size = int.from_bytes(head[:4], "big")
    return QUICKTIME if kind in _OLD_QUICKTIME_BOXES and (size >= 8 or size in (0, 1)) else None


def _matroska(head: bytes) -> Container | None:
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    # EBML DocType, element id 0x4282, its length in one byte with the top bit set.
    found = re.search(rb"\x42\x82[\x84\x88](webm|matroska)", head[:1024])
    if found is None:
        return None
    return WEBM if found[1] == b"webm" else MATROSKA


def _riff(head: bytes) -> Container | None:
    if not head.startswith(b"RIFF"):
        return None
    return {b"AVI ": AVI, b"WEBP": WEBP}.get(head[8:12])


def _by_signature(head: bytes) -> Container | None:
    signatures: tuple[tuple[bytes, Container], ...] = (
        (b"FLV\x01", FLV),
        (b"OggS\x00", OGG),
        (b"\x00\x00\x01\xba", MPEG_PS),
        (b"\xff\xd8\xff", JPEG),
        (b"\x89PNG\r\n\x1a\n", PNG),
    )
    return next((found for magic, found in signatures if head.startswith(magic)), None)


def _mpeg_ts(head: bytes) -> Container | None:
    """Sync bytes at every packet; Blu-ray's variant puts four bytes of time before each packet."""
    for packet, first in ((188, 0), (192, 4)):
        marks = head[first::packet][:8]
        if len(marks) >= 3 and set(marks) == {0x47}:
            return MPEG_TS
    return None
