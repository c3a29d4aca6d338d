"""The house keeps its order: imports go one way."""

import subprocess
import sys
from pathlib import Path

from tvidz.options import BASE_DIR


def test_imports_go_one_way() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=BASE_DIR, capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_no_folder_is_called_helpers() -> None:
    for folder in ("tvidz", "videos", "matching", "moderation", "tests"):
        for path in (BASE_DIR / folder).rglob("*.py"):
            assert path.stem not in {"utils", "helpers", "common", "util", "helper"}, path
