"""Every page under axe (WCAG 2.2 AA), light and dark, wide and narrow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.conftest import Site

pytestmark = pytest.mark.xdist_group("site")

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}
SCREENS: list[tuple[ViewportSize, Literal["light", "dark"]]] = [
    (ViewportSize(width=1280, height=900), "light"),
    (ViewportSize(width=360, height=740), "dark"),
]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(params=SCREENS, ids=["wide-light", "narrow-dark"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    size, colours = request.param
    context = browser.new_context(viewport=size, color_scheme=colours, reduced_motion="reduce")
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def pages(site: Site, film: Path, excerpt: Path, tmp_path_factory: Any) -> dict[str, str]:
    """Addresses of pages in the states that people see them in."""
    original = site.upload(film)["id"]
    site.finished(original)
    copy = site.upload(excerpt)["id"]
    site.finished(copy)
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "600",
        "Content-Type": "application/offset+octet-stream",
    }
    refused = httpx.post(f"{site.url}/api/v1/uploads", headers=headers, content=b"letter" * 100)
    secret = refused.headers["x-upload-secret"]
    return {
        "upload": "/",
        "search": "/search/",
        "result": f"/videos/{copy}/",
        "refused": f"/videos/{refused.headers['upload-video']}/?secret={secret}",
        "missing": "/nothing/here",
        "sign in": "/account/sign-in/",
        "sign in as staff": "/admin/login/",
        "library": "/library/",
        "gallery": "/videos/",
        "help": "/help/",
    }


PAGES = [
    *("upload", "search", "result", "refused", "missing", "sign in", "sign in as staff"),
    *("library", "gallery", "help"),
]


def faults(page: Page) -> list[str]:
    """What axe calls serious or worse, and where."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{each['id']} ({each['impact']}): {node['html'][:120]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(
    site: Site, pages: dict[str, str], page: Page, name: str
) -> None:
    page.goto(f"{site.url}{pages[name]}")
    page.wait_for_load_state("networkidle")

    assert faults(page) == []


def test_nor_on_a_card_while_and_after_it_is_sent(site: Site, page: Page, excerpt: Path) -> None:
    page.goto(site.url)
    page.set_input_files("#file", excerpt)
    page.locator("[data-role=job-card]").wait_for()
    assert faults(page) == []
    page.locator("[data-role=job-card][data-final=true]").wait_for()

    assert faults(page) == []


def test_nor_on_what_a_search_found_or_why_it_did_not(
    site: Site, pages: dict[str, str], page: Page, excerpt: Path, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear Bob")
    page.goto(f"{site.url}/search/")
    page.set_input_files("#file", excerpt)
    page.locator("[data-role=hit]").first.wait_for()
    assert faults(page) == []
    page.set_input_files("#file", letter)
    page.locator("[data-role=query] .problem code").wait_for()

    assert faults(page) == []
