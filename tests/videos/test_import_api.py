"""REST: an import from a URL is asked for and followed."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.browsers import browser_of
from tests.videos.imports import IMPORTS, ask
from tests.web_server import Web
from videos.models import UrlImport
from videos.uploads.url_import import ImportLost, begin, claim

pytestmark = pytest.mark.django_db


def test_unless_switched_on_nothing_is_fetched(alice: User) -> None:
    answer = ask(browser_of(alice), "https://example.org/film.mp4")

    assert (answer.status_code, answer.json()["code"]) == (403, "URL_IMPORT_OFF")
    assert not UrlImport.objects.exists()


def test_who_is_not_signed_in_is_asked_to(web: Web) -> None:
    answer = ask(Client(), web.url("/film.mp4"))

    assert (answer.status_code, answer.json()["code"]) == (403, "SIGN_IN")


def test_another_sites_page_cannot_have_something_fetched(web: Web, alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)

    assert ask(browser, web.url("/film.mp4")).status_code == 403
    assert not UrlImport.objects.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "7", "{}", '{"url": 7}', '{"url": ""}'])
def test_a_request_without_an_address_is_told_what_to_send(
    content: str, web: Web, alice: User
) -> None:
    answer = browser_of(alice).post(IMPORTS, content, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")


def test_a_form_may_name_the_address_too(web: Web, alice: User) -> None:
    form = "url=http%3A%2F%2Fexample.org%2F"
    kind = "application/x-www-form-urlencoded"

    assert browser_of(alice).post(IMPORTS, form, content_type=kind).status_code == 202


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "http://a:b@example.org/", "http://example.org\u0000/"]
)
def test_what_is_no_web_address_is_refused_at_once(url: str, web: Web, alice: User) -> None:
    answer = ask(browser_of(alice), url)

    assert (answer.status_code, answer.json()["code"]) == (422, "URL_REFUSED")


def test_an_import_is_its_owners_and_staffs_alone(web: Web, alice: User) -> None:
    address = f"{IMPORTS}{begin(web.url('/film.mp4'), alice).pk}/"
    staff = User.objects.create_superuser("chief")

    assert browser_of(alice).get(address).status_code == 200
    assert browser_of(staff).get(address).status_code == 200
    for browser in (Client(), browser_of(User.objects.create_user("bob"))):
        answer = browser.get(address)
        assert (answer.status_code, answer.json()["code"]) == (404, "NO_IMPORT")
    page = browser_of(staff).get(reverse("admin:videos_urlimport_changelist"))
    assert page.status_code == 200


def test_an_import_is_given_up_by_who_began_it_and_its_worker_stops(web: Web, alice: User) -> None:
    row = begin(web.url("/film.mp4"), alice)
    address = f"{IMPORTS}{row.pk}/"
    held = claim(row.pk)
    assert held is not None

    for browser in (Client(), browser_of(User.objects.create_user("bob"))):
        answer = browser.delete(address)
        assert (answer.status_code, answer.json()["code"]) == (404, "NO_IMPORT")
    held.update()
    assert browser_of(alice).delete(address).status_code == 204

    assert not UrlImport.objects.exists()
    with pytest.raises(ImportLost):
        held.update()
    assert browser_of(alice).delete(address).status_code == 404


def test_the_upload_page_offers_it_to_who_may_and_lists_what_is_open(
    web: Web, alice: User, change_settings: Callable[..., None]
) -> None:
    def listed(browser: Client) -> list[str] | None:
        page = browser.get("/").content.decode()
        found = re.search(r'<script id="imports"[^>]*>(.*?)</script>', page)
        assert bool(found) == ('id="import-form"' in page)
        return [row["url"] for row in json.loads(found[1])] if found else None

    begin(web.url("/waits</script>.mp4"), alice)
    UrlImport.objects.create(url="http://a/", owner=alice, **refused(hours=1))
    UrlImport.objects.create(url="http://old/", owner=alice, **refused(hours=30))

    assert listed(browser_of(alice)) == ["http://a/", web.url("/waits</script>.mp4")]
    assert listed(browser_of(User.objects.create_user("bob"))) == []
    assert listed(Client()) is None
    change_settings(url_import=False)
    assert listed(browser_of(alice)) is None


def refused(hours: float) -> dict[str, Any]:
    ended = timezone.now() - timedelta(hours=hours)
    return {"state": "refused", "error_code": "URL_STATUS", "finished_at": ended}
