"""Every page under axe (WCAG 2.2 AA and good practice), light and dark, wide and narrow."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.conftest import Site

pytestmark = pytest.mark.xdist_group("site")

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Which axe runs for who asks only: the first is how it looks at names that differ from the words.
ASKED = ["label-content-name-mismatch", "focus-order-semantics", "p-as-heading"]
RULES = {
    "runOnly": {"type": "tag", "values": TAGS},
    "rules": {rule: {"enabled": True} for rule in ASKED},
}
GRAVE = ("moderate", "serious", "critical")
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


@pytest.fixture(
    params=[SCREENS[0], pytest.param(SCREENS[1], marks=pytest.mark.long)],
    ids=["wide-light", "narrow-dark"],
)
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    size, colours = request.param
    context = browser.new_context(viewport=size, color_scheme=colours, reduced_motion="reduce")
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def pages(site: Site, film: Path, excerpt: Path, clip: Path) -> dict[str, str]:
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
    locked, gone = site.upload(clip), site.upload(clip)
    site.finished(locked["id"])
    site.rows(LOCK, locked["id"])
    shown = {"X-Upload-Secret": gone["secret"]}
    httpx.delete(f"{site.url}/api/v1/videos/{gone['id']}/", headers=shown).raise_for_status()
    return {
        "upload": "/",
        "search": "/search/",
        "result": f"/videos/{copy}/",
        "refused": f"/videos/{refused.headers['upload-video']}/?secret={secret}",
        "quarantined": f"/videos/{locked['id']}/?secret={locked['secret']}",
        "deleted": f"/videos/{gone['id']}/?secret={gone['secret']}",
        "missing": "/nothing/here",
        "sign in": "/account/sign-in/",
        "sign up": "/account/sign-up/",
        "mail sent": "/account/mail-sent/",
        "password reset": "/account/reset/",
        "used link": "/account/confirm/used/",
        "sign in as staff": "/admin/login/",
        "library": "/library/",
        "gallery": "/videos/",
        "help": "/help/",
    }


PAGES = [
    *("upload", "search", "result", "refused", "quarantined", "deleted", "missing"),
    *("sign in", "sign up", "mail sent", "password reset", "used link", "sign in as staff"),
    *("library", "gallery", "help"),
]

ACCOUNT = """
from django.contrib.auth.models import User
User.objects.create_user("{name}", "{name}", "correct horse 9")
"""
LOCK = "UPDATE videos_video SET state = 'quarantined', error_code = 'MALWARE' WHERE id = %s"


def faults(page: Page) -> list[str]:
    """What axe calls moderate or worse, and where."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{each['id']} ({each['impact']}): {node['html'][:120]}"
        for each in found
        if each["impact"] in GRAVE
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_grave(site: Site, pages: dict[str, str], page: Page, name: str) -> None:
    page.goto(f"{site.url}{pages[name]}")
    page.wait_for_load_state("networkidle")

    assert faults(page) == []


def test_nor_on_a_result_with_all_of_it_opened(
    site: Site, pages: dict[str, str], page: Page
) -> None:
    page.goto(f"{site.url}{pages['result']}")
    page.get_by_role("button", name="More frames").first.click()
    summaries = page.locator("summary:visible")
    for number in range(summaries.count()):
        summaries.nth(number).click()
    page.locator("[data-role=matched-points] img").first.wait_for()

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


def test_nor_in_an_account_and_on_the_pages_it_leads_to(site: Site, page: Page, clip: Path) -> None:
    name = f"{uuid.uuid4()}@example.org"
    made = site.manage("shell", "-c", ACCOUNT.format(name=name))
    assert made.returncode == 0, made.stderr
    page.goto(f"{site.url}/account/sign-in/")
    page.get_by_role("button", name="Sign in").click()
    page.fill("#id_username", name)
    page.fill("#id_password", "not this")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".problem")).to_contain_text("do not go together")
    assert faults(page) == []
    page.fill("#id_username", name)
    page.fill("#id_password", "correct horse 9")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("Your uploads")
    assert faults(page) == []
    for path in ("/account/", "/account/password/"):
        page.goto(f"{site.url}{path}")
        assert faults(page) == []

    page.goto(site.url)
    page.set_input_files("#file", clip)
    page.locator("[data-role=job-card][data-final=true]").wait_for()
    for view in ("table", "grid"):
        page.goto(f"{site.url}/library/?view={view}")
        page.get_by_role("checkbox", name="Choose clip.mp4").check()
        assert faults(page) == []
    page.get_by_role("button", name="Delete…").click()
    expect(page.locator("h1")).to_have_text("Delete this for good?")
    assert faults(page) == []
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator(".messages")).to_have_text("Deleted.")
    assert faults(page) == []
