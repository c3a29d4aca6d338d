"""The whole story in a real browser: upload, watch, read the verdict, compare side by side."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect, sync_playwright

from tests.conftest import Site, open_folder, start_site, stop_site, wait_for

pytestmark = pytest.mark.xdist_group("story")

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
]
WIDE = ViewportSize(width=1280, height=900)
NARROW = ViewportSize(width=360, height=740)
PATIENCE = 60_000
# Notes every state line, share and verdict a card or page ever shows: what came and went live.
RECORDER = """
window.seen = [];
new MutationObserver(() => {
  for (const what of ["state", "verdict", "cut", "duplicate"]) {
    for (const element of document.querySelectorAll(`[data-role=${what}]`)) {
      const line = element.parentElement;
      const words = what === "state" ? line.textContent
        : what === "cut" ? element.dataset.time
        : what === "duplicate" ? element.dataset.provisional : element.textContent;
      note(`${what}: ${words.trim().replace(/\\s+/g, " ")}`);
    }
  }
  for (const bar of document.querySelectorAll("[role=progressbar]:not([hidden])")) {
    note(`share: ${bar.getAttribute("aria-valuenow")}`);
  }
}).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
function note(line) {
  if (!window.seen.includes(line)) window.seen.push(line);
}
"""


@dataclass
class Visitor:
    """A browser with cookies of its own, and all that went wrong in it."""

    page: Page
    url: str
    allowed: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    media: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.add_init_script(RECORDER)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        self.page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))
        self.page.on("response", self._response)
        self.page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type}: {message.text}")

    def _response(self, response: Any) -> None:
        if "/media/" in response.url:
            self.media.append(response.status)

    def go(self, path: str) -> Page:
        self.page.goto(f"{self.url}{path}")
        # A reload would lose it.
        self.page.evaluate("window.sameDocument = true")
        return self.page

    def send(self, file: Path | Any) -> tuple[Locator, str]:
        """Choose a file on the upload page; its card and the video's id once it is taken in."""
        self.page.set_input_files("#file", file)
        card = self.page.locator("[data-role=job-card]").first
        expect(card).to_have_attribute("data-video", re.compile("."))
        return card, card.get_attribute("data-video") or ""

    def seen(self, kind: str) -> list[str]:
        """What of a kind was ever shown, without a reload in between."""
        assert self.page.evaluate("window.sameDocument") is True
        lines: list[str] = self.page.evaluate("window.seen")
        return [line.partition(": ")[2] for line in lines if line.startswith(f"{kind}: ")]

    def fits(self) -> None:
        """No sideways scrolling, once what is drawn by script has followed the window."""
        root = "document.documentElement"
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        width, room = self.page.evaluate(f"[{root}.scrollWidth, {root}.clientWidth]")
        assert width <= room, f"{self.page.url} is {width} px wide in {room}"

    def without_faults(self) -> None:
        kept = [fault for fault in self.faults if not any(words in fault for words in self.allowed)]
        assert kept == []


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site of the story's own: what others upload would be in its library, too."""
    with open_folder() as folder:
        running = start_site(folder, TVIDZ_DEFAULT_VISIBILITY="public")
        yield running
        stop_site(running)


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visit]:
    """A new visitor each time; at the end none of them has seen an error."""
    visitors: list[Visitor] = []

    def arrive(size: ViewportSize = WIDE) -> Visitor:
        context = browser.new_context(viewport=size)
        visitors.append(Visitor(context.new_page(), site.url))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        visitor.page.context.close()
    for visitor in visitors:
        visitor.without_faults()


@pytest.fixture(scope="module")
def library_film(site: Site, film: Path) -> str:
    """The film, in the library; the id."""
    video_id: str = site.upload(film)["id"]
    assert site.finished(video_id)["state"] == "ready"
    return video_id


def numbers(texts: list[str]) -> list[float]:
    return [float(text) for text in texts]


def test_an_upload_is_watched_to_its_end_without_a_reload(
    site: Site, visit: Visit, film: Path
) -> None:
    uploader, onlooker = visit(), visit()
    uploader.go("/")
    with site.workers_paused():
        card, video_id = uploader.send(film)
        expect(card.locator("[data-role=state]")).to_have_text("Waiting for its turn")
        page = onlooker.go(f"/videos/{video_id}/")
        expect(page.locator("#state")).to_have_text("Waiting for its turn")
        expect(page.locator("[data-role=cut]")).to_have_count(0)

    expect(card).to_have_attribute("data-state", "ready")
    expect(card.locator("[data-role=state]")).to_have_text("Done")
    expect(card.locator(".thumbnail img, .thumbnail canvas, .thumbnail video")).to_be_visible()
    shares = numbers(uploader.seen("share"))
    assert shares == sorted(shares)
    assert len([share for share in shares if 40 < share < 100]) >= 2, shares
    assert any("scene cut" in line for line in uploader.seen("state")), uploader.seen("state")

    expect(page.locator("#state")).to_have_text("Done")
    expect(page.locator("#stage video")).to_have_attribute("poster", re.compile("/media/"))
    expect(page.locator("#facts")).to_contain_text("320 × 180")
    assert sorted(numbers(onlooker.seen("cut"))) == pytest.approx([4, 8], abs=0.05)
    assert any("%" in line for line in onlooker.seen("state")), onlooker.seen("state")


def places(segment: Locator) -> list[float]:
    names = ("data-start", "data-end", "data-other-start", "data-other-end")
    return [float(segment.get_attribute(name) or "nan") for name in names]


PLAYERS = "[...document.querySelectorAll('[data-role=player-pair] video')]"


def positions(page: Page) -> list[float]:
    """Where the two players stand, once they have stopped seeking."""
    still = f"{PLAYERS}.filter(v => v.readyState >= 2 && !v.seeking).length === 2"
    # Not page.wait_for_function: its polling is what our Content-Security-Policy forbids.
    wait_for(lambda: page.evaluate(still), "both players to stand still")
    found: list[float] = page.evaluate(f"{PLAYERS}.map(v => v.currentTime)")
    return found


def plays_in_step(page: Page, segment: Locator, places_: list[float]) -> None:
    """Choosing the segment puts both players at its beginning and plays them in step."""
    start, _, other_start, _ = places_
    assert positions(page) == pytest.approx([start, other_start], abs=0.5)
    segment.click()
    begun = f"{PLAYERS}[0].currentTime > {start + 1}"
    wait_for(lambda: page.evaluate(begun), "the segment to be played")
    here, there = positions(page)
    assert there - here == pytest.approx(other_start - start, abs=0.5)
    page.locator("[data-role=play]").click()
    here, there = positions(page)
    assert there - here == pytest.approx(other_start - start, abs=0.5)
    wait_for(lambda: page.evaluate(f"{PLAYERS}.every(v => v.paused)"), "both players to pause")


def test_an_excerpt_is_found_live_and_both_players_stand_at_the_match(
    site: Site, visit: Visit, library_film: str, excerpt: Path
) -> None:
    uploader, onlooker = visit(), visit()
    uploader.go("/")
    with site.workers_paused():
        card, video_id = uploader.send(excerpt)
        page = onlooker.go(f"/videos/{video_id}/")
        expect(page.locator("#no-duplicates")).to_have_text(
            "Matches appear here as they are found."
        )
    match = page.locator(f"[data-role=duplicate]:has(a[href='/videos/{library_film}/'])")
    expect(match).to_have_attribute("data-provisional", "false")
    assert onlooker.seen("duplicate")

    expect(card).to_have_attribute("data-final", "true")
    expect(card.locator("[data-role=verdict]")).to_contain_text("film.mp4")
    card.get_by_role("link", name="See what matches").click()
    page = uploader.page
    page.wait_for_url(f"**/videos/{video_id}/")
    match = page.locator(f"[data-role=duplicate]:has(a[href='/videos/{library_film}/'])")
    segment = match.locator("[data-role=segment]")
    assert places(segment) == pytest.approx([0, 6, 3, 9], abs=0.5)
    expect(match.locator(".chips")).to_contain_text("certain")
    if not match.locator("[data-role=player-pair]").count():
        match.locator("[data-role=compare]").click()
    plays_in_step(page, segment, places(segment))
    points = match.locator("[data-role=matched-points]")
    assert points.locator("img").count() == 0, "pictures are drawn for who asks for them only"
    points.locator("summary").click()
    loaded = "image => image.complete && image.naturalWidth > 0"
    picture = points.locator("img").first
    wait_for(lambda: picture.evaluate(loaded), "the picture of matched points")
    assert set(uploader.media) <= {200, 206}
    assert 206 in uploader.media, "players seek by byte ranges"


def test_of_a_stranger_nothing_matches(site: Site, visit: Visit, newcomer: Path) -> None:
    visitor = visit()
    visitor.go("/")
    card, _ = visitor.send(newcomer)
    expect(card.locator("[data-role=verdict]")).to_have_text("Nothing in the library matches this.")
    card.get_by_role("link", name="Open").click()
    expect(visitor.page.locator("#verdict")).to_have_text("Nothing in the library matches this.")
    expect(visitor.page.locator("[data-role=duplicate]")).to_have_count(0)


@pytest.fixture(scope="session")
def newcomer(ffmpeg: Callable[..., None], film: Path) -> Path:
    """Five seconds of which nobody else uploads anything."""
    path = film.with_name("newcomer.mp4")
    scene = "life=s=64x36:r=25:seed=3021:ratio=0.2:mold=30,scale=320:180:flags=neighbor,boxblur=5"
    ffmpeg("-f", "lavfi", "-t", "5", "-i", scene, "-pix_fmt", "yuv420p", path)
    return path


def test_a_still_finds_the_film_it_was_taken_from(
    visit: Visit, library_film: str, film: Path, ffmpeg: Callable[..., None], tmp_path: Path
) -> None:
    still, saved = tmp_path / "taken.png", tmp_path / "still.jpg"
    ffmpeg("-ss", "5", "-i", film, "-frames:v", "1", still)
    ffmpeg("-i", still, "-vf", "scale=480:-2", "-q:v", "6", saved)
    visitor = visit()
    visitor.go("/")
    card, _ = visitor.send(saved)
    expect(card.locator("[data-role=verdict]")).to_contain_text(
        re.compile(r"This image is (probably )?in film\.mp4 at 0:0[456]")
    )
    card.get_by_role("link", name="See what matches").click()
    match = visitor.page.locator(f"[data-role=duplicate]:has(a[href='/videos/{library_film}/'])")
    expect(match).to_have_count(1)
    assert places(match.locator("[data-role=segment]").first)[2] == pytest.approx(5, abs=1)


def test_a_text_called_a_video_is_refused_in_plain_words(visit: Visit, tmp_path: Path) -> None:
    text = tmp_path / "letter.mp4"
    text.write_text("Dear Bob,\nthis is not a video.\nAlice\n")
    visitor = visit()
    visitor.go("/")
    card, _ = visitor.send(text)
    expect(card.locator("[data-role=state]")).to_have_text("Failed")
    problem = card.locator(".problem")
    expect(problem).to_contain_text("This kind of file is not supported.")
    expect(problem.locator("code")).to_have_text("UNSUP")
    expect(problem.get_by_role("button", name="Try again")).to_be_hidden()


HOSTILE = "<img src=x onerror=alert(1)>.mp4"


def test_a_hostile_name_is_only_text(
    site: Site, visit: Visit, newcomer: Path, admin_password: str
) -> None:
    visitor = visit()
    visitor.go("/")
    file = {"name": HOSTILE, "mimeType": "video/mp4", "buffer": newcomer.read_bytes()}
    card, video_id = visitor.send(file)
    expect(card.locator("h3")).to_have_text(HOSTILE)
    expect(card).to_have_attribute("data-final", "true")
    visitor.go("/")
    expect(visitor.page.locator("[data-role=job-card] h3").first).to_have_text(HOSTILE)
    page = visitor.go(f"/videos/{video_id}/")
    expect(page.locator("h1")).to_have_text(HOSTILE)
    assert HOSTILE in page.title()
    assert page.locator("img[src=x]").count() == 0
    page = sign_in(visitor, admin_password)
    visitor.go(f"/admin/videos/video/{video_id}/change/")
    expect(page.locator("#content")).to_contain_text(HOSTILE)
    assert page.locator("img[src=x]").count() == 0


def test_no_page_scrolls_sideways(
    site: Site, visit: Visit, library_film: str, excerpt: Path
) -> None:
    visitor = visit(NARROW)
    visitor.go("/")
    visitor.fits()
    card, video_id = visitor.send(excerpt)
    visitor.fits()
    expect(card).to_have_attribute("data-final", "true")
    visitor.fits()
    page = visitor.go(f"/videos/{video_id}/")
    expect(page.locator("[data-role=player-pair]")).to_be_visible()
    page.locator("details.cuts summary").click()
    visitor.fits()
    # A telephone that is turned and turned back.
    page.set_viewport_size(WIDE)
    visitor.fits()
    page.set_viewport_size(NARROW)
    visitor.fits()
    visitor.go(f"/videos/{library_film}/")
    visitor.fits()
    visitor.allowed.append("status of 404")
    visitor.go("/videos/00000000-0000-4000-8000-000000000000/")
    visitor.fits()


@pytest.fixture
def admin_password(site: Site) -> str:
    """The one that was printed at the first start."""
    printed = re.search(r"First admin: admin / (\S+)", site.output.read_text())
    assert printed
    return printed[1]


def sign_in(visitor: Visitor, password: str) -> Page:
    page = visitor.go("/admin/")
    page.fill("#id_username", "admin")
    page.fill("#id_password", password)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#user-tools")).to_be_visible()
    return page


LISTS = {
    "videos/video": "film.mp4",
    "videos/upload": "film.mp4",
    "videos/frameinfo": "film.mp4",
    "videos/scenecuts": "film.mp4",
    "videos/analysis": "film.mp4",
    "matching/duplicatelink": "excerpt.mp4 copies film.mp4",
    "matching/fingerprint": "film.mp4",
    "matching/featurevector": "film.mp4",
    "moderation/flag": "excerpt.mp4 copies film.mp4",
}


def test_the_admin_shows_everything_and_lets_nobody_write_it(
    site: Site, visit: Visit, library_film: str, excerpt: Path, admin_password: str
) -> None:
    site.finished(site.upload(excerpt)["id"])
    visitor = visit()
    page = sign_in(visitor, admin_password)
    for path, words in LISTS.items():
        answer = page.goto(f"{site.url}/admin/{path}/")
        assert answer is not None
        assert answer.status == 200, path
        expect(page.locator("#result_list")).to_contain_text(words)
        assert page.locator("#content .addlink").count() == 0, path
        assert page.locator("option[value=delete_selected]").count() == 0, path
        page.locator("#result_list tbody th a").first.click()
        expect(page.locator("#content h1")).to_be_visible()
        assert page.locator(".deletelink").count() == 0, path


def corpus_pair(corpus: Path, attack: str) -> tuple[Path, Path, list[float], bool]:
    """A real library video, a copy made by `attack`, the segment and whether it is mirrored."""
    truth = json.loads((corpus / "dev" / "gt.json").read_text())
    files = {reference["id"]: reference["file"] for reference in truth["refs"]}
    query = next(each for each in truth["queries"] if each["attack"] == attack)
    [copy] = query["copies"]
    names = ("q_start", "q_end", "r_start", "r_end")
    segment = [float(copy[name]) for name in names]
    folder = corpus / "dev"
    return folder / files[copy["ref_id"]], folder / query["file"], segment, copy["flipped"]


@pytest.mark.parametrize("attack", ["hflip", "reencode"])
def test_a_real_video_and_its_copy(site: Site, visit: Visit, corpus: Path, attack: str) -> None:
    original, copy, segment, mirrored = corpus_pair(corpus, attack)
    visitor = visit()
    visitor.go("/")
    card, original_id = visitor.send(original)
    expect(card).to_have_attribute("data-final", "true")
    card, video_id = visitor.send(copy)
    expect(card).to_have_attribute("data-final", "true")
    expect(card.locator("[data-role=verdict]")).to_contain_text("copy of" if mirrored else "of")
    page = visitor.go(f"/videos/{video_id}/")
    match = page.locator(f"[data-role=duplicate]:has(a[href='/videos/{original_id}/'])")
    expect(match.locator(".chips")).to_contain_text("certain")
    row = match.locator("[data-role=segment]").first
    assert places(row) == pytest.approx(segment, abs=1)
    if mirrored:
        expect(match.locator(".chips")).to_contain_text("mirrored")
    plays_in_step(page, row, places(row))
