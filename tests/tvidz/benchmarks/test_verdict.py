"""Whether the benchmarks of uploads and verdicts run, on small films; not how fast."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tvidz.benchmarks.copies import copy_of
from tvidz.benchmarks.ingest import measure as ingest
from tvidz.benchmarks.verdict import COPY, FLOOR, WHOLE
from tvidz.benchmarks.verdict import measure as verdict
from videos.limits import media_limits
from videos.media.probe import probe
from videos.uploads.accept import recognise_path


@pytest.fixture(autouse=True)
def drawn_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real ones would only be slower to make."""
    monkeypatch.delenv("TVIDZ_CORPUS", raising=False)


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_the_keyframe_pass_is_measured_beside_the_decode_floor() -> None:
    [table] = verdict(True, lambda line: None)

    figures = {row[0]: row[1:] for row in table.rows}
    assert figures[FLOOR][1] == 1.0
    assert {COPY, WHOLE} <= set(figures)
    assert all(float(cpu or 0) > 0 for cpu, *_ in figures.values())


@pytest.mark.long
def test_uploads_to_a_site_of_its_own_are_followed_to_their_end() -> None:
    idle, verdicts, crowd = ingest(True, lambda line: None)

    assert [row[-1] for row in idle.rows][:3] == [2, 2, 2]
    shown = {str(row[0]): row[-1] for row in verdicts.rows}
    assert shown["last byte → first verdict shown"] == 1
    assert crowd.rows[0][:2] == (2, 2)


def test_a_copy_is_as_long_as_its_film(ffmpeg: Callable[..., None], tmp_path: Path) -> None:
    film = tmp_path / "film-6s.mp4"
    ffmpeg("-f", "lavfi", "-t", "6", "-i", "testsrc2=s=160x90:r=10", film)

    copy = copy_of(film, once=2)

    assert copy_of(film, once=2) == copy
    told = probe(copy, recognise_path(copy), media_limits())
    assert told.duration == pytest.approx(6, abs=0.4)
