"""Searches that a worker does: claimed, fenced, found again when dropped, and forgotten."""

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_q.models import OrmQ

from tests.conftest import Site, open_folder, start_site, stop_site, wait_for
from tests.processes import below, gone_within, kill
from tvidz import searching
from tvidz.searching import run
from videos import queue, searches, storage
from videos.errors import Refusal
from videos.media.errors import MediaError
from videos.models import Search
from videos.searches import SearchLost, begin, claim

pytestmark = pytest.mark.django_db

State = Search.State


def change(row: Search, **fields: Any) -> None:
    Search.objects.filter(pk=row.pk).update(**fields)


def ago(seconds: float) -> Any:
    return timezone.now() - timedelta(seconds=seconds)


def left_behind() -> list[Path]:
    return [path for path in (settings.TVIDZ.var / "files").rglob("*") if path.is_file()]


@pytest.fixture
def row(clip: Path) -> Search:
    return begin(clip, "clip.mp4", {}, None)


def test_of_two_workers_one_has_the_search(row: Search) -> None:
    first = claim(row.pk)

    assert first is not None
    assert claim(row.pk) is None
    assert run(str(row.pk)) == "not free"


def test_a_worker_that_lost_its_search_writes_nothing_more(row: Search) -> None:
    held = claim(row.pk)
    change(row, lease_until=ago(1))
    successor = claim(row.pk)

    assert held is not None
    assert successor is not None
    assert successor.token == held.token + 1
    with pytest.raises(SearchLost):
        held.done({})
    assert left_behind(), "the file is the successor's now"
    assert not held.renewed()
    assert successor.renewed()


def test_one_that_is_given_up_ends_its_worker(
    row: Search, monkeypatch: pytest.MonkeyPatch, film: Path
) -> None:
    long = begin(film, "film.mp4", {}, None)
    monkeypatch.setattr(searching, "RECORD_SECONDS", 0.0)
    real = storage.local_copy

    def given_up(key: str) -> Any:
        Search.objects.all().delete()
        return real(key)

    monkeypatch.setattr(searching.storage, "local_copy", given_up)

    assert run(str(long.pk)) == "lost"


def test_how_far_it_is_stands_in_the_row(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = begin(film, "film.mp4", {}, None)
    monkeypatch.setattr(searching, "RECORD_SECONDS", 0.0)
    shares: list[float] = []
    real = searches.Held.update

    def noted(self: searches.Held, **fields: Any) -> None:
        real(self, **fields)
        shares.append(Search.objects.values_list("progress", flat=True).get())

    monkeypatch.setattr(searches.Held, "update", noted)

    assert run(str(row.pk)) == "done"
    assert shares == sorted(shares)
    assert len({share for share in shares if 0 < share < 1}) > 2
    assert shares[-1] == 1


def test_what_cannot_be_read_fails_with_its_code_and_the_file_goes(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0\0\0\x18ftypmp42" + b"\0" * 99)
    row = begin(broken, "broken.mp4", {}, None)

    assert run(str(row.pk)) == "CORRUPT"

    row.refresh_from_db()
    assert (row.state, row.error_code, row.error_retryable) == ("failed", "CORRUPT", False)
    assert row.finished_at is not None
    assert left_behind() == []


def test_a_fault_of_ours_leaves_it_to_another_attempt_some_times(
    row: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_words: object, **_names: object) -> None:
        raise MediaError("FFMPEG_DIED")

    monkeypatch.setattr(searching, "answer", fail)

    assert [run(str(row.pk)) for _ in range(4)] == ["waiting", "waiting", "FFMPEG_DIED", "not free"]
    row.refresh_from_db()
    assert (row.state, row.error_retryable, row.attempts) == ("failed", True, 3)
    assert left_behind() == []


def test_a_file_that_is_gone_is_told(row: Search) -> None:
    shutil.rmtree(settings.TVIDZ.var / "files")

    assert run(str(row.pk)) == "FILE_MISSING"


def test_what_was_dropped_is_found_again_and_given_up_after_some_attempts(clip: Path) -> None:
    waits, died, spent, heard = (begin(clip, f"{n}.mp4", {}, None) for n in range(4))
    running = {"state": State.RUNNING, "lease_until": ago(1), "attempts": 1}
    change(died, **running, woken_at=ago(60))
    change(spent, **running | {"attempts": 3})
    change(heard, woken_at=ago(1))

    searches.look_after()

    for row in (waits, died, spent, heard):
        row.refresh_from_db()
    assert OrmQ.objects.count() == 2
    assert waits.woken_at is not None
    assert died.woken_at > ago(5)
    assert (spent.state, spent.error_code, spent.error_retryable) == ("failed", "WORKER_LOST", True)


def test_after_a_while_a_result_is_forgotten_with_its_file(
    clip: Path, change_settings: Callable[..., None]
) -> None:
    change_settings(search_expiry_minutes=10)
    old, young, waiting = (begin(clip, f"{n}.mp4", {}, None) for n in range(3))
    for row, seconds in ((old, 601), (young, 599)):
        change(row, state=State.DONE, answer={}, finished_at=ago(seconds))
    change(waiting, created_at=ago(86_400))

    searches.look_after()

    assert set(Search.objects.all()) == {young, waiting}
    assert len(left_behind()) == 2
    with pytest.raises(Refusal, match="NO_SEARCH"):
        searches.look_up(old.pk, None)


def test_a_worker_that_searches_is_a_busy_one(row: Search) -> None:
    change(row, woken_at=ago(60), created_at=ago(60))
    assert queue.stalled(workers=1)

    assert claim(row.pk) is not None
    change(row, started_at=ago(60))
    assert not queue.stalled(workers=1)


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "lost"},
        {"state": "running"},
        {"state": "done"},
        {"state": "failed"},
        {"progress": 1.1},
    ],
)
def test_the_database_holds_a_row_to_what_it_says(row: Search, fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        change(row, **fields)


@pytest.fixture
def patient_site() -> Iterator[Site]:
    """A site that leaves every video to its workers, and gives up on the dead soon."""
    with open_folder() as folder:
        site = start_site(
            folder,
            TVIDZ_SEARCH_SECONDS="0",
            TVIDZ_DEFAULT_VISIBILITY="public",
            TVIDZ_LEASE_SECONDS="5",
            TVIDZ_RECONCILE_SECONDS="1",
        )
        yield site
        stop_site(site)


@pytest.mark.long
def test_a_search_whose_worker_is_killed_in_the_middle_is_taken_up_again(
    patient_site: Site, film: Path, ffmpeg: Callable[..., None], tmp_path: Path
) -> None:
    site = patient_site
    site.finished(site.upload(film)["id"])
    long = tmp_path / "long.mp4"
    ffmpeg("-stream_loop", "24", "-i", film, "-c", "copy", long)
    cluster = site.child("qcluster")
    with long.open("rb") as file:
        answer = httpx.post(f"{site.url}/api/v1/search/", files={"file": file}, timeout=60)
    assert answer.status_code == 202, answer.text
    address = f"{site.url}{answer.json()['address']}"

    def told() -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(address, timeout=30).json()
        return found

    wait_for(lambda: told()["progress"] > 0, "the file to be read")
    [ffmpeg_] = [each for each in below(cluster) if each.name == "ffmpeg"]
    kill(ffmpeg_.parent)
    assert gone_within(ffmpeg_.pid, 5)
    assert told()["state"] == "running", "its lease has not run out"

    found = wait_for(lambda: told() if told()["state"] == "done" else None, "the answer", 90)

    assert found["matches"][0]["video"]["filename"] == "film.mp4"
    assert site.rows("SELECT attempts, token FROM videos_search") == [(2, 2)]
    # Neither a video nor a file has come of it.
    assert site.rows("SELECT count(*) FROM videos_video") == [(1,)]
    kept = [path for path in (site.var / "files" / "searches").rglob("*") if path.is_file()]
    assert kept == []
