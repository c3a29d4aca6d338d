"""A calibration comes from a file, or it is told why not."""

import json
from pathlib import Path

import pytest

from matching.calibration import read_calibration
from matching.engine.calibration import Calibration, CalibrationError, dump

MADE = Calibration(("motion",), (0.5,), (0.25,), (3.0,), -1.0, "2")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    (tmp_path / "made.json").write_text(json.dumps(dump(MADE)))

    assert read_calibration(tmp_path / "made.json") == MADE


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is not JSON"),
        ("[]", "is not JSON"),
        ("{}", "format None"),
    ],
)
def test_a_file_that_holds_no_calibration_is_told(
    content: str | None, told: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "made.json").write_text(content)

    with pytest.raises(CalibrationError, match=told):
        read_calibration(tmp_path / "made.json")
