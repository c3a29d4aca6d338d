"""A file that is fetched from an address somebody named."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django_q.models import OrmQ

from tests.browsers import browser_of
from tests.clamav import EICAR, Clamd
from tests.videos.imports import IMPORTS, ask, change, ended, left_over
from tests.web_server import Web, serving
from videos import storage
from videos.errors import Refusal
from videos.models import State, Upload, UrlImport, Video
from videos.outgoing import Answer
from videos.uploads.url_import import begin, declared_name, fetch

pytestmark = pytest.mark.django_db


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
