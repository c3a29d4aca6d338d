"""Whether the benchmark of uploads runs, on small files, and counts what it says; not how fast."""

from pathlib import Path

import pytest

from tvidz.benchmarks.padded import clips, padded
from tvidz.benchmarks.uploads import measure
from videos.limits import media_limits
from videos.media.probe import probe
from videos.uploads.accept import recognise_path


@pytest.mark.long
def test_cut_and_crowded_uploads_all_arrive_as_they_were_sent() -> None:
    cut, whole, speed, became = measure(True, lambda line: None)

    assert [row[1] for row in cut.rows] == [2] * 6
    told = dict(zip(whole.columns, whole.rows[0], strict=True))
    assert told["hashes equal"] == 1
    faults = ("hashes not equal", "offset ahead of disk", "offset ahead of what was sent")
    assert [told[name] for name in (*faults, "offset backwards")] == [0, 0, 0, 0]
    assert float(str(told["bytes sent over bytes of the files"])) >= 1
    assert len(speed.rows) == 6
    assert [row[1:6] for row in became.rows] == [("none", 3, 3, 3, 3)] * 4


def test_a_padded_clip_is_as_long_as_was_asked_and_plays(tmp_path: Path) -> None:
    first, second = clips(tmp_path, 2)
    path = tmp_path / "padded.mp4"
    path.write_bytes(padded(first, 1 << 18, 7))

    assert path.stat().st_size == 1 << 18
    told = probe(path, recognise_path(path), media_limits())
    assert told.duration == pytest.approx(2, abs=0.1)
    assert first != second
    with pytest.raises(ValueError):
        padded(first, 100, 7)
