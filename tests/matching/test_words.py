"""The words that the package ships are those that this version of the engine names."""

from pathlib import Path

import numpy as np
import pytest

from matching import words
from matching.engine.local import detect
from matching.engine.version import VOCABULARY_VERSION
from matching.models import WORDS
from matching.words import vocabulary
from tests.matching.scenery import leaves


def test_the_shipped_vocabulary_is_of_the_version_the_engine_wants() -> None:
    held = vocabulary()

    assert held.version == VOCABULARY_VERSION
    assert held.size == WORDS
    assert held.first.shape == held.second.shape == (4096, 64)
    assert held.middle.shape == (128,)


def test_it_is_read_once() -> None:
    assert vocabulary() is vocabulary()


def test_common_words_rise_and_are_words() -> None:
    common = vocabulary().common

    assert (np.diff(common) > 0).all()
    assert common.dtype == np.int32
    assert (common.min(initial=0), common.max(initial=0) < WORDS) == (0, True)


def test_a_picture_it_was_not_made_of_has_many_different_words() -> None:
    found = vocabulary().words(detect(leaves(71), 120))[:, 0]

    # A vocabulary in which all fall together would tell nothing apart.
    assert len(np.unique(found)) > 100


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "VOCABULARY_VERSION", "0")
    vocabulary.cache_clear()

    with pytest.raises(RuntimeError, match=rf"is vocabulary {VOCABULARY_VERSION}, not 0"):
        vocabulary()
    vocabulary.cache_clear()
