"""Ways through the site, with a picture at each screen."""

import sys
import time

from playwright.sync_api import Locator, Page

from docs.screenshots.camera import TALL, Camera
from docs.screenshots.site import EMAIL, INFECTED, LETTER, PASSWORD, STILL, Site

COPY, EXCERPT, STRANGER = "best-of.mp4", "evening-upload.mp4", "nothing-like-it.mp4"
MIRRORED, FASTER = "mirror-mirror.mp4", "a-little-faster.mp4"
# Bytes a second: slow enough to see a film on its way.
SLOW = 120_000


def uploading(page: Page, site: Site, camera: Camera) -> None:
    """Files go in, one by one; the page ends with a card for each."""
    page.goto(f"{site.address}/library/")
    camera.take(page, "library-empty")
    page.goto(site.address)
    camera.take(page, "upload-empty")
    for name in (STRANGER, EXCERPT):
        send(page, site, name)
        until(page, name, "Done")
    _slowly(page, SLOW)
    send(page, site, COPY)
    _card(page, COPY).get_by_text("left").wait_for()
    page.wait_for_timeout(600)
    camera.take(page, "upload-sending")
    _slowly(page, -1)
    until(page, COPY, "Done")
    for name in (INFECTED, LETTER):
        send(page, site, name)
        _card(page, name).locator(".problem:visible, .job-result:visible").first.wait_for()
    # The page as one finds it again; there each card has its picture from the server.
    page.reload()
    _card(page, COPY).get_by_text("seahorse-valley.mp4").or_(
        _card(page, COPY).get_by_text("triangles-and-tides.mp4")
    ).first.wait_for()
    page.wait_for_load_state("networkidle")
    camera.take(page, "upload")


def results(page: Page, site: Site, camera: Camera) -> None:
    """The page of each upload."""
    open_own(page, site, COPY)
    match = page.locator('[data-role="duplicate"]', has_text="seahorse-valley.mp4").first
    compare = match.locator('[data-role="compare"]')
    compare.wait_for()
    if compare.get_attribute("aria-expanded") != "true":
        compare.click()
    both_show(page)
    # Some seconds in, where there is something to see; both players go there together.
    match.get_by_label("Position in both players").evaluate(
        "(range, share) => { range.value = range.max * share;"
        " range.dispatchEvent(new Event('input', { bubbles: true })); }",
        0.93,
    )
    both_show(page)
    page.wait_for_timeout(500)
    page.evaluate("window.scrollTo(0, 0)")
    camera.take(page, "result", "#matches", '[data-role="player-pair"]')
    camera.take(page, "result-whole")
    for name, screen in (
        (STRANGER, "result-none"),
        (LETTER, "result-refused"),
        (INFECTED, "result-quarantined"),
    ):
        open_own(page, site, name)
        page.wait_for_load_state("networkidle")
        page.wait_for_function(
            "[...document.querySelectorAll('#stage video')].every((video) => video.readyState > 2)"
        )
        # Until the player has taken down its sign of waiting.
        page.wait_for_timeout(1000)
        camera.take(page, screen)


def searching(page: Page, site: Site, camera: Camera) -> None:
    """A picture, a video and a letter are searched with."""
    page.goto(f"{site.address}/search/")
    camera.take(page, "search-empty")
    for name, screen in ((STILL, "search-image"), (MIRRORED, "search-video")):
        page.locator("#file").set_input_files(site.films / name)
        page.locator('[data-role="query"][data-final="true"]', has_text=name).wait_for()
        page.locator('[data-role="hit"] img').first.wait_for()
        page.wait_for_load_state("networkidle")
        camera.take(page, screen)
    page.locator("#file").set_input_files(site.films / LETTER)
    page.locator('[data-role="query"] .problem code').wait_for()
    camera.take(page, "search-refused")


def accounts(page: Page, site: Site, camera: Camera) -> None:
    """Signing in; what one's account and one's library look like then."""
    for screen, path in (
        ("gallery", "videos/"),
        ("help", "help/"),
        ("not-found", "nothing/here"),
        ("sign-up", "account/sign-up/"),
        ("password-reset", "account/reset/"),
        ("sign-in", "account/sign-in/?next=/library/"),
    ):
        page.goto(f"{site.address}/{path}")
        page.wait_for_load_state("networkidle")
        camera.take(page, screen)
    page.locator("#id_username").fill(EMAIL)
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="in your account").click()
    page.goto(f"{site.address}/library/")
    page.locator(".shelf").wait_for()
    camera.take(page, "library")
    page.goto(f"{site.address}/library/?duplicates=yes&view=grid")
    camera.take(page, "library-filtered")
    for number in (0, 1):
        page.locator('input[name="video"]').nth(number).check()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete for good").wait_for()
    camera.take(page, "library-delete")
    page.goto(f"{site.address}/account/")
    camera.take(page, "account")


def staff(page: Page, site: Site, camera: Camera) -> None:
    """The admin."""
    page.set_viewport_size(TALL)
    page.goto(f"{site.address}/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Log in").click()
    page.locator("#content-main").wait_for()
    camera.take(page, "admin-index")
    page.goto(f"{site.address}/admin/videos/video/")
    page.locator("#result_list").wait_for()
    camera.take(page, "admin-videos")
    page.locator("#result_list .field-name a", has_text=COPY).first.click()
    page.locator("#video_form").wait_for()
    camera.take(page, "admin-video")


def send(page: Page, site: Site, name: str) -> None:
    page.locator('input[type="file"]').set_input_files(site.films / name)


def _card(page: Page, name: str) -> Locator:
    return page.locator('[data-role="job-card"]', has=page.get_by_role("heading", name=name))


def until(page: Page, name: str, words: str) -> None:
    _card(page, name).locator('[data-role="state"]', has_text=words).wait_for()


def open_own(page: Page, site: Site, name: str) -> None:
    page.goto(f"{site.address}/library/")
    page.get_by_role("link", name=name).first.click()
    page.locator("#verdict").wait_for()


def _slowly(page: Page, most: int) -> None:
    """Let no more than so many bytes a second leave the page; -1 lets all."""
    line = page.context.new_cdp_session(page)
    words = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": most}
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", words)


def both_show(page: Page) -> None:
    """Wait for a picture in both players."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        page.wait_for_timeout(200)
        if (
            page.evaluate(
                """[...document.querySelectorAll('[data-role="player-pair"] video')]
                .filter((video) => video.readyState >= 2 && !video.seeking).length"""
            )
            == 2
        ):
            return
    sys.exit("The players show nothing.")
