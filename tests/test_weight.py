"""The first page is light and stands still."""

from pathlib import Path

import pytest
from playwright.sync_api import Request, sync_playwright

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


def test_the_first_page_is_under_150_kilobytes_and_does_not_jump(site: Site, chromium: str) -> None:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.add_init_script(SHIFTS)
        sizes: dict[str, int] = {}
        page.on("requestfinished", lambda asked: sizes.update({asked.url: weight(asked)}))
        page.goto(site.url)
        page.wait_for_load_state("networkidle")
        shifted = page.evaluate("window.shifted")
        browser.close()

    assert 10_000 < sum(sizes.values()) < MOST_BYTES, sizes
    assert shifted < MOST_SHIFT


def test_a_result_page_does_not_jump_while_it_loads(
    site: Site, chromium: str, film: Path, excerpt: Path
) -> None:
    site.finished(site.upload(film)["id"])
    copy = site.upload(excerpt)["id"]
    site.finished(copy)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.add_init_script(SHIFTS)
        page.goto(f"{site.url}/videos/{copy}/")
        page.wait_for_load_state("networkidle")
        shifted = page.evaluate("window.shifted")
        browser.close()

    assert shifted < MOST_SHIFT


def weight(asked: Request) -> int:
    told = asked.sizes()
    return int(told["responseBodySize"] + told["responseHeadersSize"])
