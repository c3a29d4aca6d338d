"""With text at twice its size nothing is cut off, and nothing lies upon another (WCAG 1.4.4)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, sync_playwright

from tests.conftest import Site

pytestmark = [pytest.mark.xdist_group("site"), pytest.mark.long]

PAGES = ("/", "/search/", "/library/", "/videos/", "/help/", "/account/sign-in/", "/nothing/here")

# Elements with words of their own that reach out of the window or of what clips them, or whose
# words lie upon those of another.
CUT_OR_COVERED = """() => {
  const seen = (element) => !element.closest(".sr-only, [hidden], .skip, select, noscript")
    && element.checkVisibility({ visibilityProperty: true });
  const own = (element) => [...element.childNodes].some((node) =>
    node.nodeType === Node.TEXT_NODE && node.data.trim());
  const named = (element) => `${element.tagName}.${element.className}: `
    + element.textContent.trim().slice(0, 40);
  const wordy = [...document.querySelectorAll("body *")].filter((one) => own(one) && seen(one));
  const places = wordy.map((element) => {
    // Not those of its children, which may be for screen readers alone.
    const boxes = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE)
      .flatMap((node) => {
        const range = document.createRange();
        range.selectNodeContents(node);
        return [...range.getClientRects()];
      });
    return [element, boxes.filter((box) => box.width && box.height)];
  });
  const faults = [];
  for (const [element, boxes] of places) {
    if (boxes.some((box) => box.right > innerWidth + 1 || box.left < -1)) {
      faults.push(`out of the window: ${named(element)}`);
    }
    // What folds a name to two lines says so by an ellipsis.
    const folds = getComputedStyle(element).webkitLineClamp !== "none";
    if (!folds && getComputedStyle(element).overflowX !== "visible"
      && element.scrollWidth > element.clientWidth + 1) faults.push(`cut: ${named(element)}`);
  }
  const upon = (one, other) => Math.min(one.right, other.right) - Math.max(one.left, other.left) > 2
    && Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > 6;
  places.forEach(([element, boxes], at) => {
    for (const [other, others] of places.slice(at + 1)) {
      if (element.contains(other) || other.contains(element)) continue;
      if (boxes.some((box) => others.some((another) => upon(box, another)))) {
        faults.push(`${named(element)} lies upon ${named(other)}`);
      }
    }
  });
  return faults;
}"""


@pytest.fixture(scope="module")
def page(chromium: str) -> Iterator[Page]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        size = ViewportSize(width=1280, height=900)
        context = browser.new_context(viewport=size, reduced_motion="reduce")
        yield context.new_page()
        browser.close()


@pytest.fixture(scope="module")
def copy(site: Site, page: Page, film: Path, excerpt: Path) -> str:
    """The page of a video that copies another, which this browser uploaded."""
    site.finished(site.upload(film)["id"])
    page.goto(site.url)
    page.set_input_files("#file", excerpt)
    page.locator("[data-role=job-card][data-final=true]").wait_for()
    return page.locator("[data-role=job-card] a").get_attribute("href") or ""


@pytest.mark.parametrize("path", [*PAGES, "the page of a copy"])
def test_text_of_twice_the_size_fits(site: Site, page: Page, copy: str, path: str) -> None:
    page.goto(f"{site.url}{path if path in PAGES else copy}")
    page.wait_for_load_state("networkidle")
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    page.wait_for_timeout(300)

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(CUT_OR_COVERED) == []
