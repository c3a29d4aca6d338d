"""The descriptors the engine knows, by name: what a frame is turned into, and how it is compared.

A descriptor of one's own (an ONNX model through OpenCV's DNN, say) is one more registration.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from matching.engine.colour import DIMENSION as COLOUR_DIMENSION
from matching.engine.colour import colour_vector
from matching.engine.hashing import HASH_BITS, dct_hash, luminance, to_square

Distance = Literal["hamming", "l1", "l2", "cosine"]
Compute = Callable[[NDArray[np.uint8]], NDArray[Any]]


@dataclass(frozen=True)
class Descriptor:
    """One way to describe pictures.

    compute takes RGB pictures (n, h, w, 3) uint8 and gives one row each: packed bits uint8
    (n, dimension / 8) for the distance "hamming", else float32 (n, dimension).
    column names the database column that holds it; version changes with every change of numbers.
    """

    name: str
    version: str
    dimension: int
    distance: Distance
    column: str
    compute: Compute


def _hash_of(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return dct_hash(to_square(luminance(pictures))).hashes


_registry: Final[dict[str, Descriptor]] = {}


def register(descriptor: Descriptor) -> None:
    """Make a descriptor known; ValueError if its name is taken."""
    if descriptor.name in _registry:
        raise ValueError(f"there is already a descriptor named {descriptor.name}")
    _registry[descriptor.name] = descriptor


def descriptor(name: str) -> Descriptor:
    """The descriptor of that name; KeyError, naming the known ones, if there is none."""
    if name not in _registry:
        raise KeyError(f"no descriptor {name}; known are {', '.join(sorted(_registry))}")
    return _registry[name]


def registered() -> tuple[Descriptor, ...]:
    """All descriptors in the order in which they were registered."""
    return tuple(_registry.values())


DCT256: Final = Descriptor("dct256", "1", HASH_BITS, "hamming", "hash", _hash_of)
HSV108: Final = Descriptor("hsv108", "1", COLOUR_DIMENSION, "l2", "colour", colour_vector)
register(DCT256)
register(HSV108)
