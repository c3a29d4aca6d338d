"""Searching with a file in a real browser: drop, choose, paste, look at what was found."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import Site, wait_for
from tests.test_story import NARROW, Visit, browser, library_film, visit

# Fixtures of the story, which pytest finds by name.
__all__ = ["browser", "library_film", "visit"]

pytestmark = pytest.mark.xdist_group("site")

# Hands the page a file as a drop or a paste does: [event, name, type, base64].
HAND_OVER = """([event, name, type, content]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], name, { type }));
  const told = { bubbles: true, cancelable: true };
  const over = event === "paste" ? new ClipboardEvent(event, { ...told, clipboardData: files })
    : new DragEvent(event, { ...told, dataTransfer: files });
  document.querySelector("main").dispatchEvent(over);
  return over.defaultPrevented;
}"""


@pytest.fixture(scope="module")
def still(ffmpeg: Callable[..., None], film: Path) -> Path:
    """Second 6 of the film, smaller."""
    path = film.with_name("sixth-second.jpg")
    ffmpeg("-ss", "6", "-i", film, "-frames:v", "1", "-vf", "scale=256:-2", "-q:v", "4", path)
    return path


@pytest.fixture(scope="module")
def looped(ffmpeg: Callable[..., None], film: Path) -> bytes:
    """The film six times: so long that a worker searches with it."""
    path = film.with_name("looped.mp4")
    ffmpeg("-stream_loop", "5", "-i", film, "-c", "copy", path)
    return path.read_bytes()


@pytest.fixture
def long(looped: bytes, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Another file for each test: what was asked once is answered at once."""
    name = hashlib.sha256(request.node.name.encode()).digest()
    path = tmp_path / "long.mp4"
    path.write_bytes(looped + (8 + len(name)).to_bytes(4, "big") + b"free" + name)
    return path


def hand_over(page: Page, event: str, path: Path, kind: str) -> bool:
    content = base64.b64encode(path.read_bytes()).decode()
    taken: bool = page.evaluate(HAND_OVER, [event, path.name, kind, content])
    return taken


def playing_at(page: Page) -> float:
    page.wait_for_selector("#stage video")
    ready = "v => v.readyState >= 2 && !v.seeking"
    player = page.locator("#stage video")
    wait_for(lambda: player.evaluate(ready), "the player to stand at its second")
    found: float = player.evaluate("v => v.currentTime")
    return found


def test_a_chosen_excerpt_is_found_and_a_frame_plays_at_its_second(
    site: Site, visit: Visit, library_film: str, excerpt: Path
) -> None:
    visitor = visit()
    page = visitor.go("/search/")
    expect(page.get_by_role("link", name="Search", exact=True)).to_have_attribute(
        "aria-current", "page"
    )
    before = site.rows("SELECT count(*) FROM videos_video")
    page.set_input_files("#file", excerpt)
    expect(page.locator("[data-role=query] h2")).to_have_text("excerpt.mp4")
    match = page.locator(f"[data-role=match]:has(a[href='/videos/{library_film}/'])")
    expect(match.locator("h3")).to_have_text("film.mp4")
    expect(match).to_contain_text(re.compile(r"6\s+s of this are 6\s+s of\s+film\.mp4"))
    expect(match.locator(".chips")).to_contain_text("certain")
    expect(page.locator(".skeleton")).to_have_count(0)
    expect(page.locator("[data-role=query] .thumbnail")).to_have_attribute("aria-expanded", "false")
    assert site.rows("SELECT count(*) FROM videos_video") == before

    hit = match.locator("[data-role=hit]").nth(3)
    second = float((hit.get_attribute("href") or "").partition("#t=")[2])
    assert 3 <= second <= 9
    hit.click()
    page.wait_for_url(f"**/videos/{library_film}/#t=*")
    assert second <= playing_at(page) < second + 5

    page.go_back()
    # What was found is there again, without another search.
    expect(match.locator("[data-role=hit]").first).to_be_visible()


def test_a_still_is_dropped_and_a_pasted_one_found_too(
    visit: Visit, library_film: str, still: Path
) -> None:
    visitor = visit()
    page = visitor.go("/search/")
    for event in ("drop", "paste"):
        assert hand_over(page, event, still, "image/jpeg")
        match = page.locator(f"[data-role=match]:has(a[href='/videos/{library_film}/'])")
        expect(match).to_contain_text(
            re.compile(r"This image is (probably )?in film\.mp4 at 0:0[567]")
        )
        expect(page.locator("[data-role=query]")).to_have_count(1)
        expect(match.locator("[data-role=hit] img").first).to_be_visible()
    # Words that are pasted are nobody's file.
    assert not page.evaluate(
        """() => {
          const over = new ClipboardEvent("paste",
            { bubbles: true, cancelable: true, clipboardData: new DataTransfer() });
          document.body.dispatchEvent(over);
          return over.defaultPrevented;
        }"""
    )


def test_without_a_mouse_and_on_a_narrow_screen(
    visit: Visit, library_film: str, excerpt: Path
) -> None:
    visitor = visit(NARROW)
    page = visitor.go("/search/")
    visitor.fits()
    choose = page.get_by_role("button", name="Choose a file")
    choose.focus()
    with page.expect_file_chooser() as chooser:
        # Chromium is told to hand choosers over, and nobody waits until it was.
        page.wait_for_timeout(500)
        page.keyboard.press("Enter")
    chooser.value.set_files(excerpt)
    match = page.locator(f"[data-role=match]:has(a[href='/videos/{library_film}/'])")
    expect(match).to_be_visible()
    visitor.fits()
    expect(page.locator("#announcer")).to_contain_text("Found in")
    link = match.locator("h3 a")
    link.focus()
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    expect(focused).to_have_attribute("data-role", "hit")
    expect(focused).to_have_accessible_name(
        re.compile(r"Play film\.mp4 at\s+0:0[34]\.\d\s*, your 0:0\d\.\d,\s+\d+%\s+alike")
    )
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/videos/{library_film}/#t=*")
    assert playing_at(page) >= 3


def test_of_a_stranger_it_is_said_what_to_do(
    visit: Visit, stranger: Path, library_film: str
) -> None:
    page = visit().go("/search/")
    page.set_input_files("#file", stranger)
    expect(page.locator("#results-heading")).to_have_text("Nothing in the library matches this")
    expect(page.locator("#nothing")).to_contain_text("Upload it")
    expect(page.locator("[data-role=match]")).to_have_count(0)


def test_what_cannot_be_read_is_refused_in_plain_words_and_the_next_file_is_taken(
    visit: Visit, tmp_path: Path, library_film: str, excerpt: Path
) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear Bob,\nthis is not a video.\nAlice\n")
    visitor = visit()
    visitor.allowed.append("status of 415")
    page = visitor.go("/search/")
    page.set_input_files("#file", letter)
    problem = page.locator("[data-role=query] .problem")
    expect(problem).to_contain_text("This kind of file is not supported.")
    expect(problem.locator("code")).to_have_text("UNSUP")
    expect(page.locator("#results")).to_be_hidden()
    page.set_input_files("#file", excerpt)
    expect(page.locator("[data-role=match]").first).to_be_visible()
    expect(page.locator(".problem:visible")).to_have_count(0)


def test_after_a_broken_line_it_is_tried_again(
    visit: Visit, library_film: str, excerpt: Path
) -> None:
    visitor = visit()
    visitor.allowed.append("ERR_INTERNET_DISCONNECTED")
    page = visitor.go("/search/")
    page.context.set_offline(True)
    page.set_input_files("#file", excerpt)
    expect(page.locator(".problem code")).to_have_text("network")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("[data-role=match]").first).to_be_visible()


def test_a_search_that_is_cancelled_leaves_the_page_as_it_was(
    site: Site, visit: Visit, library_film: str, excerpt: Path
) -> None:
    visitor = visit()
    page = visitor.go("/search/")
    held = []
    page.route("**/api/v1/search/", lambda route: held.append(route))
    page.set_input_files("#file", excerpt)
    expect(page.locator(".skeleton").first).to_be_visible()
    page.get_by_role("button", name="Cancel the search with excerpt.mp4").click()
    expect(page.locator("[data-role=query]")).to_have_count(0)
    expect(page.locator("#results")).to_be_hidden()
    expect(page.locator("#choose")).to_be_focused()
    assert held


def test_a_long_search_is_followed_to_its_answer(
    site: Site, visit: Visit, library_film: str, long: Path
) -> None:
    visitor = visit()
    page = visitor.go("/search/")
    with site.workers_paused():
        page.set_input_files("#file", long)
        expect(page.locator("[data-role=query] [data-role=state]")).to_have_text(
            "Waiting for its turn"
        )
    match = page.locator(f"[data-role=match]:has(a[href='/videos/{library_film}/'])")
    expect(match).to_be_visible()
    shares = [float(share) for share in visitor.seen("share")]
    assert shares == sorted(shares)


# Twenty searches that workers seem to be at: no more are left to them.
OTHERS = """
INSERT INTO videos_search (id, state, filename, facts, storage_key, progress, attempts, token,
  lease_until, created_at, error_code, error_message, error_retryable)
SELECT gen_random_uuid(), 'running', 'other.mp4', '{}', '', 0, 1, 1,
  now() + interval '1 hour', now(), '', '', false FROM generate_series(1, 20)
"""


@pytest.fixture
def others_search(site: Site) -> Iterator[Callable[[], None]]:
    """As long as many others search; call it, and they have their answers."""

    def end() -> None:
        site.rows("DELETE FROM videos_search WHERE filename = 'other.mp4'")

    site.rows(OTHERS)
    yield end
    end()


def test_while_others_search_it_is_tried_again_when_the_server_says(
    visit: Visit, library_film: str, long: Path, others_search: Callable[[], None]
) -> None:
    visitor = visit()
    visitor.allowed.append("status of 503")
    page = visitor.page
    page.clock.install()
    visitor.go("/search/")
    page.set_input_files("#file", long)
    card = page.locator("[data-role=query]")
    expect(card.locator("[data-role=state]")).to_have_text("Others are searching")
    expect(card).to_contain_text(re.compile(r"It is tried again in [23]\d\sseconds"))
    expect(page.locator("#announcer")).to_contain_text("It is tried again by itself.")
    page.clock.run_for(10_000)
    expect(card).to_contain_text(re.compile(r"It is tried again in 1\d\sseconds"))
    expect(card.locator(".problem")).to_be_hidden()

    others_search()
    page.clock.run_for(25_000)
    match = page.locator(f"[data-role=match]:has(a[href='/videos/{library_film}/'])")
    expect(match).to_be_visible()


def test_waiting_for_others_can_be_cancelled(
    visit: Visit, library_film: str, long: Path, others_search: Callable[[], None]
) -> None:
    visitor = visit()
    visitor.allowed.append("status of 503")
    page = visitor.page
    page.clock.install()
    visitor.go("/search/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method))
    page.set_input_files("#file", long)
    expect(page.locator("[data-role=query]")).to_contain_text("It is tried again in")
    page.get_by_role("button", name="Cancel the search with long.mp4").click()
    expect(page.locator("[data-role=query]")).to_have_count(0)
    expect(page.locator("#choose")).to_be_focused()
    page.clock.run_for(60_000)
    assert asked.count("POST") == 1


def test_a_hostile_name_is_only_text(visit: Visit, library_film: str, still: Path) -> None:
    page = visit().go("/search/")
    name = "<img src=x onerror=alert(1)>.jpg"
    file = {"name": name, "mimeType": "image/jpeg", "buffer": still.read_bytes()}
    page.set_input_files("#file", file)  # type: ignore[arg-type]
    expect(page.locator("[data-role=query] h2")).to_have_text(name)
    expect(page.locator("[data-role=match]").first).to_be_visible()
    assert page.locator("img[src=x]").count() == 0


def test_a_videos_page_goes_to_the_second_its_address_names(
    visit: Visit, library_film: str
) -> None:
    visitor = visit()
    page = visitor.go(f"/videos/{library_film}/#t=7.5")
    assert playing_at(page) == pytest.approx(7.5, abs=4)
    page.evaluate("location.hash = '#t=2'")
    wait_for(lambda: playing_at(page) < 7, "the player to go back")
    visitor.go("/search/")
    unusable = visitor.go(f"/videos/{library_film}/#t=soon")
    assert playing_at(unusable) == 0
