"""Descriptors from ONNX files: what they compute, their versions, and what is refused."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import helper

from matching.engine.descriptors import Descriptor
from matching.engine.onnx import ModelUnusable, Preparation, onnx_descriptor
from tests.small_models import NUMBERS, SIDE, small_model, weights, written

Pictures = NDArray[np.uint8]
PREPARED = Preparation(SIDE)


def descriptor_of(path: Path, **how: Any) -> Descriptor:
    plain: dict[str, Any] = {"name": "mine", "preparation": PREPARED}
    return onnx_descriptor(path.read_bytes(), **(plain | how))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return small_model(tmp_path / "small.onnx")


@pytest.fixture
def pictures() -> Pictures:
    rng = np.random.default_rng(3)
    return rng.integers(0, 256, (9, SIDE, SIDE, 3), dtype=np.uint8)


def by_hand(pictures: Pictures) -> NDArray[np.float32]:
    """What the small model computes, without OpenCV and without its length made one."""
    shares = pictures.astype(np.float32) / 255
    cells = shares.reshape(-1, 8, 4, 8, 4, 3).mean(axis=(2, 4)).transpose(0, 3, 1, 2)
    flat = cells.reshape(len(pictures), -1)
    return np.asarray((flat - flat.mean(axis=1, keepdims=True)) @ weights(), np.float32)


def test_the_vectors_are_what_the_model_says(model: Path, pictures: Pictures) -> None:
    mine = descriptor_of(model, distance="l2")

    vectors = mine.compute(pictures)

    assert (mine.name, mine.dimension, mine.distance) == ("mine", NUMBERS, "l2")
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, by_hand(pictures), atol=1e-5)


def test_for_the_cosine_they_have_length_one(model: Path, pictures: Pictures) -> None:
    vectors = descriptor_of(model).compute(pictures)

    expected = by_hand(pictures)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


@pytest.mark.parametrize("batch", [1, "n"])
def test_a_vector_does_not_depend_on_what_it_is_computed_with(
    batch: int | str, tmp_path: Path, pictures: Pictures
) -> None:
    mine = descriptor_of(small_model(tmp_path / "small.onnx", batch=batch))

    together = mine.compute(pictures)
    alone = np.concatenate([mine.compute(each[None]) for each in pictures])

    assert (together == alone).all()


def test_threads_do_not_get_each_others_answers(model: Path, pictures: Pictures) -> None:
    mine = descriptor_of(model)
    expected = mine.compute(pictures)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda turn: mine.compute(pictures[turn % 9, None])[0], range(180)))

    assert all((answer == expected[turn % 9]).all() for turn, answer in enumerate(answers))


def test_of_no_pictures_there_are_no_vectors(model: Path, pictures: Pictures) -> None:
    assert descriptor_of(model).compute(pictures[:0]).shape == (0, NUMBERS)


def test_a_picture_of_which_the_model_says_nothing_is_all_zeros(model: Path) -> None:
    black = np.zeros((1, SIDE, SIDE, 3), np.uint8)

    assert not descriptor_of(model).compute(black).any()


def test_pictures_of_any_shape_are_scaled_whole(model: Path) -> None:
    wide = np.zeros((1, 180, 320, 3), np.uint8)
    wide[:, :, 160:] = 200
    square = np.zeros((1, SIDE, SIDE, 3), np.uint8)
    square[:, :, 16:] = 200
    mine = descriptor_of(model)

    np.testing.assert_allclose(mine.compute(wide), mine.compute(square), atol=1e-4)


def test_pictures_are_prepared_as_asked() -> None:
    red = np.zeros((8, 8, 3), np.uint8)
    red[:, :, 0] = 255
    asked = Preparation(8, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 2.0), channels="bgr")

    blob = asked.input(red)

    assert (blob.shape, blob.dtype) == ((1, 3, 8, 8), np.dtype(np.float32))
    assert blob[0, :, 0, 0].tolist() == pytest.approx([-0.2, -0.8, 0.35], abs=1e-6)


@pytest.mark.parametrize(
    "changed",
    [
        {"preparation": Preparation(SIDE, mean=(0.5, 0.5, 0.5))},
        {"preparation": Preparation(SIDE, channels="bgr")},
        {"distance": "l2"},
        {"output": "vector"},
    ],
)
def test_whoever_changes_how_it_is_used_gets_another_version(
    changed: dict[str, Any], model: Path
) -> None:
    assert descriptor_of(model, **changed).version != descriptor_of(model).version


def test_the_version_is_that_of_the_model_not_of_its_name(model: Path, tmp_path: Path) -> None:
    renamed = small_model(tmp_path / "renamed.onnx")
    trained_on = small_model(tmp_path / "trained_on.onnx", seed=8)

    assert descriptor_of(model).version == descriptor_of(renamed, name="other").version
    assert descriptor_of(model).version != descriptor_of(trained_on).version


@pytest.mark.parametrize("content", [b"", b"Dear Bob, this is not a model.", b"\x08\x08\x12\x00"])
def test_what_is_no_model_is_refused(content: bytes) -> None:
    with pytest.raises(ModelUnusable, match="OpenCV cannot read the model: "):
        onnx_descriptor(content, name="mine")


def test_half_a_model_is_refused(model: Path) -> None:
    with pytest.raises(ModelUnusable, match="OpenCV cannot read the model: "):
        onnx_descriptor(model.read_bytes()[:4000], name="mine")


def test_a_model_for_another_size_is_refused(model: Path) -> None:
    with pytest.raises(ModelUnusable, match="does not take a picture of 48 by 48"):
        descriptor_of(model, preparation=Preparation(48))


def test_an_operation_that_opencv_lacks_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("Telepathy", ["picture"], ["vector"])

    with pytest.raises(ModelUnusable, match="OpenCV cannot read the model: "):
        descriptor_of(written(tmp_path / "odd.onnx", [node], {"vector": [1, 4]}))


def test_a_map_instead_of_a_vector_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("AveragePool", ["picture"], ["map"], kernel_shape=[8, 8])

    with pytest.raises(ModelUnusable, match="no vector but 1 by 3 by 25 by 25 numbers"):
        descriptor_of(written(tmp_path / "map.onnx", [node], {"map": [1, 3, 25, 25]}))


def test_a_single_number_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("ReduceMean", ["picture"], ["mean"], axes=[1, 2, 3], keepdims=0)

    with pytest.raises(ModelUnusable, match="no vector"):
        descriptor_of(written(tmp_path / "mean.onnx", [node], {"mean": [1]}))


def test_a_vector_too_long_for_the_index_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("Flatten", ["picture"], ["flat"])

    with pytest.raises(ModelUnusable, match="has 3072 numbers; 2000 can be indexed"):
        descriptor_of(written(tmp_path / "long.onnx", [node], {"flat": [1, 3072]}))


def test_a_model_that_always_says_the_same_is_refused(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("GlobalAveragePool", ["picture"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["nothing"]),
        helper.make_node("Cos", ["nothing"], ["vector"]),
    ]
    path = written(
        tmp_path / "same.onnx", nodes, {"vector": [1, 4]}, matrix=np.zeros((3, 4), np.float32)
    )

    with pytest.raises(ModelUnusable, match="the same for different pictures"):
        descriptor_of(path)


def test_of_several_outputs_one_must_be_named(tmp_path: Path, pictures: Pictures) -> None:
    nodes = [
        helper.make_node(
            "AveragePool", ["picture"], ["cells"], kernel_shape=[4, 4], strides=[4, 4]
        ),
        helper.make_node("Flatten", ["cells"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["vector"]),
    ]
    outputs = {"cells": [1, 3, 8, 8], "vector": [1, NUMBERS]}
    path = written(tmp_path / "two.onnx", nodes, outputs, matrix=weights())

    with pytest.raises(ModelUnusable, match="2 outputs, name one: cells, vector"):
        descriptor_of(path)
    with pytest.raises(ModelUnusable, match="no output vektor, only cells, vector"):
        descriptor_of(path, output="vektor")
    assert descriptor_of(path, output="vector").compute(pictures).shape == (9, NUMBERS)
