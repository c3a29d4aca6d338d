"""The films that benchmarks measure with."""

from pathlib import Path

import pytest

from tvidz.benchmarks.footage import CODECS, NoEncoder, footage
from videos.limits import media_limits
from videos.media.probe import probe
from videos.uploads.accept import recognise_path


@pytest.mark.parametrize("codec", CODECS)
def test_a_film_has_the_size_and_codec_that_was_asked_for(
    codec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TVIDZ_CORPUS", raising=False)
    try:
        film = footage(tmp_path, height=96, seconds=1, codec=codec)
    except NoEncoder as error:
        pytest.skip(str(error))

    told = probe(film, recognise_path(film), media_limits())

    assert (told.codec, told.height) == (codec, 96)
    assert told.duration == pytest.approx(1, abs=0.1)


def test_a_long_film_repeats_a_short_one_and_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TVIDZ_CORPUS", raising=False)
    film = footage(tmp_path, height=96, seconds=70)
    made = film.stat().st_mtime_ns

    assert footage(tmp_path, height=96, seconds=70).stat().st_mtime_ns == made
    assert probe(film, recognise_path(film), media_limits()).duration == pytest.approx(70, abs=0.2)
