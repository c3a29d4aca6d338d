"""A descriptor from a model of the user's: an ONNX file, run by OpenCV's DNN module.

The file's bytes come in, so that nothing here reads files; a model whose weights lie in a second
file is refused by OpenCV. The version is a digest of the model and of how pictures are prepared
for it: whoever changes either gets another version, and versions are never compared.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from matching.engine.descriptors import Descriptor

Floats = NDArray[np.float32]
Vectors = Callable[[NDArray[np.uint8]], Floats]
Channels = Literal["rgb", "bgr"]
VectorDistance = Literal["cosine", "l2"]

MOST_DIMENSIONS: Final = 2000
"""pgvector's HNSW holds no longer `vector` (its README, "HNSW")."""

_VERSION_DIGITS: Final = 12
_TRIAL_SEED: Final = 1


class ModelUnusable(ValueError):
    """The model gives no descriptor; the message says why in a sentence for the operator."""


@dataclass(frozen=True)
class Preparation:
    """How a picture becomes the model's input (1, 3, side, side) float32.

    The whole picture is scaled to side by side pixels, whatever its shape; then each channel is
    (value / 255 - mean) / std. `mean` and `std` follow the order of `channels`.
    """

    side: int = 224
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    channels: Channels = "rgb"

    def input(self, picture: NDArray[np.uint8]) -> Floats:
        """The input (1, 3, side, side) made of one RGB picture (h, w, 3) uint8."""
        smaller = min(picture.shape[:2]) >= self.side
        way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        scaled = cv2.resize(picture, (self.side, self.side), interpolation=way)
        ordered = scaled[:, :, ::-1] if self.channels == "bgr" else scaled
        shares = ordered.astype(np.float32) / np.float32(255)
        values = (shares - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(values.transpose(2, 0, 1)[None], dtype=np.float32)


class _Model:
    """A loaded net that answers one thread at a time: OpenCV's nets keep the last input."""

    def __init__(self, model: bytes, output: str) -> None:
        try:
            self._net = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
        except cv2.error as error:
            raise ModelUnusable(f"OpenCV cannot read the model: {_reason(error)}") from None
        named = [str(name) for name in self._net.getUnconnectedOutLayersNames()]
        if not output and len(named) != 1:
            raise ModelUnusable(f"the model has {len(named)} outputs, name one: {', '.join(named)}")
        if output and output not in named:
            raise ModelUnusable(f"the model has no output {output}, only {', '.join(named)}")
        self._named = named
        self._place = named.index(output) if output else 0
        self._lock = Lock()

    def answer(self, blob: Floats) -> Floats:
        """What the model makes of an input, in whatever shape it comes."""
        with self._lock:
            self._net.setInput(blob)
            # OpenCV wants all outputs asked for where there are several.
            found = self._net.forward(self._named)
            return np.array(found[self._place], dtype=np.float32)


def onnx_descriptor(
    model: bytes,
    *,
    name: str,
    distance: VectorDistance = "cosine",
    preparation: Preparation | None = None,
    output: str = "",
) -> Descriptor:
    """The descriptor that the ONNX file `model` computes; its dimension is read from an answer.

    compute gives float32 (n, dimension), of length 1 for "cosine"; a row the model leaves without
    an answer (zero or not finite) is all zeros and says nothing. Pictures go in one by one: many
    models are exported for one, and so a vector does not depend on its batch.

    Raises ModelUnusable: not readable, several outputs and none named, input of another size, an
    answer that is no vector, longer than 2,000 or the same for every picture.
    """
    prepared = preparation or Preparation()
    loaded = _Model(model, output)
    dimension = _dimension(loaded, prepared)

    def compute(pictures: NDArray[np.uint8]) -> Floats:
        if pictures.ndim != 4 or pictures.shape[3] != 3:
            raise ValueError(f"pictures must be (n, h, w, 3), not {pictures.shape}")
        vectors = np.zeros((len(pictures), dimension), np.float32)
        for place, picture in enumerate(pictures):
            vectors[place] = loaded.answer(prepared.input(picture)).reshape(dimension)
        vectors[~np.isfinite(vectors).all(axis=1)] = 0
        return _of_length_one(vectors) if distance == "cosine" else vectors

    _try_out(compute, prepared.side)
    version = _version(model, prepared, distance, output)
    return Descriptor(name, version, dimension, distance, "vector", compute)


def _dimension(model: _Model, prepared: Preparation) -> int:
    """Length of the model's answer to a grey picture; ModelUnusable if that is no vector."""
    side = prepared.side
    try:
        answer = model.answer(prepared.input(np.full((side, side, 3), 128, np.uint8)))
    except cv2.error as error:
        message = f"the model does not take a picture of {side} by {side}: {_reason(error)}"
        raise ModelUnusable(message) from None
    if answer.size < 2 or max(answer.shape) != answer.size:
        shape = " by ".join(map(str, answer.shape))
        raise ModelUnusable(f"the model's output is no vector but {shape} numbers")
    if answer.size > MOST_DIMENSIONS:
        raise ModelUnusable(
            f"the model's output has {answer.size} numbers; {MOST_DIMENSIONS} can be indexed"
        )
    return int(answer.size)


def _try_out(compute: Vectors, side: int) -> None:
    rng = np.random.default_rng(_TRIAL_SEED)
    pictures = rng.integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    # Noise alone would be grey to a model that takes means.
    pictures[0, : side // 2] //= 4
    first, second = compute(pictures)
    if not first.any() or not second.any():
        raise ModelUnusable("the model's output is zero or not finite")
    if np.allclose(first, second, rtol=1e-5, atol=1e-7):
        raise ModelUnusable("the model's output is the same for different pictures")


def _of_length_one(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)


def _version(model: bytes, prepared: Preparation, distance: str, output: str) -> str:
    digest = hashlib.sha256(repr((prepared, distance, output)).encode())
    digest.update(model)
    return digest.hexdigest()[:_VERSION_DIGITS]


def _reason(error: cv2.error) -> str:
    """The last line of what OpenCV says that has words in it; where in OpenCV is of no use here."""
    lines = [line.strip("> ") for line in str(error).splitlines() if line.strip()]
    return lines[-1].rpartition("error: ")[2]
