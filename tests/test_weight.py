"""The first page is light; the pages stand still and leave nothing in the console."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from tests.conftest import Site

pytestmark = pytest.mark.xdist_group("site")

SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({type: "layout-shift", buffered: true});
"""
MOST_BYTES = 150_000
# What counts as good for people who look at it.
MOST_SHIFT = 0.1
PAGES = ("/", "/search/", "/library/", "/videos/", "/help/", "/account/sign-in/")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    opened = context.new_page()
    opened.add_init_script(SHIFTS)
    yield opened
    context.close()


@pytest.fixture(scope="module")
def copy(site: Site, film: Path, excerpt: Path) -> str:
    """The page of a video that copies another; both stand in the gallery."""
    site.finished(site.upload(film)["id"])
    uploaded = site.upload(excerpt)["id"]
    site.finished(uploaded)
    return f"/videos/{uploaded}/"


def test_the_first_page_is_under_150_kilobytes(site: Site, page: Page) -> None:
    sizes: dict[str, int] = {}
    page.on("requestfinished", lambda asked: sizes.update({asked.url: weight(asked)}))
    page.goto(site.url)
    page.wait_for_load_state("networkidle")

    assert 10_000 < sum(sizes.values()) < MOST_BYTES, sizes


@pytest.mark.parametrize("path", [*PAGES, "the page of a copy"])
def test_nothing_jumps_while_a_page_loads_and_the_console_stays_empty(
    site: Site, page: Page, copy: str, path: str
) -> None:
    complaints: list[str] = []
    page.on("console", lambda told: complaints.append(f"{told.type}: {told.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{site.url}{path if path in PAGES else copy}")
    page.wait_for_load_state("networkidle")

    assert page.evaluate("window.shifted") < MOST_SHIFT
    assert complaints == []


def test_a_library_with_uploads_in_it_does_not_jump_either(
    site: Site, page: Page, excerpt: Path
) -> None:
    page.goto(site.url)
    page.set_input_files("#file", excerpt)
    page.locator("[data-role=job-card][data-final=true]").wait_for()
    for view in ("table", "grid"):
        page.goto(f"{site.url}/library/?view={view}")
        page.wait_for_load_state("networkidle")

        assert page.locator(".upload img").count() == 1
        assert page.evaluate("window.shifted") < MOST_SHIFT


def weight(asked: Request) -> int:
    told = asked.sizes()
    return int(told["responseBodySize"] + told["responseHeadersSize"])
