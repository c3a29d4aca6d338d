"""A file's name, its title and what stands inside it are text wherever they are shown."""

import csv
import re
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import Site
from tests.test_story import Visit, Visitor, admin_password, browser, sign_in, visit

# Fixtures of the story, which pytest finds by name.
__all__ = ["admin_password", "browser", "visit"]

pytestmark = pytest.mark.xdist_group("site")

NAME = "<img src=x onerror=alert(1)>.mp4"
# Ends what it may stand in: a script, an attribute, a template's expression, a spreadsheet's cell.
TITLE = "=cmd|\"</script><script>alert(2)</script><svg onload=alert(3)>'`${alert(4)}{{ 7*7 }}<!--"
# What only markup that was taken for markup would have made.
INJECTED = """() => [...document.querySelectorAll(
    "img[src=x], [onerror], [onload], script:not([src]):not([type='application/json'])")]
  .map((one) => one.outerHTML.slice(0, 200))"""
SCENE = "life=s=64x36:r=25:seed=77:ratio=0.25:mold=20,scale=320:180:flags=neighbor,boxblur=4"


@pytest.fixture(scope="module")
def marked(ffmpeg: Callable[..., None], film: Path) -> Path:
    """Six seconds that name themselves and their maker in markup."""
    path = film.with_name("marked.mp4")
    words = ("-metadata", f"title={TITLE}", "-metadata", f"artist={NAME}", "-pix_fmt", "yuv420p")
    ffmpeg("-f", "lavfi", "-t", "6", "-i", SCENE, *words, path)
    return path


@pytest.fixture(scope="module")
def copy(ffmpeg: Callable[..., None], marked: Path) -> Path:
    path = marked.with_name("copy.mp4")
    ffmpeg("-i", marked, "-vf", "scale=256:144", "-crf", "30", path)
    return path


@pytest.fixture
def owner(visit: Visit) -> Iterator[Visitor]:
    """Sees nothing injected on any page, to the end."""
    visitor = visit()
    yield visitor
    unharmed(visitor.page)


def unharmed(page: Page) -> None:
    assert page.evaluate(INJECTED) == []


def call(page: Page, video_id: str, title: str) -> None:
    """Give the video a title, as its owner's browser may."""
    cookies = {each["name"]: each["value"] for each in page.context.cookies()}
    answer = page.request.patch(
        page.url.rpartition("/")[0] + f"/api/v1/videos/{video_id}/",
        data={"title": title},
        headers={"X-CSRFToken": cookies["csrftoken"]},
    )
    assert answer.ok, answer.text()


def test_from_the_card_to_the_admin_markup_stays_text(
    site: Site, owner: Visitor, visit: Visit, marked: Path, copy: Path, admin_password: str
) -> None:
    page = owner.go("/")
    file = {"name": NAME, "mimeType": "video/mp4", "buffer": marked.read_bytes()}
    card, video_id = owner.send(file)
    expect(card).to_have_attribute("data-final", "true")
    expect(card.locator("h3")).to_have_text(NAME)
    unharmed(page)
    copied = site.upload(copy)["id"]
    site.finished(copied)

    for called in (NAME, TITLE):
        shows_it_everywhere(site, owner, video_id, copied, copy, called)
        shows_it_to_staff(visit(), video_id, called, admin_password)
        if called is NAME:
            owner.go("/")
            call(page, video_id, TITLE)


def shows_it_everywhere(
    site: Site, owner: Visitor, video_id: str, copied: str, copy: Path, called: str
) -> None:
    page = owner.go("/")
    expect(page.locator("[data-role=job-card] h3").first).to_have_text(called)
    unharmed(page)
    owner.go(f"/videos/{video_id}/")
    expect(page.locator("h1")).to_have_text(called)
    assert called in page.title()
    unharmed(page)

    owner.go(f"/videos/{copied}/")
    match = page.locator(f"[data-role=duplicate]:has(a[href='/videos/{video_id}/'])")
    expect(match.locator("h3")).to_have_text(called)
    expect(match).to_have_attribute("aria-label", re.compile(re.escape(called)))
    expect(page.locator("#verdict em")).to_have_attribute("title", called)
    expect(page.locator("[data-role=player-pair]")).to_be_visible()
    unharmed(page)
    exports_it(page, site, copied, called)

    owner.go("/search/")
    page.set_input_files("#file", copy)
    hit = page.locator(f"[data-role=match]:has(a[href='/videos/{video_id}/'])")
    expect(hit.locator("h3")).to_have_text(called)
    unharmed(page)

    for view in ("table", "grid"):
        owner.go(f"/library/?view={view}&text={quote(called)}")
        expect(page.locator("input[name=text]")).to_have_value(called)
        row = page.locator("li.upload")
        expect(row.locator(".name")).to_have_text(called)
        unharmed(page)
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Delete…").click()
    expect(page.locator(".named")).to_have_text(called)
    unharmed(page)
    owner.go(f"/videos/?text={quote(called)}")
    expect(page.locator(".gallery .name")).to_have_text(called)
    unharmed(page)
    owner.go(f"/videos/?text={quote(called + '?')}")
    expect(page.locator(".empty")).to_contain_text(called)
    unharmed(page)


def exports_it(page: Page, site: Site, copied: str, called: str) -> None:
    """As text to keep: quoted, and no formula for a spreadsheet."""
    base = f"{site.url}/api/v1/videos/{copied}/matches"
    table = page.request.get(f"{base}.csv")
    told = page.request.get(f"{base}.json")
    for answer in (table, told):
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert answer.headers["x-content-type-options"] == "nosniff"
    cell = f"'{called}" if called.startswith("=") else called
    assert cell in [row["other_name"] for row in csv.DictReader(StringIO(table.text()))]
    assert called in [row["other_name"] for row in told.json()["matches"]]


def shows_it_to_staff(staff: Visitor, video_id: str, called: str, password: str) -> None:
    page = sign_in(staff, password)
    staff.go("/admin/videos/video/")
    expect(page.locator("#result_list")).to_contain_text(called)
    unharmed(page)
    staff.go(f"/admin/videos/video/{video_id}/change/")
    expect(page.locator("#content")).to_contain_text(called)
    assert page.evaluate("(title) => document.title.includes(title)", called)
    unharmed(page)
    for path in ("matching/duplicatelink", "moderation/flag", "videos/analysis", "videos/upload"):
        staff.go(f"/admin/{path}/")
        expect(page.locator("#result_list")).to_contain_text(called)
        unharmed(page)
    staff.go("/admin/videos/video/")
    page.locator(f"input[name=_selected_action][value='{video_id}']").check()
    page.locator("select[name=action]").select_option("delete_for_good")
    page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).first.click()
    expect(page.locator("#content")).to_contain_text(called)
    unharmed(page)
