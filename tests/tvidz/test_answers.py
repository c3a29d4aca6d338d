"""What was asked before is told again without a search, and never when it may have changed."""

import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import caches
from django.core.management import call_command

from tvidz import answers
from tvidz.answers import Answer, answer
from videos.media.errors import MediaError
from videos.models import Video

pytestmark = pytest.mark.django_db

TakeIn = Callable[..., Video]


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were searched with in earnest."""
    names: list[str] = []
    real = answers._searched

    def counted(path: Path, name: str, *rest: Any) -> Answer:
        names.append(name)
        return real(path, name, *rest)

    monkeypatch.setattr(answers, "_searched", counted)
    return names


def refs(found: Answer) -> list[str]:
    return [row["ref"] for row in found.rows]


def test_the_same_content_is_searched_with_once(
    take_in: TakeIn, film: Path, excerpt: Path, tmp_path: Path, searches: list[str]
) -> None:
    original = take_in(film)
    again = tmp_path / "again.mp4"
    shutil.copy(excerpt, again)

    first, second = answer(excerpt, "first.mp4"), answer(again, "again.mp4")

    assert searches == ["first.mp4"]
    assert refs(first) == refs(second) == [str(original.id)]
    assert second.rows == [{**row, "query": "again.mp4"} for row in first.rows]
    assert first.rows[0]["r_start"] == pytest.approx(3, abs=0.3)
    assert (second.complete, second.readable) == (first.complete, first.readable)


def test_a_video_that_came_or_went_is_told_at_once(
    take_in: TakeIn, film: Path, excerpt: Path, clip: Path, searches: list[str]
) -> None:
    assert answer(excerpt, "excerpt.mp4").rows == []
    original = take_in(film)
    assert refs(answer(excerpt, "excerpt.mp4")) == [str(original.id)]
    stranger = take_in(clip)
    assert refs(answer(excerpt, "excerpt.mp4")) == [str(original.id)]
    original.delete()
    assert answer(excerpt, "excerpt.mp4").rows == []
    assert len(searches) == 4

    # Nothing a search tells: its name, its page.
    Video.objects.filter(pk=stranger.pk).update(filename="renamed.mp4", visibility="public")
    assert answer(excerpt, "excerpt.mp4").rows == []
    assert len(searches) == 4


def test_other_settings_and_other_code_ask_anew(
    take_in: TakeIn,
    film: Path,
    excerpt: Path,
    searches: list[str],
    change_settings: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take_in(film)
    assert answer(excerpt, "excerpt.mp4").rows
    change_settings(min_matches=1000)
    assert answer(excerpt, "excerpt.mp4").rows == []
    assert len(searches) == 2
    monkeypatch.setattr(answers, "_code", lambda: "another")
    assert answer(excerpt, "excerpt.mp4").rows == []
    assert len(searches) == 3


def test_nothing_is_kept_when_none_are_to_be(
    excerpt: Path, searches: list[str], settings: Any
) -> None:
    settings.CACHES = {
        **django_settings.CACHES,
        "answers": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
    }

    answer(excerpt, "excerpt.mp4")
    answer(excerpt, "excerpt.mp4")

    assert len(searches) == 2


def test_what_cannot_be_read_is_told_every_time(tmp_path: Path, searches: list[str]) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")

    for _ in range(2):
        with pytest.raises(MediaError, match="UNSUP"):
            answer(broken, "broken.mp4")

    assert len(searches) == 2


def test_match_tells_a_kept_answer_as_it_told_it_first(
    take_in: TakeIn, film: Path, excerpt: Path, searches: list[str]
) -> None:
    take_in(film)

    told = []
    for _ in range(2):
        out = StringIO()
        call_command("match", str(excerpt), stdout=out)
        told.append(out.getvalue())

    assert told[0] == told[1]
    assert "film.mp4" in told[0]
    assert "0:03.0" in told[0]
    assert searches == ["excerpt.mp4"]


def test_the_kept_answers_are_bounded() -> None:
    held = caches["answers"]

    assert held._max_entries == django_settings.TVIDZ.kept_answers
    assert held.default_timeout == 24 * 3600
