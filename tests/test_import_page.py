"""A file that is fetched from an address, from the form on the upload page to its verdict."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import Site, open_folder, start_site, stop_site, wait_for
from tests.keys import Keys
from tests.test_accessibility import faults
from tests.test_story import NARROW, WIDE, Visit, Visitor, browser, visit
from tests.web_server import LOOPBACK, Web, serving

# Fixtures of the story, which pytest finds by name.
__all__ = ["browser", "visit"]

pytestmark = [pytest.mark.xdist_group("imports"), pytest.mark.long]

ADDRESS, PASSWORD = "alice@example.org", "correct horse 9"
CARD = "[data-role=job-card]"
ROWS = "SELECT count(*) FROM videos_urlimport WHERE url = %s"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site that fetches from loopback, with an account of Alice's."""
    with open_folder() as folder:
        running = start_site(
            folder,
            TVIDZ_URL_IMPORT="true",
            TVIDZ_OUTGOING_ALLOW=f"{LOOPBACK}/32",
            TVIDZ_OUTGOING_PORTS="1-65535",
        )
        making = "from django.contrib.auth.models import User as U; U.objects.create_user"
        made = running.manage("shell", "-c", f"{making}('{ADDRESS}', '{ADDRESS}', '{PASSWORD}')")
        assert made.returncode == 0, made.stderr
        yield running
        stop_site(running)


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as running:
        yield running


def signed_in(visitor: Visitor) -> Page:
    page = visitor.go("/account/sign-in/?next=/")
    page.fill("#id_username", ADDRESS)
    page.fill("#id_password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".who")).to_contain_text(ADDRESS)
    expect(page.locator("#import-form button")).to_be_enabled()
    return page


def fetch(page: Page, address: str) -> Locator:
    page.fill("#address", address)
    page.keyboard.press("Enter")
    card = page.locator(CARD).first
    expect(card).to_have_attribute("data-import", re.compile("."))
    return card


def state(card: Locator) -> Locator:
    return card.locator("[data-role=state]")


def test_it_is_followed_over_a_reload_to_its_verdict(
    site: Site, visit: Visit, web: Web, film: Path
) -> None:
    web.page("/half", film.read_bytes())
    visitor = visit()
    page = signed_in(visitor)
    card = fetch(page, web.url("/held?key=secret"))
    expect(page.locator("#address")).to_have_value("")
    expect(card.locator("h3")).to_have_text("held")
    expect(state(card)).to_have_text("Fetching")
    expect(card).to_contain_text(re.compile(r"[\d.]+ (bytes|KB) of [\d.]+ KB from 127"))
    assert faults(page) == []

    page.reload()
    expect(card.locator("h3")).to_have_text("held")
    expect(state(card)).to_have_text("Fetching")
    web.go_on.set()
    expect(card).to_have_attribute("data-final", "true")
    expect(state(card)).to_have_text("Done")
    expect(card.locator("[data-role=verdict]")).to_be_visible()
    page.reload()
    expect(page.locator(CARD)).to_have_count(1)


def test_what_cannot_be_fetched_is_told_until_it_is_taken_away(
    site: Site, visit: Visit, web: Web
) -> None:
    visitor = visit(NARROW)
    visitor.allowed.append("status of 422")
    page = signed_in(visitor)
    problem = page.locator("#address-problem")
    page.locator("#address").press("Enter")
    expect(problem).to_contain_text("Name the address of a file.")
    page.fill("#address", "ftp://example.org/film.mp4")
    page.keyboard.press("Enter")
    expect(problem.locator("code")).to_have_text("URL_REFUSED")
    expect(page.locator("#address")).to_be_focused()
    visitor.fits()
    assert faults(page) == []

    address = web.url("/nothing/there.mp4")
    card = fetch(page, address)
    expect(problem).to_be_hidden()
    for _ in range(2):
        expect(state(card)).to_have_text("Not fetched")
        expect(card.locator(".problem code")).to_have_text("URL_STATUS")
        expect(card.locator("h3")).to_have_text("there.mp4")
        visitor.fits()
        page.reload()
        expect(page.locator("#import-form button")).to_be_enabled()
    card.get_by_role("button", name="Remove there.mp4").click()
    expect(page.locator(CARD, has_text="there.mp4")).to_have_count(0)
    wait_for(lambda: site.rows(ROWS, address) == [(0,)], "it to be forgotten")


def test_it_is_tried_again_or_cancelled_with_the_keyboard(
    site: Site, visit: Visit, web: Web, clip: Path
) -> None:
    page = signed_in(visit(WIDE))
    web.page("/busy.mp4", status=503)
    keys = Keys(page)
    keys.to("#address")
    keys.write(web.url("/busy.mp4"))
    keys.press("Enter")
    card = page.locator(CARD, has_text="busy.mp4")
    expect(state(card)).to_have_text("Not fetched")
    web.page("/busy.mp4", clip.read_bytes())
    keys.to(f"{CARD} .problem button")
    keys.press("Enter")
    keys.kept()
    expect(card).to_have_attribute("data-final", "true")
    keys.kept()

    keys.back_to("#address")
    keys.write(web.url("/silence"))
    keys.press("Enter")
    silent = page.locator(CARD, has_text="silence")
    expect(state(silent)).to_have_text("Fetching")
    keys.to("button[aria-label='Cancel silence']")
    keys.press("Enter")
    expect(silent).to_have_count(0)
    keys.kept()
    wait_for(lambda: site.rows(ROWS, web.url("/silence")) == [(0,)], "it to be forgotten")


def test_who_is_not_signed_in_is_not_offered_it(visit: Visit) -> None:
    page = visit().go("/")
    expect(page.locator("#choose")).to_be_visible()
    expect(page.locator("#import-form")).to_have_count(0)
