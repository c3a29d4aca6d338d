"""256-bit DCT sign hashes in the layout of PDQ, for many pictures at once.

Source: Meta, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm" (2019):
16 by 16 low frequencies of a 64 by 64 luminance picture (the constant row and column left out),
each bit telling whether a coefficient lies above their lower median. Given the same 64 by 64
picture the bits are PDQ's own; only the way down to 64 by 64 differs (area mean here, two tent
filters there).

A packed hash is 32 bytes, most significant bit first, in the order of PDQ's hexadecimal text:
byte 0 holds the highest frequencies. Turning, mirroring and inverting act on the coefficients,
so every variant of a picture costs one median, not one more transform.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

SIDE: Final = 64
FREQUENCIES: Final = 16
HASH_BYTES: Final = 32
HASH_BITS: Final = 256

# PDQ divides the summed gradient by 90, "so that most pictures worth matching reach 100".
_GRADIENT_PER_QUALITY: Final = 90
_PERCENTS: Final = (np.arange(256) * 100 // 255).astype(np.uint8)
_HAMMING_BLOCK: Final = 1 << 20
_LUMA: Final = np.array([0.299, 0.587, 0.114], dtype=np.float32)


class Turn(StrEnum):
    """How a picture was turned before it was hashed."""

    NONE = "none"
    MIRRORED = "mirrored"
    LEFT = "left"
    RIGHT = "right"
    HALF = "half"


class Hashes(NamedTuple):
    """Packed hashes (n, 32) uint8 and their quality (n,) uint8, 0 flat to 100 rich in detail."""

    hashes: Bytes
    quality: Bytes


def _dct_matrix() -> Floats:
    frequency = np.arange(1, FREQUENCIES + 1)[:, None]
    place = np.arange(SIDE)[None, :]
    angle = np.pi / (2 * SIDE) * frequency * (2 * place + 1)
    return np.asarray(np.sqrt(2.0 / SIDE) * np.cos(angle), dtype=np.float32)


_DCT: Final = _dct_matrix()
_SIGNS: Final = np.where(np.arange(1, FREQUENCIES + 1) % 2 == 1, -1.0, 1.0).astype(np.float32)


def luminance(pictures: Bytes) -> Floats:
    """Rec. 601 luma of RGB pictures (n, h, w, 3) uint8 as float32 (n, h, w), 0 to 255."""
    if pictures.ndim != 4 or pictures.shape[3] != 3:
        raise ValueError(f"pictures must be (n, h, w, 3), not {pictures.shape}")
    gray = np.empty(pictures.shape[:3], np.float32)
    # One by one: as floats a picture is four times as large as it came.
    for place, picture in enumerate(pictures):
        np.matmul(picture.astype(np.float32), _LUMA, out=gray[place])
    return gray


def to_square(gray: Floats | Bytes) -> Floats:
    """Area means of grey pictures (n, h, w) on 64 by 64, whatever their shape: float32 (n, 64, 64).

    Area, because the quick bilinear scalers alias: about 40 bits of difference.
    """
    square = np.empty((len(gray), SIDE, SIDE), dtype=np.float32)
    for place, picture in enumerate(gray):
        plane = np.ascontiguousarray(picture, dtype=np.float32)
        if plane.shape[0] < SIDE or plane.shape[1] < SIDE:
            # INTER_AREA copies pixels when it enlarges; small pictures want a smooth ramp.
            square[place] = cv2.resize(plane, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        else:
            square[place] = cv2.resize(plane, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return square


def coefficients(gray: Floats | Bytes) -> Floats:
    """The 16 by 16 low DCT frequencies of grey pictures (n, 64, 64): float32 (n, 16, 16).

    Rows are vertical, columns horizontal frequencies, both from 1.
    """
    if gray.ndim != 3 or gray.shape[1:] != (SIDE, SIDE):
        raise ValueError(f"gray must be (n, {SIDE}, {SIDE}), not {gray.shape}")
    # Two flat products: a stack of small ones takes ten times as long.
    across = gray.reshape(-1, SIDE).astype(np.float32) @ _DCT.T
    turned_over = across.reshape(-1, SIDE, FREQUENCIES).transpose(0, 2, 1).reshape(-1, SIDE)
    down = turned_over @ _DCT.T
    # Products of many pictures round otherwise than those of one; a regular pattern's zeros would
    # then fall on either side of the median. Grey levels tell no hundredth anyway.
    values = np.round(down, 2)
    return np.ascontiguousarray(values.reshape(-1, FREQUENCIES, FREQUENCIES).transpose(0, 2, 1))


def turned(values: Floats, turn: Turn) -> Floats:
    """Coefficients (n, 16, 16) of the same pictures after a turn.

    Mirroring a picture negates its odd frequencies along that axis; a quarter turn transposes
    them first.
    """
    if turn is Turn.MIRRORED:
        return values * _SIGNS[None, None, :]
    if turn is Turn.HALF:
        return values * _SIGNS[None, None, :] * _SIGNS[None, :, None]
    if turn is Turn.RIGHT:
        return values.transpose(0, 2, 1) * _SIGNS[None, None, :]
    if turn is Turn.LEFT:
        return values.transpose(0, 2, 1) * _SIGNS[None, :, None]
    return values


def hash_coefficients(values: Floats) -> Bytes:
    """Packed hashes (n, 32) of coefficients (n, 16, 16)."""
    flat = values.reshape(len(values), HASH_BITS)
    # The lower of the two middle values, so that exactly half the bits are set when all differ.
    middle = HASH_BITS // 2 - 1
    median = np.partition(flat, middle, axis=1)[:, middle : middle + 1]
    return np.packbits((flat > median)[:, ::-1], axis=1)


def quality(gray: Floats | Bytes) -> Bytes:
    """PDQ's measure of detail in pictures (n, 64, 64), 0 to 100: (n,) uint8.

    The sum of neighbouring differences, each cut down to whole percents, over 90.
    """
    total = np.zeros(len(gray), dtype=np.int64)
    for one, next_one in (
        (gray[:, :-1], gray[:, 1:]),
        (gray[:, :, :-1], gray[:, :, 1:]),
    ):
        steps = np.maximum(one, next_one) - np.minimum(one, next_one)
        if steps.dtype == np.uint8:
            # Whole grey levels have whole percents: a table, five times as fast.
            percents = _PERCENTS[steps]
        else:
            percents = (steps * np.float32(100) / np.float32(255)).astype(np.uint8)
        total += percents.sum(axis=(1, 2), dtype=np.int64)
    return np.minimum(total // _GRADIENT_PER_QUALITY, 100).astype(np.uint8)


def dct_hash(gray: Floats | Bytes, turn: Turn = Turn.NONE) -> Hashes:
    """Hashes and quality of grey pictures (n, 64, 64), 0 to 255, turned first if asked."""
    return Hashes(hash_coefficients(turned(coefficients(gray), turn)), quality(gray))


def dct_hashes(gray: Floats | Bytes, turns: Sequence[Turn]) -> tuple[dict[Turn, Bytes], Bytes]:
    """Hashes (n, 32) for each of several turns from one transform, and the quality (n,)."""
    values = coefficients(gray)
    return {turn: hash_coefficients(turned(values, turn)) for turn in turns}, quality(gray)


def inverted(hashes: Bytes) -> Bytes:
    """Hashes (n, 32) of the same pictures in negative colours: the complement, exactly."""
    return np.bitwise_not(hashes)


def _words(hashes: Bytes) -> NDArray[np.uint64]:
    if hashes.ndim != 2 or hashes.shape[1] != HASH_BYTES:
        raise ValueError(f"hashes must be (n, {HASH_BYTES}), not {hashes.shape}")
    return np.ascontiguousarray(hashes, dtype=np.uint8).view(np.uint64)


def hamming(a: Bytes, b: Bytes) -> NDArray[np.uint16]:
    """Differing bits between all hashes of a (n, 32) and of b (m, 32): uint16 (n, m), 0 to 256."""
    left, right = _words(a), _words(b)
    distance = np.zeros((len(left), len(right)), dtype=np.uint16)
    rows = max(1, _HAMMING_BLOCK // max(1, len(right)))
    for start in range(0, len(left), rows):
        block = distance[start : start + rows]
        for word in range(left.shape[1]):
            different = left[start : start + rows, word, None] ^ right[None, :, word]
            block += np.bitwise_count(different)
    return distance


def hamming_pairs(a: Bytes, b: Bytes) -> NDArray[np.uint16]:
    """Differing bits between hashes side by side, (n, 32) and (n, 32): uint16 (n,)."""
    counts = np.bitwise_count(_words(a) ^ _words(b))
    return np.asarray(counts.sum(axis=1, dtype=np.uint16))


def to_bit_string(packed: Bytes) -> str:
    """One hash (32,) as 256 characters 0 and 1, as a bit column of PostgreSQL takes it."""
    return f"{int.from_bytes(packed.tobytes()):0{HASH_BITS}b}"


def from_bit_string(text: str) -> Bytes:
    """One hash (32,) from 256 characters 0 and 1; ValueError for anything else."""
    if len(text) != HASH_BITS or set(text) - {"0", "1"}:
        raise ValueError("a hash is 256 characters, each 0 or 1")
    return np.packbits(np.frombuffer(text.encode(), dtype=np.uint8) - ord("0"))


def to_hex(packed: Bytes) -> str:
    """One hash (32,) as PDQ writes it: 64 hexadecimal digits."""
    return bytes(packed).hex()


def from_hex(text: str) -> Bytes:
    """One hash (32,) from PDQ's 64 hexadecimal digits; ValueError for anything else."""
    packed = np.frombuffer(bytes.fromhex(text), dtype=np.uint8)
    if len(packed) != HASH_BYTES:
        raise ValueError("a hash is 64 hexadecimal digits")
    return packed.copy()
