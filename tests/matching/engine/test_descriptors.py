"""Descriptors are looked up by name, and one more can be added."""

import numpy as np
import pytest

from matching.engine import descriptors
from matching.engine.descriptors import Descriptor, descriptor, register, registered


def test_the_two_built_in_descriptors_give_what_they_promise() -> None:
    pictures = np.random.default_rng(2).integers(0, 256, (3, 90, 120, 3), np.uint8)
    names = [known.name for known in registered()]
    assert names[:2] == ["dct256", "hsv108"]
    for known in registered():
        rows = known.compute(pictures)
        width = known.dimension // 8 if known.distance == "hamming" else known.dimension
        assert rows.shape == (3, width), known.name


def test_a_descriptor_of_ones_own_can_be_added_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptors, "_registry", dict(descriptors._registry))
    mine = Descriptor("mine", "1", 4, "l2", "mine", lambda pictures: np.zeros((len(pictures), 4)))
    register(mine)
    assert descriptor("mine") is mine
    with pytest.raises(ValueError, match="mine"):
        register(mine)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="dct256, hsv108"):
        descriptor("sift")
