"""Names as people send them, made fit to show."""

import pytest

from videos.names import MAX_LENGTH, shown_name


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        ("holiday.mp4", "holiday.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\Alice\\film.mov", "film.mov"),
        ("<script>alert(1)</script>.mp4", "script>.mp4"),
        ("two\nlines\r.mp4", "twolines.mp4"),
        ("nul\x00byte.mp4", "nulbyte.mp4"),
        ("evil\u202e4pm.exe", "evil4pm.exe"),
        ("cafe\u0301.mp4", "caf\u00e9.mp4"),
        ("映画 🎬.mkv", "映画 🎬.mkv"),
        ("   ", "unnamed"),
        ("", "unnamed"),
        ("folder/", "unnamed"),
    ],
)
def test_a_declared_name_becomes_one_that_can_be_shown(declared: str, shown: str) -> None:
    assert shown_name(declared) == shown


def test_a_long_name_is_shortened_and_keeps_its_suffix() -> None:
    shown = shown_name("a" * 1000 + ".webm")

    assert len(shown) == MAX_LENGTH
    assert shown.endswith("….webm")


def test_a_long_name_without_a_suffix_is_shortened_too() -> None:
    assert len(shown_name("a" * 1000)) == MAX_LENGTH
