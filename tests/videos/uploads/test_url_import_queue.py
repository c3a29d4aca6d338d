"""Imports as a queue: one worker each, places for some, and none lost with its worker."""

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django_q.models import OrmQ

from tests.conftest import Site, open_folder, start_site, stop_site, wait_for
from tests.processes import below, kill
from tests.videos.imports import IMPORTS, ago, change, ended
from tests.web_server import LOOPBACK, Web
from videos import queue
from videos.models import UrlImport, Video
from videos.uploads import url_import
from videos.uploads.url_import import ImportLost, begin, claim, fetch

pytestmark = pytest.mark.django_db


def test_of_several_only_so_many_are_fetched_at_a_time_and_then_the_next(
    web: Web, clip: Path, alice: User, change_settings: Callable[..., None]
) -> None:
    web.page("/a", clip.read_bytes())
    first, second, third = (begin(web.url("/a"), alice) for _ in range(3))
    held = claim(first.pk)
    assert held is not None

    assert fetch(str(second.pk)) == "not free"
    change_settings(url_imports_at_once=2)
    assert fetch(str(second.pk)) == "accepted"
    # The place that is free again is offered to the one that waits.
    third.refresh_from_db()
    assert third.woken_at is not None


def test_a_worker_that_lost_its_import_writes_nothing_more(web: Web, alice: User) -> None:
    row = begin(web.url("/a"), alice)
    held = claim(row.pk)
    assert held is not None
    assert claim(row.pk) is None
    change(row, lease_until=ago(1))
    successor = claim(row.pk)

    assert successor is not None
    assert successor.token == held.token + 1
    with pytest.raises(ImportLost):
        held.update(received=9)
    assert not held.renewed()
    assert successor.renewed()


def test_what_was_accepted_before_the_death_is_not_fetched_again(
    web: Web, clip: Path, alice: User
) -> None:
    row = ended(web.page("/a", clip.read_bytes()), alice)
    change(row, state=UrlImport.State.FETCHING, lease_until=ago(1))

    assert fetch(str(row.pk)) == "accepted"
    assert Video.objects.count() == 1
    assert web.paths() == ["/a"]


def test_what_was_dropped_is_found_again_and_given_up_after_some_attempts(
    web: Web, alice: User
) -> None:
    waits, died, spent, heard = (begin(web.url(f"/{number}"), alice) for number in range(4))
    fetching = {"state": UrlImport.State.FETCHING, "lease_until": ago(1), "attempts": 1}
    change(waits, created_at=ago(90))
    change(died, **fetching, woken_at=ago(60), created_at=ago(80))
    change(spent, **fetching | {"attempts": 3})
    change(heard, woken_at=ago(1), created_at=ago(99))

    url_import.look_after()

    for row in (waits, died, spent, heard):
        row.refresh_from_db()
    assert waits.woken_at is not None
    assert (spent.state, spent.error_code, spent.error_retryable) == (
        "refused",
        "WORKER_LOST",
        True,
    )
    # No more than there are places are woken.
    assert OrmQ.objects.count() == 1
    change(waits, state=UrlImport.State.ACCEPTED)
    url_import.look_after()
    assert OrmQ.objects.count() == 2


def test_what_dead_workers_left_is_cleared_away_and_old_rows_go(web: Web, alice: User) -> None:
    running, old = begin(web.url("/1"), alice), begin(web.url("/2"), alice)
    change(old, state=UrlImport.State.ACCEPTED, finished_at=ago(8 * 86_400))
    held = claim(running.pk)
    assert held is not None
    folder = settings.TVIDZ.var / "work" / "imports"
    for name in (f"{running.pk}-1", f"{running.pk}-0", f"{old.pk}-1", f"{uuid.uuid4()}-1"):
        (folder / name).mkdir(parents=True)
        (folder / name / "file").write_bytes(b"x")

    url_import.look_after()

    assert [path.name for path in folder.iterdir()] == [f"{running.pk}-1"]
    assert UrlImport.objects.get() == running


def test_a_worker_that_fetches_is_a_busy_one(web: Web, alice: User) -> None:
    row = begin(web.url("/a"), alice)
    change(row, woken_at=ago(60), created_at=ago(60))
    assert queue.stalled(workers=1)

    assert claim(row.pk) is not None
    change(row, started_at=ago(60))
    assert not queue.stalled(workers=1)
    other = begin(web.url("/b"), alice)
    change(other, woken_at=ago(60))
    # It waits for the first one, not for a worker.
    assert not queue.stalled(workers=2)


@pytest.mark.django_db(transaction=True)
def test_of_many_claims_at_once_no_more_are_granted_than_there_are_places(
    web: Web, alice: User, change_settings: Callable[..., None]
) -> None:
    change_settings(url_imports_at_once=2)
    rows = [begin(web.url(f"/{number}"), alice) for number in range(8)]
    start, granted = threading.Barrier(8), []

    def take(row: UrlImport) -> None:
        start.wait()
        granted.append(claim(row.pk) is not None)
        connection.close()

    takers = [threading.Thread(target=take, args=[row]) for row in rows]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()

    assert sorted(granted) == [False] * 6 + [True] * 2


@pytest.fixture
def importing_site(web: Web) -> Iterator[Site]:
    """A site that fetches from the server on loopback, and gives up on the dead soon."""
    with open_folder() as folder:
        site = start_site(
            folder,
            TVIDZ_URL_IMPORT="true",
            TVIDZ_OUTGOING_ALLOW=f"{LOOPBACK}/32",
            TVIDZ_OUTGOING_PORTS="1-65535",
            TVIDZ_LEASE_SECONDS="5",
            TVIDZ_RECONCILE_SECONDS="1",
        )
        yield site
        stop_site(site)


def signed_in(site: Site) -> httpx.Client:
    """A browser in which the superuser bob is signed in."""
    making = "from django.contrib.auth.models import User as U; U.objects.create_superuser"
    done = site.manage("shell", "-c", f"{making}('bob', '', 'a secret of bob')")
    assert done.returncode == 0, done.stderr
    browser = httpx.Client(base_url=site.url, timeout=30)
    browser.get("/admin/login/")
    form = {"username": "bob", "password": "a secret of bob", "next": "/admin/"}
    form["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
    assert browser.post("/admin/login/", data=form).status_code == 302
    browser.headers["X-CSRFToken"] = browser.cookies["csrftoken"]
    return browser


@pytest.mark.long
def test_an_import_whose_worker_is_killed_in_the_middle_is_taken_up_again(
    importing_site: Site, web: Web, film: Path
) -> None:
    web.page("/half", film.read_bytes())
    cluster = importing_site.child("qcluster")
    browser = signed_in(importing_site)
    begun = browser.post(IMPORTS, json={"url": web.url("/held")}).json()

    def state() -> dict[str, Any]:
        told: dict[str, Any] = browser.get(begun["address"]).json()
        return told

    wait_for(lambda: "/held" in web.paths(), "the server to be asked")
    wait_for(lambda: state()["length"] == film.stat().st_size, "the fetch to be under way")
    work = importing_site.var / "work" / "imports"
    [half] = wait_for(lambda: list(work.glob("*/file")), "the file to be written")
    connected = [each.pid for each in below(cluster) if talks_to(each.pid, web.port)]
    assert len(connected) == 1
    kill(connected[0])
    wait_for(lambda: web.paths().count("/held") == 2, "another worker to ask again")
    web.go_on.set()

    told = wait_for(lambda: state() if state()["video"] else None, "the import to be accepted")

    assert told["received"] == film.stat().st_size
    [[attempts, token]] = importing_site.rows("SELECT attempts, token FROM videos_urlimport")
    assert (attempts, token) == (2, 2)
    [[video_id]] = importing_site.rows("SELECT id FROM videos_video")
    assert importing_site.finished_row(str(video_id)) == "ready"
    # The dead one's half is cleared away, too.
    wait_for(lambda: not half.exists() and not list(work.iterdir()), "the work folder to be empty")


def talks_to(pid: int, port: int) -> bool:
    """Whether the process has a connection to that port of loopback."""
    held = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            held.add(str(path.readlink()))
        except OSError:
            continue
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, _, remote, *_, inode = line.split()[:10]
        if remote.endswith(f":{port:04X}") and f"socket:[{inode}]" in held:
            return True
    return False
