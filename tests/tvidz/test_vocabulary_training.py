"""A vocabulary is learnt from footage whose licence allows it, and from nothing else."""

import json
import shutil
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from matching.engine.local import detect
from matching.engine.vocabulary import from_bytes
from tests.matching.scenery import leaves
from tvidz.vocabulary_training import COMMON_FAMILIES, features_of, footage, permitted, train


@pytest.fixture
def folder(tmp_path: Path, clip: Path, excerpt: Path) -> Path:
    """Two videos that may be learnt from, one without a licence that is no video at all."""
    (tmp_path / "refs").mkdir()
    shutil.copy(clip, tmp_path / "refs" / "clip.mp4")
    shutil.copy(excerpt, tmp_path / "refs" / "excerpt.mp4")
    (tmp_path / "refs" / "secret.mp4").write_text("whoever reads this fails")
    refs: list[dict[str, Any]] = [
        {"id": "clip", "file": "refs/clip.mp4", "licence": "CC0", "family": "clips"},
        {"id": "secret", "file": "refs/secret.mp4", "family": "secrets"},
        {"id": "excerpt", "file": "refs/excerpt.mp4", "licence": "MIT"},
    ]
    (tmp_path / "gt.json").write_text(json.dumps({"refs": refs}))
    return tmp_path


def _ids(folder: Path, *leave_out: str) -> list[str]:
    return [ref["id"] for ref in permitted(folder, leave_out)]


@pytest.mark.parametrize(
    ("licence", "read"),
    [
        *(("BSD", True), ("CC0", True), ("Apache-2.0", True)),
        *((None, False), ("", False), ("unknown", False)),
        *(("CC-BY-NC-4.0", False), ("GPL-3.0", False), ("research only", False)),
    ],
)
def test_only_a_permissive_licence_lets_a_video_in(
    licence: str | None, read: bool, tmp_path: Path
) -> None:
    ref = {"id": "a", "file": "a.mp4", "licence": licence}
    (tmp_path / "gt.json").write_text(json.dumps({"refs": [ref]}))

    assert _ids(tmp_path) == ["a"] * read


def test_families_are_left_out_by_name_and_videos_without_one_by_their_own(folder: Path) -> None:
    assert _ids(folder) == ["clip", "excerpt"]
    assert _ids(folder, "clips") == ["excerpt"]
    assert _ids(folder, "excerpt") == ["clip"]
    assert _ids(folder, "clips", "excerpt", "others") == []


def test_an_unlicensed_video_is_never_read(folder: Path) -> None:
    told: list[str] = []

    found = list(islice(footage(folder, [], told.append), 2))

    assert [name for name, _ in found] == ["clips", "excerpt"]
    assert told == ["clip"]
    assert [len(features) for _, features in found] == [2, 6]


def test_a_small_vocabulary_is_learnt_written_and_read_again(folder: Path) -> None:
    named = list(islice(footage(folder, [], lambda _: None), 2))

    made = from_bytes(train(named, "t", centres=64).to_bytes())

    assert made.version == "t"
    assert made.size == 64 * 64
    assert made.first.shape == made.second.shape == (64, 64)
    assert made.middle.shape == (128,)
    # Two families are too few to call anything common.
    assert len(made.common) == 0
    words = made.words(named[1][1][0])[:, 0]
    assert len(np.unique(words)) > 50


def test_the_same_footage_gives_the_same_vocabulary(clip: Path) -> None:
    named = [("clip", features_of(clip))]

    one, two = (train(named, "t", centres=16) for _ in range(2))

    assert np.array_equal(one.first, two.first)
    assert np.array_equal(one.second, two.second)
    assert np.array_equal(one.middle, two.middle)


def test_words_of_several_families_are_common_and_those_of_one_are_not_however_frequent() -> None:
    everywhere = [detect(leaves(1), 100)]
    named = [(f"family {number}", everywhere) for number in range(COMMON_FAMILIES)]
    own = [detect(leaves(2), 100)]

    made = train([*named, *(("one family", own) for _ in range(9))], "t", centres=64)

    assert (made.words(everywhere[0]) == -1).all()
    assert (made.words(own[0]) == -1).mean() < 0.2
    assert (np.diff(made.common) > 0).all()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "is not laid out as expected: .*No such file"),
        ("{", "is not laid out as expected"),
        ('{"queries": []}', "is not laid out as expected: 'refs'"),
        ('{"refs": [{"licence": "MIT"}]}', "is not laid out as expected: 'id'"),
    ],
)
def test_a_folder_laid_out_otherwise_is_told(
    content: str | None, told: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "gt.json").write_text(content)

    with pytest.raises(CommandError, match=told):
        call_command("train_vocabulary", tmp_path, tmp_path / "out.npz")

    assert not (tmp_path / "out.npz").exists()


def test_a_licensed_file_that_is_no_video_is_told(folder: Path) -> None:
    (folder / "refs" / "clip.mp4").write_text("Dear Bob, this is no video.")

    with pytest.raises(CommandError, match="UNSUP"):
        call_command("train_vocabulary", folder, folder / "out.npz")
