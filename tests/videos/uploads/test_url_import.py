"""A file that is fetched from an address somebody named."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from tests.clamav import EICAR, Clamd
from tests.conftest import Site, open_folder, start_site, stop_site, wait_for
from tests.processes import below, kill
from tests.web_server import LOOPBACK, Web, serving
from videos import queue, storage
from videos.errors import Refusal
from videos.models import State, Upload, UrlImport, Video
from videos.outgoing import Answer
from videos.uploads import url_import
from videos.uploads.url_import import ImportLost, begin, claim, declared_name, fetch

pytestmark = pytest.mark.django_db

IMPORTS = "/api/v1/imports/"


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


def browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def ask(browser: Client, url: object) -> Any:
    return browser.post(IMPORTS, json.dumps({"url": url}), content_type="application/json")


def change(row: UrlImport, **fields: Any) -> None:
    UrlImport.objects.filter(pk=row.pk).update(**fields)


def ago(seconds: float) -> Any:
    return timezone.now() - timedelta(seconds=seconds)


def ended(url: str, owner: User) -> UrlImport:
    """The import of an address when a worker is done with it."""
    row = begin(url, owner)
    fetch(str(row.pk))
    row.refresh_from_db()
    assert not left_over()
    return row


def left_over() -> list[Path]:
    return [path for path in (settings.TVIDZ.var / "work").rglob("*") if path.is_file()]


def test_a_named_file_becomes_a_video_of_whoever_named_it(
    web: Web, clip: Path, alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    url = web.page("/films/holiday%20one.mp4", status=404)
    web.page("/films/holiday one.mp4", clip.read_bytes())
    browser = browser_of(alice)

    with django_capture_on_commit_callbacks(execute=True):
        answer = ask(browser, url)

    assert answer.status_code == 202
    begun = answer.json()
    assert answer.headers["Location"] == begun["address"] == f"{IMPORTS}{begun['id']}/"
    assert (begun["state"], begun["received"], begun["video"]) == ("waiting", 0, None)
    assert browser.get(begun["address"]).json() == begun
    # A worker was told, and does it.
    assert [task.func() for task in OrmQ.objects.all()] == ["videos.uploads.url_import.fetch"]
    assert fetch(begun["id"]) == "accepted"
    told = browser.get(begun["address"]).json()
    assert (told["state"], told["error"]) == ("accepted", None)
    assert told["received"] == told["length"] == clip.stat().st_size
    assert browser.get(told["video"]).json()["filename"] == "holiday one.mp4"
    video = Video.objects.get()
    with storage.open_stored(video.storage_key) as stored:
        assert stored.read() == clip.read_bytes()
    upload = Upload.objects.get()
    assert (video.owner, upload.entrance, upload.origin) == (alice, "url", "")
    assert not left_over()


def test_nobody_has_more_than_so_many_waiting(
    web: Web, alice: User, change_settings: Callable[..., None]
) -> None:
    change_settings(url_imports_waiting=2)
    done, _ = begin(web.url("/1"), alice), begin(web.url("/2"), alice)

    with pytest.raises(Refusal, match="TOO_MANY_IMPORTS"):
        begin(web.url("/3"), alice)

    change(done, state=UrlImport.State.ACCEPTED)
    begin(web.url("/3"), alice)
    begin(web.url("/1"), User.objects.create_user("bob"))


def test_an_address_inside_is_refused_and_nothing_is_told_of_what_lies_there(
    web: Web, alice: User, change_settings: Callable[..., None]
) -> None:
    there, told = web.page("/inside", b"secret"), []
    with serving() as elsewhere:
        nobody = elsewhere.url("/")
    change_settings(outgoing_allow=())
    for url in (there, nobody, "http://no-such-name.invalid/"):
        row = ended(url, alice)
        told.append((row.state, row.error_code, row.error_message, row.received, row.length))

    assert told[0][:2] == ("refused", "URL_REFUSED")
    assert told[0] == told[1] == told[2]
    assert web.asked == []


def test_a_redirect_to_an_address_inside_is_refused(web: Web, alice: User) -> None:
    row = ended(web.redirect("/film.mp4", "http://169.254.169.254/latest/meta-data/"), alice)

    assert (row.error_code, row.error_retryable) == ("URL_REFUSED", False)


def test_a_server_that_breaks_off_may_do_better_later(web: Web, alice: User) -> None:
    row = ended(web.url("/cut"), alice)

    assert (row.state, row.error_code, row.error_retryable) == ("refused", "URL_UNREACHABLE", True)
    assert not Video.objects.exists()


@pytest.mark.parametrize(
    ("status", "again"), [(404, False), (403, False), (204, False), (500, True), (429, True)]
)
def test_another_status_than_200_is_told(status: int, again: bool, web: Web, alice: User) -> None:
    row = ended(web.page("/film.mp4", status=status), alice)

    assert (row.error_code, row.error_retryable) == ("URL_STATUS", again)
    assert str(status) in row.error_message


def test_a_loop_of_redirects_is_no_file(web: Web, alice: User) -> None:
    assert ended(web.url("/loop"), alice).error_code == "URL_STATUS"


def test_a_file_that_is_too_large_by_its_own_words_is_not_fetched(
    web: Web, alice: User, change_settings: Callable[..., None]
) -> None:
    change_settings(max_upload_mb=1)
    row = ended(web.page("/film.mp4", Content_Length=str((1 << 20) + 1)), alice)

    assert (row.error_code, row.received) == ("TOO_LARGE", 0)


def test_a_file_without_end_is_given_up_at_the_limit(
    web: Web, alice: User, change_settings: Callable[..., None]
) -> None:
    change_settings(max_upload_mb=1)

    assert ended(web.url("/endless"), alice).error_code == "TOO_LARGE"


def test_a_slow_drip_ends_with_the_time_for_all(
    web: Web, alice: User, change_settings: Callable[..., None]
) -> None:
    change_settings(url_import_seconds=1)
    began = time.monotonic()

    assert ended(web.url("/drip"), alice).error_code == "URL_UNREACHABLE"
    assert time.monotonic() - began < 5


def test_without_room_on_the_disk_nothing_is_fetched(
    web: Web, clip: Path, alice: User, change_settings: Callable[..., None]
) -> None:
    change_settings(storage_reserve_mb=1 << 30)
    row = ended(web.page("/film.mp4", clip.read_bytes()), alice)

    assert (row.error_code, row.received, row.error_retryable) == ("NO_SPACE", 0, True)


def test_what_is_no_video_is_refused_as_from_every_entrance(web: Web, alice: User) -> None:
    row = ended(web.page("/film.mp4", b"Dear Alice"), alice)

    assert (row.state, row.error_code) == ("refused", "UNSUP")
    # As nobody waits for the answer, it stands on a failed video.
    told = browser_of(alice).get(f"{IMPORTS}{row.pk}/").json()
    video = browser_of(alice).get(told["video"]).json()
    assert (video["state"], video["error"]["code"]) == ("failed", "UNSUP")


def test_a_file_beyond_its_owners_quota_is_not_fetched(
    web: Web, clip: Path, alice: User, change_settings: Callable[..., None]
) -> None:
    change_settings(quota_mb=1)
    row = ended(web.page("/film.mp4", Content_Length=str(3 << 20)), alice)

    assert (row.error_code, row.received) == ("QUOTA", 0)


def test_malware_is_quarantined_and_its_owner_told(
    web: Web, alice: User, clamd: Clamd, change_settings: Callable[..., None]
) -> None:
    change_settings(clamd=clamd.unix)
    row = ended(web.page("/film.mp4", EICAR), alice)

    assert (row.state, row.error_code) == ("refused", "MALWARE")
    video = Video.objects.get()
    assert (video.state, video.owner, video.id) == (State.QUARANTINED, alice, row.video_id)
    assert browser_of(alice).get(f"/api/v1/videos/{video.id}/").status_code == 200


def test_switched_off_meanwhile_what_waits_is_refused(
    web: Web, alice: User, change_settings: Callable[..., None]
) -> None:
    row = begin(web.url("/film.mp4"), alice)
    change_settings(url_import=False)

    assert fetch(str(row.pk)) == "URL_IMPORT_OFF"
    assert web.asked == []


@pytest.mark.parametrize(
    ("disposition", "url", "name"),
    [
        ("", "http://a/films/b%20c.mp4?d=e.mp4", "b c.mp4"),
        ("", "http://a/", ""),
        ("attachment", "http://a/b.mp4", "b.mp4"),
        ('attachment; filename="holiday.mp4"', "http://a/b.mp4", "holiday.mp4"),
        ("attachment; filename*=UTF-8''F%C3%BCchse.mp4", "http://a/b.mp4", "Füchse.mp4"),
        ("attachment; filename*=no-such''a.mp4", "http://a/b.mp4", "b.mp4"),
        ("attachment; filename*=utf-7''%2B2AA-.mp4", "http://a/b.mp4", "?.mp4"),
        ('attachment; filename="../../etc/passwd"', "http://a/b.mp4", "../../etc/passwd"),
    ],
)
def test_the_name_is_what_the_server_says_or_the_addresss_last_part(
    disposition: str, url: str, name: str
) -> None:
    answer = Answer(200, {"content-disposition": disposition}, url, iter(()))

    assert declared_name(answer) == name


def test_a_name_from_elsewhere_is_made_fit_to_show(web: Web, clip: Path, alice: User) -> None:
    named = 'attachment; filename="../../<b>\u202egpj.mp4"'.encode().decode("latin-1")
    ended(web.page("/a", clip.read_bytes(), Content_Disposition=named), alice)

    assert "/" not in Video.objects.get().filename


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
