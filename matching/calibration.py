"""The calibration that comes with the package: where it lies, and how it is read."""

import json
from functools import cache
from pathlib import Path
from typing import Final

from matching.engine.calibration import Calibration, CalibrationError, load
from matching.engine.version import ENGINE_VERSION

SHIPPED: Final = Path(__file__).parent / "data" / "calibration.json"


def read_calibration(path: Path = SHIPPED) -> Calibration:
    """The calibration in a file; CalibrationError where it is missing or not of our form."""
    try:
        return load(json.loads(path.read_text()))
    except OSError as error:
        raise CalibrationError(f"{path} cannot be read: {error.strerror}") from None
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError):
        raise CalibrationError(f"{path} is not JSON of the expected form.") from None


@cache
def shipped_calibration() -> Calibration:
    """The shipped calibration, read once; CalibrationError when it is for another engine."""
    made = read_calibration()
    if made.engine_version != ENGINE_VERSION:
        raise CalibrationError(
            f"{SHIPPED} is made for engine {made.engine_version}, not {ENGINE_VERSION}: "
            "run manage.py calibrate."
        )
    return made
