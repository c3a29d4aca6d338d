"""The moderators' console under axe, light and dark, wide and narrow, and by keyboard alone."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.conftest import Site, open_folder, start_site, stop_site, wait_for
from tests.keys import Keys
from tests.test_accessibility import ARGUMENTS, SCREENS, faults

pytestmark = pytest.mark.xdist_group("desk")

PATIENCE = 60_000
PASSWORD = "harbour-at-dawn-7"
# A film under "block" and two copies: one is confirmed and blocked, one somebody else holds, and
# the pair of the copies waits.
PREPARE = f"""
import json
from django.contrib.auth.models import Group, User
from moderation.decide import Because, Ticket, answer_second_review, confirm
from moderation.models import Claim, Flag, SavedView
from moderation.registration import Rights, holder_named, register
from moderation.review import take
from videos.models import Video

def user(name, group):
    made = User.objects.create_user(name, password="{PASSWORD}", is_staff=True)
    made.groups.add(Group.objects.get(name=group))
    return made

def ticket(person, flag):
    hold = take(person, flag.pk)
    return Ticket(flag.pk, hold.flag.version, hold.token)

alice, bob, lena = user("alice", "Moderators"), user("bob", "Moderators"), user("lena", "Leads")
holder = holder_named("Seaside Films")
holder.policy = "block"
holder.save()
film = Video.objects.get(filename="film.mp4")
register(film.pk, Rights(holder, "CC BY 4.0", ["DE", "FR"]))
blocked, held = Flag.objects.filter(reference_id=film.pk).order_by("pk")
confirm(alice, ticket(alice, blocked), Because("partial_copy", "The same shots."))
agreed = answer_second_review(bob, ticket(bob, blocked), Because("partial_copy"), agrees=True)
take(bob, held.pk)
SavedView.objects.create(user=lena, name="Late ones", query="which=overdue")
open_flag = Flag.objects.exclude(pk__in=(blocked.pk, held.pk)).get()
print(json.dumps({{"flag": open_flag.pk, "held": held.pk, "decided": blocked.pk,
    "claim": Claim.objects.get().pk, "decision": agreed.pk}}))
"""
DESK = "/admin/moderation"
PAGES = {
    "first page": "/admin/",
    "queue": f"{DESK}/flag/?which=all",
    "empty queue": f"{DESK}/flag/?which=superseded",
    "statistics": f"{DESK}/flag/statistics/",
    "claims": f"{DESK}/claim/",
    "no claims": f"{DESK}/claim/?which=over",
    "claim": f"{DESK}/claim/{{claim}}/change/",
    "decisions": f"{DESK}/decision/",
    "decision": f"{DESK}/decision/{{decision}}/change/",
    "events": f"{DESK}/event/",
    "rule": f"{DESK}/allowrule/add/",
    "decided flag": f"{DESK}/flag/{{decided}}/review/",
    "held flag": f"{DESK}/flag/{{held}}/review/",
    "nothing to review": f"{DESK}/flag/review/?state=escalated",
}


@pytest.fixture(scope="module")
def desk(ffmpeg: Callable[..., None], film: Path) -> Iterator[tuple[Site, dict[str, int]]]:
    """A site with the three flags, and the numbers of what there is."""
    with open_folder() as folder:
        site = start_site(folder, TVIDZ_DEFAULT_VISIBILITY="public", TVIDZ_SECOND_REVIEW_SHARE="0")
        try:
            uploads = [site.upload(film, "film.mp4")["id"]]
            for number, quality in enumerate((24, 32)):
                copy = film.with_name(f"held-{number}.mp4")
                cut = ("-ss", "3", "-t", "6", "-i", film, "-vf", "scale=256:144")
                ffmpeg(*cut, "-crf", quality, copy)
                uploads.append(site.upload(copy)["id"])
            for video_id in uploads:
                site.finished(video_id)
            flags = "SELECT count(*) FROM moderation_flag WHERE state = 'open'"
            wait_for(lambda: site.rows(flags)[0][0] == 3, "three flags")
            done = site.manage("shell", "--no-imports", "-c", PREPARE)
            assert done.returncode == 0, done.stderr
            yield site, json.loads(done.stdout.splitlines()[-1])
        finally:
            stop_site(site)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def signed_in(desk: tuple[Site, dict[str, int]], browser: Browser) -> Any:
    """The lead's cookies."""
    site, _ = desk
    page = browser.new_page()
    page.goto(f"{site.url}/admin/login/?next=/admin/")
    page.fill("#id_username", "lena")
    page.fill("#id_password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#desk-title")).to_be_visible()
    kept = page.context.storage_state()
    page.close()
    return kept


@pytest.fixture(
    params=[SCREENS[0], pytest.param(SCREENS[1], marks=pytest.mark.long)],
    ids=["wide-light", "narrow-dark"],
)
def page(request: pytest.FixtureRequest, browser: Browser, signed_in: Any) -> Iterator[Page]:
    size, colours = request.param
    context = browser.new_context(
        viewport=size, color_scheme=colours, reduced_motion="reduce", storage_state=signed_in
    )
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def open_all(page: Page) -> None:
    """What is folded, as far as it is shown."""
    page.evaluate(
        "for (const one of document.querySelectorAll('details:not(.preferences)')) one.open = true"
    )


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_grave(desk: tuple[Site, dict[str, int]], page: Page, name: str) -> None:
    site, numbers = desk
    page.goto(f"{site.url}{PAGES[name].format(**numbers)}")
    page.wait_for_load_state("networkidle")
    open_all(page)

    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls aside"


def test_nor_on_the_review_screen_while_it_is_decided(
    desk: tuple[Site, dict[str, int]], page: Page
) -> None:
    site, numbers = desk
    page.goto(f"{site.url}{DESK}/flag/{numbers['flag']}/review/")
    expect(page.locator("#lease")).to_contain_text("yours for", timeout=PATIENCE)
    assert faults(page) == []
    page.keyboard.press("b")
    open_all(page)
    page.locator("[data-role=matched-points] img").first.wait_for()
    for key in ("d", "c"):
        page.keyboard.press(key)
        expect(page.locator(".reasons")).to_be_visible()
        assert faults(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator(".key-list")).to_be_visible()
    assert faults(page) == []


def test_who_lost_a_flag_is_told_so_in_sight_and_takes_it_again_with_what_they_wrote(
    desk: tuple[Site, dict[str, int]], page: Page
) -> None:
    site, numbers = desk
    page.goto(f"{site.url}{DESK}/flag/{numbers['flag']}/review/")
    expect(page.locator("#lease")).to_contain_text("yours for", timeout=PATIENCE)
    page.keyboard.press("n")
    page.locator("[data-role=note]").fill("the same shots")
    token = "UPDATE moderation_lease SET token = gen_random_uuid() WHERE flag_id = %s"
    site.rows(token, numbers["flag"])
    page.keyboard.press("Escape")
    page.keyboard.press("h")
    problem = page.locator("#problem")
    expect(problem).to_contain_text("LEASE_LOST", timeout=PATIENCE)
    expect(problem).to_be_in_viewport()
    assert faults(page) == []

    page.get_by_role("button", name="Take it again").click()

    expect(page.locator("#lease")).to_contain_text("yours for", timeout=PATIENCE)
    expect(problem).to_be_hidden()
    expect(page.locator("[data-role=note]")).to_have_value("the same shots")


@pytest.mark.parametrize("name", ["queue", "claim", "review"])
def test_tab_goes_once_through_the_whole_page_and_every_stop_is_seen(
    desk: tuple[Site, dict[str, int]], page: Page, name: str
) -> None:
    site, numbers = desk
    path = PAGES.get(name, f"{DESK}/flag/{{flag}}/review/").format(**numbers)
    page.goto(f"{site.url}{path}")
    page.wait_for_load_state("networkidle")
    if name == "review":
        expect(page.locator("#lease")).to_contain_text("yours for", timeout=PATIENCE)
        page.keyboard.press("b")
        # The title has the focus; the way back leads to the top.
        Keys(page).back_to(".skip-to-content-link")
        page.keyboard.press("Shift+Tab")
    open_all(page)

    stops = Keys(page).walk()

    assert len(stops) > 10
