"""A small labelled folder, for the commands that run one."""

import json
import shutil
from pathlib import Path

import pytest


@pytest.fixture
def labelled(tmp_path: Path, film: Path, clip: Path, excerpt: Path, stranger: Path) -> Path:
    """A folder laid out as `evaluate` takes it: two library videos, two queries, one a copy."""
    folder = tmp_path / "labelled"
    for name, files in (("refs", (film, clip)), ("queries", (excerpt, stranger))):
        (folder / name).mkdir(parents=True)
        for path in files:
            shutil.copy(path, folder / name)
    copy = {
        **{"ref_id": "film", "q_start": 0.0, "q_end": 6.0, "r_start": 3.0, "r_end": 9.0},
        **{"attack": "excerpt", "strength": 1, "flipped": False, "speed": 1.0},
    }
    truth = {
        "refs": [
            {"id": name, "file": f"refs/{name}.mp4", "duration": seconds, "family": name}
            for name, seconds in (("film", 12.0), ("clip", 2.0))
        ],
        "queries": [
            {
                **{"query": name, "file": f"queries/{name}.mp4", "duration": 6.0},
                **{"attack": attack, "strength": 1, "copies": copies},
            }
            for name, attack, copies in (
                ("excerpt", "excerpt", [copy]),
                ("stranger", "none", []),
            )
        ],
        "bumper_pairs": [],
    }
    (folder / "gt.json").write_text(json.dumps(truth))
    return folder
