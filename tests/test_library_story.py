"""Accounts and the library in a real browser, up to a deletion that everybody sees."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import Site, wait_for
from tests.test_accessibility import faults
from tests.test_story import NARROW, Visit, browser, visit

pytestmark = pytest.mark.xdist_group("site")
# Fixtures of the other stories, used by name.
__all__ = ["browser", "visit"]

ADDRESS, PASSWORD = "alice@example.org", "correct horse 9"


def mailed_link(site: Site, address: str) -> str:
    """The link in the newest mail to an address, which development prints."""

    def look() -> str | None:
        mails = site.output.read_text().partition(f"To: {address}")[2]
        printed = re.findall(r"http://127\S+/account/confirm/\S+", mails)
        return printed[-1] if printed else None

    return wait_for(look, "a mail to be printed")


def sign_up(site: Site, page: Page) -> None:
    page.get_by_role("link", name="Sign in").first.click()
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("E-mail address").fill(ADDRESS)
    page.get_by_role("button", name="Send me the link").click()
    expect(page.locator("h1")).to_have_text("Check your mail")
    page.goto(mailed_link(site, ADDRESS))
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password confirmation").fill(PASSWORD)
    page.get_by_role("button", name="Save and sign in").click()
    expect(page.locator(".who")).to_contain_text(ADDRESS)


def test_an_upload_is_kept_in_a_new_account_shown_to_all_and_deleted(
    site: Site, visit: Visit, clip: Path
) -> None:
    visitor, onlooker = visit(), visit()
    visitor.go("/")
    name = "harbour <b>7.mp4"
    file = {"name": name, "mimeType": "video/mp4", "buffer": clip.read_bytes()}
    card, video_id = visitor.send(file)
    expect(card).to_have_attribute("data-final", "true")
    page = visitor.page
    sign_up(site, page)

    page.get_by_role("button", name="Keep it in your account").click()
    row = page.locator("li.upload", has_text=name)
    expect(row.locator(".chip.state")).to_have_text("Done")
    assert faults(page) == []
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Make private").click()
    expect(page.locator(".messages")).to_contain_text("private now")
    gallery = onlooker.go("/videos/")
    assert gallery.get_by_text(name).count() == 0
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Make public").click()
    expect(row).to_contain_text("Public")
    gallery = onlooker.go("/videos/?text=HARBOUR")
    gallery.get_by_role("link", name=name).click()
    expect(gallery.locator("h1")).to_have_text(name)
    assert gallery.get_by_role("button", name="Delete…").count() == 0

    row.get_by_role("link", name=name).click()
    page.get_by_role("button", name="Delete…").click()
    expect(page.locator("h1")).to_have_text("Delete this for good?")
    assert faults(page) == []
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator(".messages")).to_have_text("Deleted.")
    expect(page.locator("main")).to_contain_text("Nothing here yet")

    visitor.allowed.append("status of 410")
    onlooker.allowed.append("status of 404")
    expect(visitor.go(f"/videos/{video_id}/").locator("h1")).to_have_text("This video was deleted")
    expect(onlooker.go(f"/videos/{video_id}/").locator("h1")).to_contain_text("nothing at this")
    assert onlooker.go("/videos/?text=harbour").get_by_role("link", name=name).count() == 0
    left = [path for path in (site.var / "files").rglob(f"*{video_id}*") if path.is_file()]
    assert left == []


def test_the_library_is_used_with_the_keyboard_alone(site: Site, visit: Visit, clip: Path) -> None:
    visitor = visit(NARROW)
    visitor.go("/")
    card, _ = visitor.send(clip)
    expect(card).to_have_attribute("data-final", "true")
    page = visitor.go("/library/")
    visitor.fits()
    delete = page.get_by_role("button", name="Delete…")
    expect(delete).to_be_disabled()

    tab_to(page, "input[name=video]")
    page.keyboard.press("Space")
    expect(page.locator("#announcer")).to_have_text("1 file chosen.")
    tab_to(page, "button.danger", key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Delete this for good?")
    visitor.fits()
    tab_to(page, "button[name=confirmed]")
    page.keyboard.press("Enter")

    expect(page.locator(".messages")).to_have_text("Deleted.")
    visitor.fits()


def tab_to(page: Page, selector: str, key: str = "Tab") -> None:
    for _ in range(60):
        page.keyboard.press(key)
        if page.evaluate(f"document.activeElement.matches({selector!r})"):
            return
    pytest.fail(f"no way to {selector} by {key}")


def test_everything_works_without_a_script(site: Site, browser: Browser, clip: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(site.url)
    page.set_input_files("#file", clip)
    page.get_by_role("button", name="Upload").click()
    page.goto(f"{site.url}/library/")
    page.get_by_label("Kind").select_option("image")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".empty")).to_contain_text("None of your uploads fits.")
    page.get_by_role("link", name="Show all").click()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator(".messages")).to_have_text("Deleted.")
    context.close()
