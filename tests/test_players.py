"""The player pair: swapped, laid over each other, and the outline of one picture in the other."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, sync_playwright

from tests.conftest import Site, wait_for

pytestmark = pytest.mark.xdist_group("site")

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
PLAYERS = "[...document.querySelectorAll('[data-role=player-pair] video')]"


@pytest.fixture(scope="module")
def reframed(ffmpeg: Callable[..., None], film: Path) -> Path:
    """Six seconds of the film, mirrored, and of its picture the upper left two thirds."""
    path = film.with_name("reframed.mp4")
    words = "crop=iw*2/3:ih*2/3:0:0,hflip,scale=320:180"
    ffmpeg("-ss", "3", "-t", "6", "-i", film, "-vf", words, "-pix_fmt", "yuv420p", path)
    return path


@pytest.fixture(scope="module")
def copy(site: Site, film: Path, reframed: Path) -> str:
    """The id of the copy; uploaded once, as its own copy would be its best match."""
    site.finished(site.upload(film)["id"])
    video_id: str = site.upload(reframed)["id"]
    site.finished(video_id)
    return video_id


@pytest.fixture
def pair(site: Site, chromium: str, copy: str) -> Iterator[Page]:
    """The page of the copy, its players at the same moment of both."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(60_000)
        page.goto(f"{site.url}/videos/{copy}/")
        page.locator("[data-role=player-pair]").wait_for()
        still = f"{PLAYERS}.filter(v => v.readyState >= 2 && !v.seeking).length === 2"
        wait_for(lambda: page.evaluate(still), "both players to stand still")
        yield page
        browser.close()


def brightness(page: Page, selector: str = ".pair-screens .screen:nth-of-type(2)") -> float:
    """Mean of what is drawn in the middle half of where the other video is shown, 0 to 255."""
    png = np.frombuffer(page.locator(selector).screenshot(), np.uint8)
    picture = cv2.imdecode(png, cv2.IMREAD_COLOR)
    assert picture is not None
    height, width = picture.shape[:2]
    # The copy shows the left two thirds and the upper two thirds.
    part = picture[height // 10 : height // 2, width // 10 : width // 2]
    return float(part.mean())


def test_laid_over_each_other_a_mirrored_crop_and_its_film_differ_little(pair: Page) -> None:
    pair.locator(".pair-screens").scroll_into_view_if_needed()
    pair.locator("[data-role=overlay]").click()
    assert pair.locator(".mixer input").is_visible()
    assert pair.locator("[data-role=swap]").is_hidden(), "there are no sides now"
    blended = brightness(pair)

    pair.locator("[data-role=overlay]").click()

    assert pair.locator(".mixer input").is_hidden()
    left = brightness(pair)
    assert left < blended / 4, (left, blended)
    pair.evaluate("document.querySelector('.pair-screens video').style.transform = ''")
    assert brightness(pair) > 2 * left, "without the transform they do not lie on each other"


def test_the_outline_shows_what_part_of_the_other_picture_is_seen(pair: Page) -> None:
    other = pair.locator(".screen:nth-of-type(2)")
    corners = other.locator(".outline polygon").get_attribute("points") or ""
    found = np.array([corner.split(",") for corner in corners.split()], np.float64)
    # Its upper left corner is the copy's upper right one.
    assert found == pytest.approx(np.array([[2, 0], [0, 0], [0, 2], [2, 2]]) / 3, abs=0.04)
    assert pair.locator(".screen:nth-of-type(1) .outline").is_hidden(), "it fills this picture"


def test_by_keys_the_sides_are_swapped_and_the_pictures_laid_over(pair: Page) -> None:
    pair.locator("[data-role=play]").focus()
    before = [pair.locator(f".screen:nth-of-type({n})").bounding_box() for n in (1, 2)]
    assert before[0]
    assert before[1]
    assert before[0]["x"] < before[1]["x"]

    pair.keyboard.press("x")
    after = [pair.locator(f".screen:nth-of-type({n})").bounding_box() for n in (1, 2)]
    assert after[0]
    assert after[1]
    assert after[0]["x"] > after[1]["x"]

    shown = pair.locator(".pair-screens")
    seen = []
    for _ in range(3):
        pair.keyboard.press("o")
        seen.append(shown.get_attribute("data-mode"))
    assert seen == ["blend", "difference", "beside"]
