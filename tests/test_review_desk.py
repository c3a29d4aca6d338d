"""The review screen in a real browser: ten flags with the keyboard alone, and what is on screen."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.conftest import Site, open_folder, start_site, stop_site, wait_for

pytestmark = pytest.mark.xdist_group("desk")

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
PATIENCE = 60_000
PASSWORD = "harbour-at-dawn-7"
PEOPLE = f"""
from django.contrib.auth.models import Group, User
for name, group in (("alice", "Moderators"), ("bob", "Moderators"), ("charlie", "Leads")):
    user = User.objects.create_user(name, password="{PASSWORD}", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
"""
PLAYERS = "[...document.querySelectorAll('[data-role=player-pair] video')]"


@pytest.fixture(scope="module")
def desk(ffmpeg: Callable[..., None], film: Path) -> Iterator[Site]:
    """A film and four copies of the same six seconds of it: ten pairs that match."""
    with open_folder() as folder:
        site = start_site(folder, TVIDZ_DEFAULT_VISIBILITY="public", TVIDZ_SECOND_REVIEW_SHARE="0")
        done = site.manage("shell", "--no-imports", "-c", PEOPLE)
        assert done.returncode == 0, done.stderr
        uploads = [site.upload(film)["id"]]
        for number, quality in enumerate((24, 28, 32, 36)):
            copy = film.with_name(f"copy-{number}.mp4")
            ffmpeg("-ss", "3", "-t", "6", "-i", film, "-vf", "scale=256:144", "-crf", quality, copy)
            uploads.append(site.upload(copy)["id"])
        for video_id in uploads:
            site.finished(video_id)
        flags = "SELECT count(*) FROM moderation_flag WHERE state = 'open'"
        wait_for(lambda: site.rows(flags)[0][0] == 10, "ten flags")
        yield site
        stop_site(site)


@pytest.fixture
def page(desk: Site, chromium: str) -> Iterator[Page]:
    """A browser whose pointer nobody touches; at the end nothing has gone wrong in it."""
    faults: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda message: faults.append(message.text) if message.type == "error" else None,
        )
        yield page
        browser.close()
    assert [fault for fault in faults if "status of 403" not in fault] == []


def sign_in(page: Page, site: Site, name: str) -> None:
    """By keyboard: the first field has the focus."""
    page.goto(f"{site.url}/admin/login/?next=/admin/moderation/flag/")
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#changelist")).to_be_visible()


def tab_to(page: Page, words: str) -> None:
    """Press Tab until what has the focus is called so."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == words:
            return
    pytest.fail(f"Tab never reaches “{words}”")


def on_screen(page: Page) -> str:
    """The flag's two names, once they are shown and it is held."""
    expect(page.locator("#lease")).to_contain_text("yours for")
    return page.locator("#title").inner_text()


def decided(site: Site) -> list[tuple[str, str, str]]:
    return [
        (row[0], row[1], row[2])
        for row in site.rows(
            "SELECT verdict, reason, moderator_name FROM moderation_decision ORDER BY id"
        )
    ]


def test_before_anybody_plays_both_players_show_where_the_match_begins_and_no_thumbnail(
    desk: Site, page: Page
) -> None:
    sign_in(page, desk, "bob")
    page.get_by_role("link", name="Review the queue").click()
    on_screen(page)
    page.keyboard.press("b")
    wait_for(lambda: page.evaluate(f"{PLAYERS}.every(v => v.readyState > 2)"), "both to load")
    left = page.locator("[data-role=player-pair] video").first
    assert left.get_attribute("poster")
    page.wait_for_timeout(500)

    shown = left.screenshot()
    left.evaluate("video => video.removeAttribute('poster')")
    page.wait_for_timeout(500)

    assert left.screenshot() == shown
    page.goto(f"{desk.url}/admin/")
    leases = "SELECT count(*) FROM moderation_lease"
    wait_for(lambda: desk.rows(leases)[0][0] == 0, "the lease to be given back")


def test_a_chosen_segment_puts_both_players_at_the_match_and_pictures_wait_until_asked(
    desk: Site, page: Page
) -> None:
    sign_in(page, desk, "bob")
    tab_to(page, "Review the queue")
    page.keyboard.press("Enter")
    on_screen(page)
    blurred = "getComputedStyle(document.querySelector('.evidence video')).filter"
    assert "blur" in page.evaluate(blurred)
    page.keyboard.press("b")
    assert page.evaluate(blurred) == "none"

    segment = page.locator("[data-role=segment]").first
    start, there = (
        float(segment.get_attribute(name) or "nan") for name in ("data-start", "data-other-start")
    )
    segment.focus()
    page.keyboard.press("Enter")

    playing = f"{PLAYERS}.every(v => !v.paused) && {PLAYERS}[0].currentTime > {start} + 1"
    wait_for(lambda: page.evaluate(playing), "both to play")
    here, other = page.evaluate(f"{PLAYERS}.map(v => v.currentTime)")
    assert other - here == pytest.approx(there - start, abs=0.5)
    page.keyboard.press(".")
    wait_for(lambda: page.evaluate(f"{PLAYERS}.every(v => v.paused)"), "both to pause")
    # Whoever leaves the screen gives the flag back.
    page.goto(f"{desk.url}/admin/")
    leases = "SELECT count(*) FROM moderation_lease"
    wait_for(lambda: desk.rows(leases)[0][0] == 0, "the lease to be given back")


def test_ten_flags_are_cleared_with_the_keyboard_alone(desk: Site, page: Page) -> None:
    sign_in(page, desk, "alice")
    tab_to(page, "Review the queue")
    page.keyboard.press("Enter")
    first = on_screen(page)

    # Skipped, the next one is there, and k goes back to it.
    page.keyboard.press("s")
    expect(page.locator("#title")).not_to_have_text(first)
    on_screen(page)
    page.keyboard.press("k")
    expect(page.locator("#title")).to_have_text(first)
    on_screen(page)

    # A note is written, and is on record with the decision, which is taken back and made anew.
    page.keyboard.press("n")
    page.keyboard.type("the same harbour")
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    expect(page.locator("[data-reason=not_the_same]")).to_be_focused()
    page.keyboard.press("1")
    expect(page.locator(".undo-bar")).to_contain_text("Dismissed")
    expect(page.locator("#title")).not_to_have_text(first)
    page.keyboard.press("u")
    expect(page.locator("#title")).to_have_text(first)
    on_screen(page)

    for number in range(10):
        name = on_screen(page)
        page.keyboard.press("b")
        if number % 2:
            page.keyboard.press("c")
            expect(page.locator(".reasons")).to_be_visible()
            page.keyboard.press("2")
        else:
            page.keyboard.press("d")
            page.keyboard.press("ArrowRight")
            page.keyboard.press("2")
        gone = page.locator("#none") if number == 9 else page.locator("#title")
        if number == 9:
            expect(gone).to_be_visible()
        else:
            expect(gone).not_to_have_text(name)

    expect(page.locator("#none")).to_contain_text("Nothing waits for you")
    told = decided(desk)
    assert told[0] == ("dismissed", "not_the_same", "alice")
    assert [row[:2] for row in told[1:]] == [
        ("dismissed", "licensed"),
        ("confirmed", "partial_copy"),
    ] * 5
    states = dict(desk.rows("SELECT state, count(*) FROM moderation_flag GROUP BY state"))
    assert states == {"dismissed": 5, "confirmed": 5}
    notes = desk.rows("SELECT note FROM moderation_decision WHERE note <> ''")
    assert notes == [("the same harbour",)]


DECIDED_BY_ALICE = """
from django.contrib.auth.models import User
from moderation.decide import Because, Ticket, dismiss, reopen
from moderation.models import Flag
from moderation.review import take
flag = Flag.objects.order_by("pk").first()
if flag.state in ("dismissed", "confirmed"):
    reopen(User.objects.get(username="charlie"), flag.pk, flag.version, "mistake")
alice = User.objects.get(username="alice")
hold = take(alice, flag.pk)
dismiss(alice, Ticket(flag.pk, hold.flag.version, hold.token), Because("licensed"))
print(flag.pk)
"""


def test_a_lead_reopens_a_decided_flag_and_hands_it_over(desk: Site, page: Page) -> None:
    number = int(desk.manage("shell", "--no-imports", "-c", DECIDED_BY_ALICE).stdout.split()[-1])
    flag = f"SELECT state FROM moderation_flag WHERE id = {number}"
    holder = f"SELECT moderator_name FROM moderation_lease WHERE flag_id = {number}"
    sign_in(page, desk, "charlie")
    page.goto(f"{desk.url}/admin/moderation/flag/{number}/review/")
    expect(page.locator("#title")).to_contain_text("a copy of")
    expect(page.locator("#problem")).to_be_hidden()
    expect(page.locator("#facts")).to_contain_text("dismissed: Licensed – alice")

    page.keyboard.press("r")
    expect(page.locator("[data-reason=mistake]")).to_be_focused()
    page.keyboard.press("1")
    expect(page.locator("#policy")).to_contain_text("open ·")
    assert desk.rows(flag) == [("open",)]

    page.reload()
    on_screen(page)
    page.locator(".hand-over summary").click()
    page.locator(".hand-over select").select_option("bob")
    page.locator("[data-role=hand-over]").click()
    expect(page.locator("#lease")).to_contain_text("bob has it for")
    assert desk.rows(holder) == [("bob",)]
    page.locator(".hand-over summary").click()
    page.locator("[data-role=take-over]").click()
    on_screen(page)
    assert desk.rows(holder) == [("charlie",)]

    page.get_by_role("link", name="Evidence of").first.click()
    expect(page.locator(".frozen-pictures img").first).to_be_visible()
    wide = "[...document.querySelectorAll('.frozen-pictures img')].every(i => i.naturalWidth > 0)"
    assert page.evaluate(wide)


def test_who_is_no_moderator_reads_the_list_and_is_offered_no_decision(
    desk: Site, page: Page
) -> None:
    printed = re.search(r"First admin: admin / (\S+)", desk.output.read_text())
    assert printed
    page.goto(f"{desk.url}/admin/login/?next=/admin/moderation/flag/?which=all")
    page.keyboard.type("admin")
    page.keyboard.press("Tab")
    page.keyboard.type(printed[1])
    page.keyboard.press("Enter")

    expect(page.locator("#result_list")).to_contain_text("copies film.mp4")
    assert page.locator("text=Review the queue").count() == 0
    assert page.locator("select[name=action] option[value=dismiss_selected]").count() == 0
    answer = page.goto(f"{desk.url}/admin/moderation/flag/review/")
    assert answer is not None
    assert answer.status == 403
