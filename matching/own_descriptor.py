"""The descriptor that the operator's settings name, loaded when it is first wanted."""

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from matching.engine.descriptors import Descriptor
from matching.engine.onnx import ModelUnusable, Preparation, VectorDistance, onnx_descriptor


def own_descriptor() -> Descriptor | None:
    """The user's descriptor, None where none is set; raises ModelUnusable with the reason."""
    options = settings.TVIDZ
    if not options.onnx_model:
        return None
    path = Path(options.onnx_model)
    try:
        written = path.stat().st_mtime_ns
    except OSError as error:
        raise _unreadable(path, error) from None
    preparation = Preparation(
        options.onnx_size, options.onnx_mean, options.onnx_std, options.onnx_channels
    )
    distance: VectorDistance = options.onnx_distance
    return _loaded(path, written, options.onnx_name, distance, preparation, options.onnx_output)


# A model takes long to load and much memory. The time it was written is part of the key: a
# process that goes on running notices an exchanged file, and gives it a version of its own.
@lru_cache(maxsize=1)
def _loaded(
    path: Path,
    written: int,
    name: str,
    distance: VectorDistance,
    preparation: Preparation,
    output: str,
) -> Descriptor:
    try:
        model = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None
    try:
        return onnx_descriptor(
            model, name=name, distance=distance, preparation=preparation, output=output
        )
    except ModelUnusable as error:
        raise ModelUnusable(f"{path}: {error}") from None


def _unreadable(path: Path, error: OSError) -> ModelUnusable:
    return ModelUnusable(f"{path} cannot be read: {error.strerror}")
