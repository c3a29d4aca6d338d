"""What a long film leaves goes to a file, and reads as if it had not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from matching.spill import KEPT, Spill

SOME = [bytes([place % 251]) * (place * 37 % 7000) for place in range(600)]


def test_a_few_strings_stay_in_memory() -> None:
    spill = Spill()
    for one in SOME[:10]:
        spill.append(one)

    assert spill.so_far() == tuple(SOME[:10])


def test_many_strings_come_back_from_the_file_in_any_order() -> None:
    spill = Spill()
    for one in SOME:
        spill.append(one)
    read = spill.so_far()

    assert sum(map(len, SOME)) > KEPT
    assert list(read) == SOME
    assert [read[place] for place in (599, 0, 300, -1)] == [SOME[599], b"", SOME[300], SOME[599]]
    assert read[5:9] == SOME[5:9]
    with pytest.raises(IndexError):
        read[600]


def test_what_was_given_stays_as_it_was_while_more_is_taken() -> None:
    spill = Spill()
    given = []
    for count, one in enumerate(SOME):
        if count % 100 == 0:
            given.append((count, spill.so_far()))
        spill.append(one)

    for count, read in given:
        assert list(read) == SOME[:count]


def test_the_file_has_no_name_and_goes_with_its_last_reader(
    change_settings: Callable[..., None], tmp_path: Path
) -> None:
    change_settings(var=tmp_path)
    spill = Spill()
    for one in SOME:
        spill.append(one)

    assert list((tmp_path / "work").iterdir()) == []
    opened = len(os.listdir("/proc/self/fd"))
    del spill
    assert len(os.listdir("/proc/self/fd")) == opened - 1
