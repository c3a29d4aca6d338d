"""What goes wrong on the way: dead workers, two at once, broken and hostile files."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client

from matching.models import FeatureVector, Fingerprint
from tests.conftest import Site, wait_for
from tests.hostile.files import PLAYLIST
from tests.processes import below, gone_within, kill
from tvidz.pipeline import analyse
from videos.models import UNFINISHED, Analysis, FrameInfo, SceneCuts, State, Upload
from videos.queue import LeaseLost, claim, fenced, find_dropped, finish, kept, renew, retry
from videos.uploads.accept import Accepted, Arrival, accept


@pytest.fixture(scope="session")
def long_film(ffmpeg: Callable[..., None], film: Path) -> Path:
    """Two minutes, so that there is time to do harm meanwhile: the film ten times over."""
    path = film.with_name("long.mp4")
    ffmpeg("-stream_loop", "9", "-i", film, "-c", "copy", path)
    return path


@pytest.mark.xdist_group("rough")
def test_a_killed_worker_takes_its_ffmpeg_along_and_another_one_finishes(
    rough_site: Site, long_film: Path
) -> None:
    site = rough_site
    cluster = site.child("qcluster")
    video_id = site.upload(long_film)["id"]
    asked = "SELECT worker FROM videos_analysis WHERE video_id = %s AND progress > 0.05"
    [[worker]] = wait_for(lambda: site.rows(asked, video_id), "the analysis to be under way")
    [ffmpeg] = [each for each in below(cluster) if each.name == "ffmpeg"]
    assert f":{ffmpeg.parent}" in worker

    kill(ffmpeg.parent)
    assert gone_within(ffmpeg.pid, 1)
    finished = site.finished(video_id)
    assert finished["state"] == "ready"
    analyses = site.rows(
        "SELECT state, attempts, token FROM videos_analysis WHERE video_id = %s", video_id
    )
    assert analyses == [("ready", 2, 2)]
    [[fingerprints, frames]] = site.rows(
        "SELECT (SELECT count(*) FROM matching_fingerprint WHERE video_id = %s AND ready),"
        " (SELECT count(*) FROM videos_frameinfo WHERE video_id = %s)",
        video_id,
        video_id,
    )
    assert fingerprints == 1
    assert frames == pytest.approx(120, abs=2)


def accepted(path: Path) -> Accepted:
    return accept(Arrival(path, path.name, Upload.Entrance.API))


def lose_lease(analysis: Analysis) -> None:
    """As if its worker had been silent for too long."""
    Analysis.objects.filter(pk=analysis.pk).update(lease_until=Now() - timedelta(seconds=1))


class InThread(threading.Thread):
    """Another worker: its own connection to the database, its answer in `answer`."""

    def __init__(self, work: Callable[[], str]) -> None:
        super().__init__()
        self._work = work
        self.answer = ""

    def run(self) -> None:
        try:
            self.answer = self._work()
        finally:
            connection.close()


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_on_one_video_one_does_it(film: Path) -> None:
    analysis = accepted(film).analysis
    together = threading.Barrier(2)

    def work() -> str:
        together.wait(30)
        return analyse(analysis.pk)

    workers = [InThread(work), InThread(work)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(90)
    assert sorted(worker.answer for worker in workers) == ["not free", "ready"]
    analysis.refresh_from_db()
    assert (analysis.state, analysis.attempts) == (State.READY, 1)
    assert Fingerprint.objects.filter(video=analysis.video, ready=True).count() == 1
    assert FrameInfo.objects.filter(video=analysis.video).count() == 12
    regions = FeatureVector.objects.filter(video=analysis.video).values_list("region", flat=True)
    assert regions.count() == 12 * len(set(regions))
    assert SceneCuts.objects.get(video=analysis.video).timestamps == pytest.approx([4, 8], abs=0.1)


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_lost_its_lease_stops_in_the_middle(long_film: Path) -> None:
    analysis = accepted(long_film).analysis
    slow = InThread(lambda: analyse(analysis.pk))
    slow.start()
    wait_for(
        lambda: FrameInfo.objects.filter(video=analysis.video).exists(), "the first frames", 60
    )

    def taken() -> bool:
        lose_lease(analysis)
        return claim(analysis.pk, "another") is not None

    wait_for(taken, "another worker to take over")
    slow.join(60)
    assert slow.answer == "lease lost"
    analysis.refresh_from_db()
    assert (analysis.state, analysis.worker, analysis.token) == (State.PROCESSING, "another", 2)
    assert not Fingerprint.objects.filter(video=analysis.video).exists()

    lose_lease(analysis)
    assert analyse(analysis.pk) == "ready"
    assert FrameInfo.objects.filter(video=analysis.video).count() == pytest.approx(120, abs=2)


@pytest.mark.django_db(transaction=True)
def test_one_long_step_does_not_lose_the_lease(
    film: Path, change_settings: Callable[..., None]
) -> None:
    change_settings(lease_seconds=1)
    analysis = accepted(film).analysis
    held = claim(analysis.pk, "alice")
    assert held is not None

    with kept(held):
        time.sleep(2.5)
        assert claim(analysis.pk, "bob") is None
        assert find_dropped() == []

    assert "lease" not in [thread.name for thread in threading.enumerate()]
    time.sleep(1.5)
    assert claim(analysis.pk, "bob") is not None


@pytest.mark.django_db(transaction=True)
def test_a_lost_lease_is_not_kept(film: Path, change_settings: Callable[..., None]) -> None:
    change_settings(lease_seconds=1)
    analysis = accepted(film).analysis
    stale = claim(analysis.pk, "alice")
    lose_lease(analysis)
    assert claim(analysis.pk, "bob") is not None
    assert stale is not None

    with kept(stale):
        time.sleep(1.5)

    assert claim(analysis.pk, "charlie") is not None, "bob fell silent, alice's beat is not his"


@pytest.mark.django_db(transaction=True)
def test_what_a_stale_worker_writes_is_refused(film: Path) -> None:
    analysis = accepted(film).analysis
    stale = claim(analysis.pk, "alice")
    assert stale is not None
    assert claim(analysis.pk, "bob") is None
    lose_lease(analysis)
    fresh = claim(analysis.pk, "bob")
    assert fresh is not None
    assert fresh.token == stale.token + 1
    with pytest.raises(LeaseLost):
        renew(stale, progress=0.9)
    with pytest.raises(LeaseLost), fenced(stale):
        pass
    with pytest.raises(LeaseLost):
        finish(stale, State.FAILED, code="INTERNAL", message="never seen")
    analysis.refresh_from_db()
    assert (analysis.state, analysis.worker, analysis.progress) == (State.PROCESSING, "bob", 0)
    renew(fresh, progress=0.5)
    finish(fresh, State.READY)
    analysis.refresh_from_db()
    assert (analysis.state, analysis.video.state) == (State.READY, State.READY)


@pytest.mark.django_db(transaction=True)
def test_a_job_that_keeps_killing_its_worker_is_set_aside_and_can_be_tried_again(
    film: Path, change_settings: Callable[..., None], client: Client
) -> None:
    change_settings(max_attempts=2)
    taken = accepted(film)
    for attempt in (1, 2):
        assert claim(taken.analysis.pk, f"worker {attempt}") is not None
        lose_lease(taken.analysis)
    assert claim(taken.analysis.pk, "worker 3") is None
    assert find_dropped() == []

    mine = {"X-Upload-Secret": taken.secret}
    shown = client.get(f"/api/v1/videos/{taken.video.id}/", headers=mine).json()
    assert shown["state"] == "failed"
    assert shown["error"]["code"] == "WORKER_LOST"
    assert "begun 2 times" in shown["error"]["message"]
    assert shown["allowed"]["retry"] is True
    assert client.post(f"/api/v1/videos/{taken.video.id}/retry").status_code == 404
    begun = client.post(f"/api/v1/videos/{taken.video.id}/retry", headers=mine)
    assert (begun.status_code, begun.json()["state"]) == (202, "queued")

    again = Analysis.objects.get(video=taken.video, state__in=UNFINISHED)
    assert analyse(again.pk) == "ready"
    assert retry(again).pk != again.pk
    states = Analysis.objects.filter(video=taken.video).order_by("pk").values_list("state")
    assert [state for (state,) in states] == ["failed", "ready", "queued"]


@pytest.mark.django_db(transaction=True)
def test_a_wake_up_that_was_dropped_is_repeated(film: Path) -> None:
    analysis = accepted(film).analysis
    assert find_dropped() == [], "it was woken just now"
    Analysis.objects.filter(pk=analysis.pk).update(woken_at=Now() - timedelta(seconds=60))
    assert find_dropped() == [analysis.pk]
    assert find_dropped() == []
    Analysis.objects.filter(pk=analysis.pk).update(woken_at=None)
    assert find_dropped() == [analysis.pk]


@pytest.fixture(scope="session")
def index_first(ffmpeg: Callable[..., None], film: Path) -> Path:
    path = film.with_name("index-first.mp4")
    ffmpeg("-i", film, "-c", "copy", "-movflags", "faststart", path)
    return path


def first_half(path: Path, folder: Path) -> Path:
    half = folder / f"half-{path.name}"
    content = path.read_bytes()
    half.write_bytes(content[: len(content) // 2])
    return half


def stored(site: Site) -> tuple[int, int]:
    """How many videos there are, and how many files."""
    files = [path for path in (site.var / "files").rglob("*") if path.is_file()]
    return site.rows("SELECT count(*) FROM videos_video")[0][0], len(files)


@pytest.mark.xdist_group("site")
def test_of_a_truncated_file_what_can_be_read_is_analysed(
    site: Site, index_first: Path, tmp_path: Path
) -> None:
    video_id = site.upload(first_half(index_first, tmp_path))["id"]
    video = site.finished(video_id)
    assert video["state"] == "partial"
    assert video["error"]["code"] == "CORRUPT"
    assert "damaged after" in video["error"]["message"]
    assert video["thumbnail"]


@pytest.mark.xdist_group("site")
def test_a_truncated_file_without_its_index_is_refused(
    site: Site, film: Path, tmp_path: Path
) -> None:
    before = stored(site)
    refused = site.send(first_half(film, tmp_path))
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "CORRUPT"
    assert stored(site) == before


@pytest.mark.xdist_group("site")
def test_a_playlist_called_a_video_is_refused_and_nothing_of_it_is_kept(
    site: Site, tmp_path: Path
) -> None:
    before = stored(site)
    playlist = tmp_path / "holiday.mp4"
    playlist.write_text(f"{PLAYLIST}file:///etc/passwd\n#EXT-X-ENDLIST\n")
    refused = site.send(playlist)
    assert (refused.status_code, refused.json()["code"]) == (415, "UNSUP")
    assert "root:" not in refused.text
    assert stored(site) == before
    assert not list((site.var / "incoming").iterdir())
