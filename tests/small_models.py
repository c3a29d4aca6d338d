"""Small ONNX models, made on the spot: what an operator's own descriptor stands on in tests."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIDE = 32
NUMBERS = 24


def weights(numbers: int = NUMBERS, seed: int = 7) -> NDArray[np.float32]:
    """A fixed random projection (192, numbers)."""
    values = np.random.default_rng(seed).normal(size=(192, numbers)) / 8
    return values.astype(np.float32)


def small_model(path: Path, *, numbers: int = NUMBERS, seed: int = 7, batch: int | str = 1) -> Path:
    """Means on 8 by 8 cells of a picture of 32 by 32, less their mean, projected: a vector."""
    nodes = [
        helper.make_node(
            "AveragePool", ["picture"], ["cells"], kernel_shape=[4, 4], strides=[4, 4]
        ),
        helper.make_node("Flatten", ["cells"], ["flat"]),
        helper.make_node("ReduceMean", ["flat"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["flat", "mean"], ["differences"]),
        helper.make_node("MatMul", ["differences", "weights"], ["vector"]),
    ]
    return written(path, nodes, {"vector": [batch, numbers]}, batch, weights(numbers, seed))


def written(
    path: Path,
    nodes: list[Any],
    outputs: dict[str, list[Any]],
    batch: int | str = 1,
    matrix: NDArray[np.float32] | None = None,
) -> Path:
    """Write a model of these nodes; its input is `picture`, its constant `weights`."""
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [batch, 3, SIDE, SIDE])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in outputs.items()
        ],
        [] if matrix is None else [numpy_helper.from_array(matrix, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path
