"""After an upgrade of the engine, from the operator's side and from a viewer's."""

import time
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from matching import reindexing
from matching.engine.version import ENGINE_VERSION
from matching.models import CutToken, DuplicateLink, FeatureVector, Fingerprint, Segment
from moderation.models import Flag
from tvidz.commands import side_by_side
from videos import storage
from videos.models import Analysis, State, Video, Visibility
from videos.queue import claim

# The command works in threads with connections of their own.
pytestmark = pytest.mark.django_db(transaction=True)

TakeIn = Callable[..., Video]
FingerprintedBy = Callable[..., None]

DONE = f"The whole library is fingerprinted by engine {ENGINE_VERSION}.\n"


def said(*words: Any, **options: Any) -> str:
    out = StringIO()
    call_command(*words, stdout=out, **options)
    return out.getvalue()


def still(count: int) -> str:
    return f"Without a fingerprint of engine {ENGINE_VERSION}: {count}.\n"


def held(version: str) -> list[int]:
    models = (Fingerprint, FeatureVector, CutToken)
    return [model.objects.filter(version=version).count() for model in models]


def current() -> set[str]:
    """Names of the videos that a search finds."""
    ready = Fingerprint.objects.filter(version=ENGINE_VERSION, ready=True)
    return set(ready.values_list("video__filename", flat=True))


def shown(video: Video) -> list[dict[str, Any]]:
    """The duplicates of a public video as the API gives them to anybody."""
    answer = Client().get(f"/api/v1/videos/{video.id}/")
    assert answer.status_code == 200
    duplicates: list[dict[str, Any]] = answer.json()["duplicates"]
    return duplicates


@pytest.fixture
def old(
    take_in: TakeIn, clip: Path, fingerprinted_by: FingerprintedBy
) -> Callable[[str], list[Video]]:
    """Clips that engine 1 fingerprinted, by their names, oldest first: old("a b c")."""

    def make(names: str) -> list[Video]:
        videos = [take_in(clip, f"{name}.mp4") for name in names.split()]
        # Copies of one clip: their links are of no interest here.
        DuplicateLink.objects.all().delete()
        fingerprinted_by("1", *videos)
        OrmQ.objects.all().delete()
        return videos

    return make


def test_an_old_library_is_found_again_and_a_pair_is_shown_once(
    take_in: TakeIn, film: Path, excerpt: Path, fingerprinted_by: FingerprintedBy
) -> None:
    original = take_in(film, visibility=Visibility.PUBLIC)
    copy = take_in(excerpt, visibility=Visibility.PUBLIC)
    fingerprinted_by("1", original, copy)
    seen = DuplicateLink.objects.get()
    evidence, flags = list(Segment.objects.values()), list(Flag.objects.values())
    left = held("1")
    assert said("match", excerpt) == "Nothing in the library matches this file.\n"

    assert said("reindex") == f"2 ready\n{DONE}"

    assert "film.mp4  certain" in said("match", excerpt)
    # What was seen before is there as it was, and nobody is shown the pair twice.
    assert held("1") == left
    assert list(Segment.objects.filter(link=seen).values()) == evidence
    assert list(Flag.objects.values()) == flags
    assert flags[0]["link_id"] == seen.pk
    newer = DuplicateLink.objects.get(version=ENGINE_VERSION)
    for video in (original, copy):
        (duplicate,) = shown(video)
        assert (duplicate["id"], duplicate["engine_version"]) == (newer.pk, ENGINE_VERSION)
        page = Client().get(f"/videos/{video.id}/")
        assert [each["id"] for each in page.context["video"]["duplicates"]] == [newer.pk]

    assert said("reindex", prune=True) == (
        f"{sum(left)} rows of other engine versions dropped, of 2 videos.\n"
    )
    assert held("1") == [0, 0, 0]
    assert DuplicateLink.objects.count() == 2
    assert "film.mp4  certain" in said("match", excerpt)
    assert said("reindex", prune=True).startswith("0 rows")


def test_a_library_of_today_is_left_alone(take_in: TakeIn, clip: Path) -> None:
    take_in(clip)

    assert said("reindex") == DONE
    assert Analysis.objects.count() == 1


def test_a_run_that_was_cut_off_is_taken_up_where_it_stopped(
    old: Callable[[str], list[Video]],
) -> None:
    oldest, middle, newest = old("oldest middle newest")
    assert said("reindex", limit=1) == f"1 ready\n{still(2)}"
    assert current() == {"oldest.mp4"}
    # The run that began this one was killed: its row says "processing", and its lease ran out.
    analysis = reindexing.begin(middle.id)
    assert analysis is not None
    assert claim(analysis.pk, "a run that was killed") is not None
    Analysis.objects.filter(pk=analysis.pk).update(lease_until=timezone.now() - timedelta(hours=1))

    assert said("reindex", jobs=1) == f"2 ready\n{DONE}"

    assert current() == {"oldest.mp4", "middle.mp4", "newest.mp4"}
    taken_up = Analysis.objects.get(pk=analysis.pk)
    assert (taken_up.state, taken_up.attempts, taken_up.token) == (State.READY, 2, 2)
    counts = [video.analyses.count() for video in (oldest, middle, newest)]
    assert counts == [2, 2, 2]


def test_what_a_living_worker_holds_is_left_to_it(old: Callable[[str], list[Video]]) -> None:
    first, _ = old("first second")
    analysis = reindexing.begin(first.id)
    assert analysis is not None
    work = claim(analysis.pk, "alice")
    assert work is not None

    assert said("reindex") == f"1 ready, 1 with a worker\n{still(1)}"

    row = Analysis.objects.get(pk=analysis.pk)
    assert (row.state, row.worker, row.token) == (State.PROCESSING, "alice", work.token)


def test_with_queue_the_workers_are_woken_and_nothing_is_analysed_here(
    old: Callable[[str], list[Video]],
) -> None:
    videos = old("a b c")

    assert said("reindex", queue=True, limit=2) == f"2 queued\n{still(3)}"
    assert OrmQ.objects.count() == 2
    assert current() == set()
    states = [Video.objects.get(pk=video.pk).state for video in videos]
    assert states == [State.QUEUED, State.QUEUED, State.READY]

    # The next portion: what is queued already is not queued again.
    assert said("reindex", queue=True, limit=2) == f"1 queued\n{still(3)}"
    assert said("reindex", queue=True) == still(3)
    assert said("reindex", jobs=2) == f"3 ready\n{DONE}"
    assert Analysis.objects.filter(video__in=videos).count() == 6


def test_a_video_whose_file_is_gone_is_named_and_the_others_are_done(
    old: Callable[[str], list[Video]], capsys: pytest.CaptureFixture[str]
) -> None:
    lost, _ = old("lost kept")
    before = held("1")
    storage.remove(lost.storage_key)
    out = StringIO()

    with pytest.raises(CommandError, match="Not every video could be analysed again"):
        call_command("reindex", stdout=out)

    assert out.getvalue() == f"1 failed, 1 ready\n{DONE}"
    told = capsys.readouterr()
    assert f"lost.mp4 ({lost.id}): The stored file is gone" in told.out + told.err
    lost.refresh_from_db()
    assert (lost.state, lost.error_code) == (State.FAILED, "FILE_MISSING")
    # Its old rows stay; it is the failed one's page and the admin that say what to do.
    assert held("1") == before
    assert said("reindex") == DONE


def test_pruning_waits_for_the_current_fingerprint(old: Callable[[str], list[Video]]) -> None:
    old("a b")
    before = held("1")
    assert said("reindex", prune=True) == "0 rows of other engine versions dropped, of 0 videos.\n"
    assert held("1") == before
    said("reindex", limit=1)

    said("reindex", prune=True)

    assert held("1")[0] == 1
    assert set(Fingerprint.objects.filter(version="1").values_list("video__filename")) == {
        ("b.mp4",)
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--queue", "--prune"), "not allowed with argument"),
        (("--jobs", "0"), "0 is less than 1"),
        (("--limit", "-3"), "-3 is less than 1"),
        (("--limit", "many"), "invalid at_least_one value"),
    ],
)
def test_words_that_make_no_sense_are_refused(words: tuple[str, ...], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        said("reindex", *words)


def test_a_run_that_is_stopped_lets_those_under_way_end_and_begins_no_more() -> None:
    done: list[int] = []

    def do(number: int) -> tuple[str, str]:
        if number == 2:
            raise KeyboardInterrupt
        # Work takes a while; all thousand would be over before the first failure is heard of.
        time.sleep(0.01)
        done.append(number)
        return "done", ""

    with pytest.raises(KeyboardInterrupt):
        side_by_side(range(1000), do, jobs=1, unit="number")

    assert done[:2] == [0, 1]
    assert len(done) < 999
