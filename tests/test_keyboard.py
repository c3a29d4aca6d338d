"""Every way through the site with the keyboard alone: nothing here clicks or sets the focus."""

import re
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.conftest import Site, wait_for
from tests.keys import Keys
from tests.test_library_story import mailed_link
from tests.test_sending import RECEIVED, SIZE, SLOWLY, large, some_received, throttle
from tests.test_story import PLAYERS, Visit, browser, library_film, visit

# Fixtures of the stories, which pytest finds by name.
__all__ = ["browser", "large", "library_film", "visit"]

pytestmark = [pytest.mark.xdist_group("site"), pytest.mark.long]

CARD = "[data-role=job-card]"


@pytest.fixture(scope="module")
def copied(site: Site, library_film: str, excerpt: Path) -> str:
    """A video that copies one of the library; the id."""
    video_id: str = site.upload(excerpt)["id"]
    site.finished(video_id)
    return video_id


PAGES = ("/", "/search/", "/library/", "/videos/", "/help/", "/account/sign-in/")


@pytest.mark.parametrize("path", [*PAGES, "/account/sign-up/", "/account/reset/", "result"])
def test_tab_goes_once_through_the_whole_page_and_the_first_stop_leads_past_the_head(
    visit: Visit, copied: str, path: str
) -> None:
    page = visit().go(f"/videos/{copied}/" if path == "result" else path)
    page.wait_for_load_state("networkidle")
    keys = Keys(page)
    if keys.is_at("input"):
        # A page that is a form begins in its first field; the way back leads to the head.
        keys.back_to("a.skip")
        keys.press("Shift+Tab")

    stops = keys.walk()

    assert 'class="skip"' in stops[0]
    keys.to("a.skip")
    expect(page.locator("a.skip")).to_be_in_viewport()
    keys.press("Enter")
    assert keys.is_at("main")
    keys.press("Tab")
    inside = "document.querySelector('main, footer').contains(document.activeElement)"
    assert page.evaluate(inside)


def test_a_file_is_sent_paused_gone_on_with_and_cancelled(
    site: Site, visit: Visit, large: Path, clip: Path, tmp_path: Path
) -> None:
    page = visit().go("/")
    throttle(page, SLOWLY)
    keys = Keys(page)
    other = tmp_path / "other.mp4"
    other.write_bytes(large.read_bytes()[:-1] + b"1")
    keys.to("#choose")
    keys.choose_file([other, large])
    some_received(site)
    expect(page.locator(CARD)).to_have_count(2)

    hold = keys.to(f"{CARD} button[aria-label^=Pause]")
    expect(hold).to_have_accessible_name("Pause large.mp4")
    keys.press("Enter")
    state = page.locator(CARD).first.locator("[data-role=state]")
    expect(state).to_have_text("Paused")
    expect(hold).to_have_accessible_name("Go on large.mp4")
    keys.press("Space")
    expect(state).to_have_text("Sending")
    keys.to("button[aria-label='Cancel large.mp4']")
    keys.press("Enter")

    expect(page.locator(CARD)).to_have_count(1)
    keys.kept()
    assert keys.is_at(CARD)
    keys.to("button[aria-label='Cancel other.mp4']")
    keys.press("Enter")
    expect(page.locator(CARD)).to_have_count(0)
    keys.kept()
    assert keys.is_at("#choose")
    wait_for(lambda: not site.rows(RECEIVED, SIZE), "the uploads to be forgotten")


def test_a_button_that_goes_when_all_is_sent_leaves_the_focus_at_its_card(
    site: Site, visit: Visit, large: Path
) -> None:
    page = visit().go("/")
    throttle(page, SLOWLY)
    keys = Keys(page)
    keys.to("#choose")
    keys.choose_file(large, "Space")
    some_received(site)
    keys.to("button[aria-label='Pause large.mp4']")
    throttle(page, -1)

    expect(page.locator(CARD).first).to_have_attribute("data-final", "true")
    keys.kept()
    assert keys.is_at(f"{CARD}, {CARD} *")
    # "Open", or "See what matches" where another test has sent the same pictures.
    keys.to(f"{CARD} .job-result a[aria-label$='large.mp4']")


def test_what_an_earlier_visit_left_is_chosen_again_or_given_up(
    site: Site, visit: Visit, large: Path
) -> None:
    visitor = visit()
    visitor.allowed.append("dialog")
    page = visitor.go("/")
    throttle(page, SLOWLY)
    keys = Keys(page)
    keys.to("#choose")
    keys.choose_file(large)
    some_received(site)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    stopped = page.locator("[data-role=unfinished]")
    expect(stopped).to_be_visible()

    keys.to("[data-role=unfinished] .job-result button")
    keys.choose_file(large)
    expect(stopped).to_have_count(0)
    keys.kept()
    assert keys.is_at(CARD)
    some_received(site)
    page.reload()
    expect(stopped).to_be_visible()
    keys.to("[data-role=unfinished] button[aria-label='Give up large.mp4']")
    keys.press("Enter")
    expect(stopped).to_have_count(0)
    keys.kept()
    assert keys.is_at("#choose")


def test_a_result_is_opened_from_its_card_and_looked_at(
    site: Site, visit: Visit, library_film: str, excerpt: Path, tmp_path: Path
) -> None:
    page = visit().go("/")
    keys = Keys(page)
    keys.to("#choose")
    keys.choose_file(excerpt)
    expect(page.locator(CARD).first).to_have_attribute("data-final", "true")
    keys.to(f"{CARD} .job-result a.primary")
    keys.press("Enter")
    page.wait_for_url("**/videos/*-*/")
    match = page.locator("[data-role=player-pair]")
    match.wait_for()

    keys.to("[role=slider].timeline-track")
    keys.press("ArrowRight")
    expect(page.locator(".timeline-track")).to_have_attribute("aria-valuenow", "1.0")
    keys.to("#exports a[href$='.csv']")
    with page.expect_download() as saved:
        keys.press("Enter")
    assert saved.value.suggested_filename.endswith(".csv")
    keys.kept()

    keys.to(".map-segment")
    keys.press("Enter")
    wait_for(lambda: page.evaluate(f"{PLAYERS}[0].currentTime > 1"), "both to play")
    keys.kept()
    keys.to("[data-role=play]")
    keys.press("Space")
    wait_for(lambda: page.evaluate(f"{PLAYERS}.every(v => v.paused)"), "both to pause")
    before = page.evaluate(f"{PLAYERS}[0].currentTime")
    keys.press(".")
    wait_for(lambda: page.evaluate(f"{PLAYERS}[0].currentTime") > before, "a frame on")
    keys.to("[data-role=segment]")
    pair = keys.to("[data-role=frame-pair]")
    keys.press("Tab")
    expect(pair).to_have_accessible_name(
        re.compile(r"Show\s+0:0\d\.\d\s+here,\s+\d+%\s+alike,\s+0:0\d\.\d\s+there")
    )
    second = float(re.findall(r"0:0(\d\.\d)", pair.inner_text())[0])
    keys.press("Enter")
    place = f"Math.abs({PLAYERS}[0].currentTime - {second}) < 0.1"
    wait_for(lambda: page.evaluate(place), f"the players to stand at {second}")
    keys.kept()
    keys.to("[data-role=matched-points] summary")
    keys.press("Enter")
    expect(page.locator("[data-role=matched-points] img").first).to_be_visible()


def test_what_comes_in_while_a_page_is_read_takes_the_focus_from_nobody(
    site: Site, visit: Visit, library_film: str, excerpt: Path
) -> None:
    visitor = visit()
    page = visitor.go("/")
    keys = Keys(page)
    with site.workers_paused():
        keys.to("#choose")
        keys.choose_file(excerpt)
        card = page.locator(CARD).first
        expect(card).to_have_attribute("data-video", re.compile("."))
        visitor.go(f"/videos/{card.get_attribute('data-video')}/")
        keys.to("[role=slider].timeline-track")
    segment = page.locator("[data-role=segment]").first
    segment.wait_for()
    keys.to("[data-role=segment]")
    for _ in range(20):
        keys.kept()
        page.wait_for_timeout(100)
    expect(page.locator("#state")).to_have_text("Done")
    assert keys.is_at("[data-role=segment]")


def test_a_search_finds_and_a_hit_is_opened(
    visit: Visit, library_film: str, excerpt: Path, stranger: Path
) -> None:
    page = visit().go("/search/")
    keys = Keys(page)
    keys.to("#choose")
    keys.choose_file(stranger)
    expect(page.locator("#nothing")).to_be_visible()
    assert keys.is_at("#choose")
    keys.choose_file(excerpt)
    expect(page.locator("[data-role=match]").first).to_be_visible()
    keys.kept()
    keys.to(f"[data-role=hit][href*='{library_film}']")
    keys.press("Enter")
    page.wait_for_url(f"**/videos/{library_film}/#t=*")


def test_the_focus_goes_from_a_search_that_ends_to_what_it_found(
    visit: Visit, library_film: str, excerpt: Path
) -> None:
    page = visit().go("/search/")
    keys = Keys(page)
    held = []
    page.route("**/api/v1/search/", lambda route: held.append(route))
    keys.to("#choose")
    keys.choose_file(excerpt)
    keys.to("[data-role=cancel]")
    while not held:
        page.wait_for_timeout(50)
    held[0].continue_()
    expect(page.locator("[data-role=match]").first).to_be_visible()
    keys.kept()
    assert keys.is_at("#results-heading")

    keys.back_to("#choose")
    keys.choose_file(excerpt)
    keys.to("[data-role=cancel]")
    keys.press("Enter")
    expect(page.locator("[data-role=query]")).to_have_count(0)
    assert keys.is_at("#choose")


def test_the_library_is_filtered_marked_and_cleared(
    site: Site, visit: Visit, clip: Path, picture: Path
) -> None:
    page = visit().go("/")
    keys = Keys(page)
    for path in (clip, picture):
        keys.to("#choose")
        keys.choose_file(path)
        expect(page.locator(f"{CARD}[data-final=true]", has_text=path.name)).to_be_visible()
    keys.back_to("a[href='/library/']")
    keys.press("Enter")
    page.wait_for_url("**/library/")
    rows = page.locator("li.upload")
    expect(rows).to_have_count(2)

    keys.to("select[name=kind]")
    keys.press("ArrowDown")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("clip.mp4")
    assert keys.is_at("select[name=kind]"), "filtering left the focus where it was"
    keys.press("ArrowDown")
    expect(rows).to_contain_text("picture.jpg")
    expect(page.locator("#announcer")).to_have_text(re.compile(r"^1\s"))
    assert "kind=image" in page.url
    keys.back_to("input[name=text]")
    keys.write("harbour")
    keys.press("Enter")
    expect(page.locator("#found .empty")).to_contain_text("None of your uploads fits.")
    keys.kept()
    keys.to("#found .empty a")
    keys.press("Enter")
    expect(rows).to_have_count(2)

    keys.to("#all")
    keys.press("Space")
    expect(page.locator("#announcer")).to_have_text("2 files chosen.")
    keys.to("button.danger")
    keys.press("Enter")
    expect(page.locator("h1")).to_have_text("Delete 2 files for good?")
    keys.to(".actions a.button")
    keys.press("Enter")
    expect(rows).to_have_count(2)
    keys.to("li.upload input")
    keys.press("Space")
    expect(page.locator("#announcer")).to_have_text("1 file chosen.")
    keys.back_to("button.danger")
    keys.press("Enter")
    expect(page.locator("h1")).to_have_text("Delete this for good?")
    keys.to("button[name=confirmed]")
    keys.press("Enter")
    expect(page.locator(".messages")).to_have_text("Deleted.")
    expect(rows).to_have_count(1)
    keys.kept()
    keys.to("li.upload input")


@pytest.fixture(scope="module")
def picture(ffmpeg: Callable[..., None], clip: Path) -> Path:
    path = clip.with_name("picture.jpg")
    ffmpeg("-i", clip, "-frames:v", "1", path)
    return path


def test_an_account_is_made_left_and_come_back_to(site: Site, visit: Visit) -> None:
    address, password = f"{uuid.uuid4()}@example.org", "correct horse 9"
    page = visit().go("/")
    keys = Keys(page)
    keys.to("a[href^='/account/sign-in/']")
    keys.press("Enter")
    page.wait_for_url("**/account/sign-in/**")
    expect(page.locator("#id_username")).to_be_focused()
    keys.to("a[href='/account/sign-up/']")
    keys.press("Enter")
    page.wait_for_url("**/account/sign-up/")
    keys.to("#id_email")
    keys.write(address)
    keys.press("Enter")
    expect(page.locator("h1")).to_contain_text("your mail")

    page.goto(mailed_link(site, address))
    keys.to("#id_new_password1")
    keys.write(password)
    keys.to("#id_new_password2")
    keys.write(password)
    keys.press("Enter")
    expect(page.locator(".who")).to_contain_text(address)
    keys.back_to(".sign-out button")
    keys.press("Enter")
    page.wait_for_url(site.url + "/")

    keys.to("a[href^='/account/sign-in/']")
    keys.press("Enter")
    expect(page.locator("#id_username")).to_be_focused()
    keys.write(address)
    keys.to("#id_password")
    keys.write("wrong")
    keys.press("Enter")
    expect(page.locator(".problem")).to_contain_text("do not go together")
    keys.kept()
    keys.to("#id_password")
    keys.write(password)
    keys.press("Enter")
    page.wait_for_url("**/library/")
    expect(page.locator(".who")).to_contain_text(address)
