"""Sending a file from the upload page in a real browser: cut, paused, reloaded, given up."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from tests.conftest import Site, wait_for
from tests.flaky_line import flaky_line

pytestmark = pytest.mark.xdist_group("site")

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
PATIENCE = 60_000
MIB = 1 << 20
# The last of these bytes would arrive after ten seconds.
SIZE = 20 * MIB
SLOWLY = 2 * MIB
RECEIVED = "SELECT received FROM videos_partialupload WHERE length = %s AND accepted_at IS NULL"


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor with a browser of their own."""
    made = browser.new_context()
    made.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield made
    made.close()


@pytest.fixture
def large(clip: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A video that takes a while to send, another one for each test."""
    content = clip.read_bytes()
    free = SIZE - len(content)
    name = hashlib.sha256(request.node.name.encode()).digest()
    path = tmp_path / "large.mp4"
    path.write_bytes(content + free.to_bytes(4, "big") + b"free" + name + bytes(free - 40))
    return path


def open_page(context: BrowserContext, site: Site, *, bytes_a_second: int = -1) -> Page:
    page = context.new_page()
    throttle(page, bytes_a_second)
    page.goto(site.url)
    return page


def throttle(page: Page, bytes_a_second: int) -> Any:
    session = page.context.new_cdp_session(page)
    session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": bytes_a_second == 0,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": bytes_a_second,
        },
    )
    return session


def choose(page: Page, *files: Path) -> Locator:
    page.set_input_files("#file", list(files))
    return page.locator("[data-role=job-card]").first


def state(card: Locator) -> Locator:
    return card.locator("[data-role=state]")


def some_received(site: Site) -> int:
    def look() -> int | None:
        found = site.rows(RECEIVED, SIZE)
        return int(found[0][0]) if found and found[0][0] > MIB else None

    return wait_for(look, "some of the file to arrive")


def arrived_whole(site: Site, path: Path) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    asked = "SELECT count(*) FROM videos_video WHERE sha256 = %s AND storage_key <> ''"
    assert site.rows(asked, digest) == [(1,)]


def test_a_lost_line_is_told_and_the_file_goes_on_by_itself(
    site: Site, context: BrowserContext, large: Path
) -> None:
    with flaky_line(site.url) as line:
        page = context.new_page()
        throttle(page, SLOWLY)
        page.goto(line.url)
        card = choose(page, large)
        some_received(site)

        line.cut()
        expect(state(card)).to_have_text("Connection lost, goes on by itself")
        before = site.rows(RECEIVED, SIZE)[0][0]
        assert MIB < before < SIZE
        line.mend()
        throttle(page, -1)

        expect(card).to_have_attribute("data-final", "true")
    arrived_whole(site, large)


def test_after_a_reload_the_same_file_goes_on_where_it_stopped(
    site: Site, context: BrowserContext, large: Path
) -> None:
    page = open_page(context, site, bytes_a_second=SLOWLY)
    choose(page, large)
    some_received(site)

    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    stopped = page.locator("[data-role=unfinished]")
    expect(stopped.locator("h3")).to_have_text("large.mp4")
    expect(stopped).to_contain_text("Stopped at")
    received = site.rows(RECEIVED, SIZE)[0][0]
    sent: list[int] = []
    page.on(
        "request",
        lambda request: (
            sent.append(int(request.headers.get("upload-offset", -1)))
            if request.method == "PATCH"
            else None
        ),
    )
    card = choose(page, large)

    expect(card).to_have_attribute("data-final", "true")
    expect(stopped).to_have_count(0)
    assert sent[0] >= received > 0
    arrived_whole(site, large)
    page.reload()
    expect(page.locator("[data-role=unfinished]")).to_have_count(0)


def test_it_can_be_paused_and_gone_on_with(
    site: Site, context: BrowserContext, large: Path
) -> None:
    page = open_page(context, site, bytes_a_second=SLOWLY)
    card = choose(page, large)
    some_received(site)

    card.get_by_role("button", name="Pause large.mp4").click()
    expect(state(card)).to_have_text("Paused")
    page.wait_for_timeout(1500)
    held = site.rows(RECEIVED, SIZE)[0][0]
    page.wait_for_timeout(1500)
    assert site.rows(RECEIVED, SIZE)[0][0] == held < SIZE
    throttle(page, -1)
    card.get_by_role("button", name="Go on large.mp4").click()

    expect(card).to_have_attribute("data-final", "true")
    arrived_whole(site, large)


def test_what_is_cancelled_is_gone_here_and_there(
    site: Site, context: BrowserContext, large: Path
) -> None:
    page = open_page(context, site, bytes_a_second=SLOWLY)
    card = choose(page, large)
    some_received(site)

    card.get_by_role("button", name="Cancel large.mp4").click()

    expect(card).to_have_count(0)
    wait_for(lambda: not site.rows(RECEIVED, SIZE), "the upload to be forgotten")
    page.reload()
    expect(page.locator("[data-role=unfinished]")).to_have_count(0)


def test_what_an_earlier_visit_began_can_be_given_up(
    site: Site, context: BrowserContext, large: Path
) -> None:
    page = open_page(context, site, bytes_a_second=SLOWLY)
    choose(page, large)
    some_received(site)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()

    page.get_by_role("button", name="Give up large.mp4").click()

    expect(page.locator("[data-role=unfinished]")).to_have_count(0)
    wait_for(lambda: not site.rows(RECEIVED, SIZE), "the upload to be forgotten")


def test_another_tab_does_not_stop_the_one_that_sends(
    site: Site, context: BrowserContext, large: Path
) -> None:
    page = open_page(context, site, bytes_a_second=SLOWLY)
    card = choose(page, large)
    some_received(site)

    other = open_page(context, site)
    other.wait_for_timeout(1000)
    expect(other.locator("[data-role=unfinished]")).to_have_count(0)
    expect(state(card)).to_have_text("Sending")
    throttle(page, -1)

    expect(card).to_have_attribute("data-final", "true")
    arrived_whole(site, large)


def test_of_several_files_two_are_sent_at_a_time_and_the_rest_wait(
    site: Site, context: BrowserContext, large: Path, clip: Path, tmp_path: Path
) -> None:
    files = []
    for number in range(4):
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(large.read_bytes()[:-1] + bytes([number]))
        files.append(path)
    page = open_page(context, site, bytes_a_second=SLOWLY)
    choose(page, *files)

    cards = page.locator("[data-role=job-card]")
    expect(cards).to_have_count(4)
    some_received(site)
    words = cards.locator("[data-role=state]").all_inner_texts()
    assert sorted(words) == ["Sending", "Sending", "Waiting to be sent", "Waiting to be sent"]
    throttle(page, -1)
    for number in range(4):
        expect(cards.nth(number)).to_have_attribute("data-final", "true")


def test_a_picture_is_pasted(site: Site, context: BrowserContext, clip: Path) -> None:
    page = open_page(context, site)
    page.evaluate(
        """async () => {
          const canvas = Object.assign(document.createElement("canvas"), {width: 320, height: 180});
          const pen = canvas.getContext("2d");
          for (let x = 0; x < 320; x += 8) for (let y = 0; y < 180; y += 8) {
            pen.fillStyle = `hsl(${(x * 7 + y * 13) % 360} 70% ${20 + (x * y) % 60}%)`;
            pen.fillRect(x, y, 8, 8);
          }
          const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
          const held = new DataTransfer();
          held.items.add(new File([blob], "pasted.png", {type: "image/png"}));
          window.dispatchEvent(new ClipboardEvent("paste", {clipboardData: held}));
        }"""
    )
    card = page.locator("[data-role=job-card]").first

    expect(card.locator("h3")).to_have_text("pasted.png")
    expect(card).to_have_attribute("data-final", "true")


def test_after_a_reload_a_card_still_tells_what_matches(
    site: Site, context: BrowserContext, film: Path, excerpt: Path
) -> None:
    site.finished(site.upload(film)["id"])
    page = open_page(context, site)
    card = choose(page, excerpt)
    expect(card).to_have_attribute("data-final", "true")
    verdict = card.locator("[data-role=verdict]").inner_text()
    assert "Nothing" not in verdict

    page.reload()

    expect(card.locator("[data-role=verdict]")).to_have_text(verdict)
    expect(card.get_by_role("link", name="See what matches")).to_be_visible()
