"""The way through moderation, with a picture at each screen: an uploader's, then a lead's."""

import json

from playwright.sync_api import Page, ViewportSize

from docs.screenshots.camera import TALL, TALLEST, WIDE, Camera
from docs.screenshots.site import LEAD, LEADS_PASSWORD, Site
from docs.screenshots.walks import EXCERPT, FASTER, MIRRORED, both_show, open_own, send, until

PREPARE = """
import json
from docs.screenshots.desk import prepare
print(json.dumps(prepare()))
"""
DESK = "/admin/moderation"
# The whole of a page of the admin, which is more than its body.
WHOLE = "#content"
# On a phone what is decided stands below all the rest.
LONG = 4000


def moderation(uploader: Page, lead: Page, site: Site, camera: Camera) -> None:
    """A claim as the uploader of the copy sees it, and the console."""
    uploader.goto(site.address)
    for name in (MIRRORED, FASTER):
        send(uploader, site, name)
        until(uploader, name, "Done")
    number: dict[str, int] = json.loads(site.run(PREPARE).splitlines()[-1])
    _sign_in(lead, site)
    _queue(lead, site, camera)
    _review(lead, site, camera, number)
    _claim_of_uploader(uploader, site, camera)
    _record(lead, site, camera, number)


def _sign_in(page: Page, site: Site) -> None:
    page.set_viewport_size(TALL)
    page.goto(f"{site.address}/admin/")
    page.get_by_label("Username").fill(LEAD)
    page.get_by_label("Password").fill(LEADS_PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.locator("#content-main").wait_for()


def _queue(page: Page, site: Site, camera: Camera) -> None:
    _take(page, camera, "desk")
    for name, query in (
        ("Late ones", "which=overdue"),
        ("Sure ones", "sure=certain&which=waiting"),
    ):
        page.goto(f"{site.address}{DESK}/flag/?{query}")
        page.get_by_text("Save this view").click()
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_role("button", name="Save").click()
        page.get_by_role("link", name=name, exact=True).wait_for()
    page.goto(f"{site.address}{DESK}/flag/?which=waiting")
    _take(page, camera, "queue")


def _review(page: Page, site: Site, camera: Camera, number: dict[str, int]) -> None:
    _open_flag(page, site, number["review"])
    page.keyboard.press("c")
    page.locator(".reasons").wait_for()
    _take(page, camera, "review", tallest=LONG)
    page.keyboard.press("Escape")
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    _open_flag(page, site, number["dark"])
    _take(page, camera, "review-dark", tall=False)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    _open_flag(page, site, number["second"])
    page.keyboard.press("c")
    page.locator(".reasons").wait_for()
    _take(page, camera, "review-second", tall=False)
    page.keyboard.press("Escape")
    page.goto(f"{site.address}{DESK}/flag/{number['held']}/review/")
    page.locator("#problem:visible").wait_for()
    both_show(page)
    _take(page, camera, "review-held", tall=False)
    page.set_viewport_size(TALL)


def _open_flag(page: Page, site: Site, number: int) -> None:
    """Held, with the pictures shown, in the middle of the match."""
    page.goto(f"{site.address}{DESK}/flag/{number}/review/")
    page.locator("#lease", has_text="yours for").wait_for()
    page.keyboard.press("b")
    page.get_by_label("Position in both players").evaluate(
        "(range) => { range.value = range.max * 0.62;"
        " range.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    both_show(page)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)


def _claim_of_uploader(page: Page, site: Site, camera: Camera) -> None:
    open_own(page, site, EXCERPT)
    page.wait_for_load_state("networkidle")
    page.locator(".claim-form > summary").first.click()
    page.locator(".claim-form textarea").first.fill(
        "I filmed this at the harbour myself; the original files are with me."
    )
    camera.take(page, "claim-uploader")
    page.get_by_role("button", name="Dispute", exact=True).click()
    page.get_by_role("heading", name="disputed").first.wait_for()


def _record(page: Page, site: Site, camera: Camera, number: dict[str, int]) -> None:
    page.goto(f"{site.address}{DESK}/flag/statistics/")
    page.get_by_role("link", name="14 days").click()
    page.locator(".plots").wait_for()
    _take(page, camera, "statistics")
    page.goto(f"{site.address}{DESK}/claim/")
    page.locator("#result_list").wait_for()
    _take(page, camera, "claims")
    page.goto(f"{site.address}{DESK}/claim/{number['claim']}/change/")
    page.locator(".claim-desk details summary").first.click()
    _take(page, camera, "claim")
    page.goto(f"{site.address}{DESK}/event/")
    page.locator("#result_list").wait_for()
    _take(page, camera, "events")
    page.goto(f"{site.address}{DESK}/decision/{number['decision']}/change/")
    page.locator(".frozen-pictures img").first.wait_for()
    _take(page, camera, "decision")


def _take(
    page: Page, camera: Camera, name: str, *, tall: bool = True, tallest: int = TALLEST
) -> None:
    """The page as it is, `tall` in a window that all of it fits into."""
    if not tall:
        camera.take(page, name, window=True)
        return
    page.set_viewport_size(ViewportSize(width=WIDE["width"], height=720))
    page.wait_for_timeout(200)
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size(ViewportSize(width=WIDE["width"], height=min(height, TALLEST)))
    page.wait_for_timeout(400)
    camera.take(page, name, last=WHOLE, tallest=tallest)
    page.set_viewport_size(TALL)
