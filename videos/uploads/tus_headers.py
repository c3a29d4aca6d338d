"""What clients of the tus protocol (1.0) say in headers, read strictly.

Source: https://tus.io/protocols/resumable-upload. Every function raises a 400 Refusal that names
the header.
"""

import base64
import binascii
import hashlib
import re
import uuid
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from videos.errors import Refusal

ALGORITHMS: Final = ("sha256", "sha1", "md5")
MAX_METADATA: Final = 8192
MAX_PARTS: Final = 1000

_KEY = re.compile(r"[!-+\--~]+")  # ASCII without space and comma
_NUMBER = re.compile(r"[0-9]+")
# More bytes than any file may have, and few enough for a column of the database.
_MOST: Final = 10**18


@dataclass(frozen=True)
class Checksum:
    """What the bytes of a request must add up to."""

    algorithm: str
    digest: bytes


@dataclass(frozen=True)
class Concat:
    """Upload-Concat: a part of another upload, or one made of `partials`."""

    final: bool
    partials: tuple[uuid.UUID, ...] = ()


def bad_header(name: str, must: str) -> Refusal:
    return Refusal("BAD_HEADER", f"{name} {must}.", 400)


def number(name: str, value: str) -> int:
    """A count of bytes; of those above 10¹⁸ just that, as they are no less true for being long."""
    if not _NUMBER.fullmatch(value):
        raise bad_header(name, "must be a number of bytes")
    return min(int(value.lstrip("0")[:20] or "0"), _MOST)


def metadata(value: str) -> dict[str, bytes]:
    """Upload-Metadata as keys and values."""
    if len(value) > MAX_METADATA:
        raise Refusal("METADATA_TOO_LARGE", f"Upload-Metadata is over {MAX_METADATA} bytes.", 413)
    found: dict[str, bytes] = {}
    for pair in value.split(",") if value.strip() else []:
        key, _, encoded = pair.strip().partition(" ")
        if not _KEY.fullmatch(key):
            raise bad_header("Upload-Metadata", "needs a key of ASCII without spaces in each pair")
        if key in found:
            raise bad_header("Upload-Metadata", f"names {key} twice")
        found[key] = _decoded("Upload-Metadata", encoded.strip())
    return found


def filename(value: str) -> str:
    """The file name a client told in its metadata, as it is; empty when it told none."""
    told = metadata(value)
    return (told.get("filename") or told.get("name") or b"").decode("utf-8", "replace")


def checksum(value: str) -> Checksum:
    """Upload-Checksum."""
    algorithm, _, encoded = value.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise bad_header("Upload-Checksum", f"must begin with one of {', '.join(ALGORITHMS)}")
    digest = _decoded("Upload-Checksum", encoded.strip())
    if len(digest) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise bad_header("Upload-Checksum", f"is not as long as a {algorithm} digest")
    return Checksum(algorithm, digest)


def concat(value: str) -> Concat:
    """Upload-Concat: `partial`, or `final;` and the addresses of its parts."""
    if value.strip() == "partial":
        return Concat(final=False)
    kind, _, addresses = value.partition(";")
    places = addresses.split()
    if kind.strip() != "final" or not 1 <= len(places) <= MAX_PARTS:
        raise bad_header("Upload-Concat", "must be “partial” or “final;” with addresses of parts")
    try:
        ids = tuple(
            uuid.UUID(urlsplit(place).path.rstrip("/").rpartition("/")[2]) for place in places
        )
    except ValueError:
        raise bad_header("Upload-Concat", "names something that is no upload") from None
    return Concat(final=True, partials=ids)


def _decoded(name: str, encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise bad_header(name, "has a value that is not Base64") from None
