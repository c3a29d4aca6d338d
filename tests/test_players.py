"""The player pair: swapped, laid over each other, and the outline of one picture in the other."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, sync_playwright

from tests.conftest import Site, wait_for

# Beside the other tests in a browser: two of these watch for a minute.
pytestmark = [pytest.mark.xdist_group("players"), pytest.mark.long]

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
PASSWORD = "harbour-at-dawn-7"
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


@pytest.fixture(scope="module")
def long_film(ffmpeg: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seventy-two seconds in eight scenes."""
    path = tmp_path_factory.mktemp("long") / "long-film.mp4"
    places = [-0.7436, -0.1011, 0.2549, -1.2503]
    scenes = [
        *(f"mandelbrot=s=320x180:r=25:start_x={x}:start_scale=0.4:end_pts=300" for x in places),
        *(
            f"life=s=160x90:r=25:seed={seed}:ratio=0.4:mold=10,scale=320:180:flags=neighbor,boxblur=3"
            for seed in (5, 9, 31, 77)
        ),
    ]
    inputs = [word for scene in scenes for word in ("-f", "lavfi", "-t", "9", "-i", scene)]
    graph = "".join(f"[{n}:v]setsar=1,format=yuv420p[s{n}];" for n in range(8))
    graph += "".join(f"[s{n}]" for n in range(8)) + "concat=n=8[out]"
    ffmpeg(*inputs, "-filter_complex", graph, "-map", "[out]", "-c:v", "libx264", path)
    return path


# The players' places every tenth of a second for a minute, and where the right one belongs.
MINUTE = """
async (segment) => {
  const { there } = await import("/static/videos/lockstep.js");
  const [left, right] = document.querySelectorAll("[data-role=player-pair] video");
  const drifts = [];
  const begun = performance.now();
  while (performance.now() - begun < 60_000) {
    await new Promise((done) => setTimeout(done, 100));
    if (left.paused || left.seeking || right.seeking) continue;
    drifts.push([left.currentTime, right.currentTime - there(segment, left.currentTime)]);
  }
  return drifts;
}
"""
A_MODERATOR = f"""
from django.contrib.auth.models import Group, User
user = User.objects.create_user("{{name}}", password="{PASSWORD}", is_staff=True)
user.groups.add(Group.objects.get(name="Moderators"))
"""


def faster(film: Path, speed: float, name: str, ffmpeg: Callable[..., None]) -> Path:
    copy = film.with_name(f"{name}-{speed}.mp4")
    words = f"setpts=PTS/{speed},fps=25,scale=256:144"
    ffmpeg("-i", film, "-vf", words, "-crf", "30", "-pix_fmt", "yuv420p", copy)
    return copy


@pytest.fixture
def wide(chromium: str) -> Iterator[Page]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def keep_together(drifts: np.ndarray) -> None:
    assert len(drifts) > 300, "they play for a minute"
    assert drifts[-1, 0] - drifts[0, 0] > 55
    # The first second is for the right one to get going.
    settled = np.abs(drifts[10:, 1])
    assert np.quantile(settled, 0.99) <= 0.1, f"{settled.max():.3f} s at the most"


@pytest.mark.parametrize(
    "speed", [pytest.param(1.0, id="as fast"), pytest.param(1.08, id="8 % faster")]
)
def test_for_a_minute_the_players_drift_no_more_than_a_tenth_of_a_second(
    site: Site, wide: Page, ffmpeg: Callable[..., None], long_film: Path, speed: float
) -> None:
    original = site.upload(long_film)["id"]
    site.finished(original)
    video = site.upload(faster(long_film, speed, "public", ffmpeg))["id"]
    site.finished(video)
    wide.goto(f"{site.url}/videos/{video}/")
    [match] = [each for each in site.video(video)["duplicates"] if each["video"]["id"] == original]
    row = wide.locator(f"[data-role=segment][data-segment='{match['segments'][0]['id']}']")
    row.click()

    keep_together(np.array(wide.evaluate(MINUTE, match["segments"][0])))


@pytest.mark.parametrize(
    "speed", [pytest.param(1.0, id="as fast"), pytest.param(1.08, id="8 % faster")]
)
def test_so_they_do_on_the_review_screen(
    site: Site, wide: Page, ffmpeg: Callable[..., None], long_film: Path, speed: float
) -> None:
    name = f"moderator-{speed}"
    done = site.manage("shell", "--no-imports", "-c", A_MODERATOR.format(name=name))
    assert done.returncode == 0, done.stderr
    original = site.upload(long_film)["id"]
    site.finished(original)
    video = site.upload(faster(long_film, speed, "reviewed", ffmpeg))["id"]
    site.finished(video)
    asked = "SELECT id FROM moderation_flag WHERE query_id = %s AND reference_id = %s"
    [[flag]] = wait_for(lambda: site.rows(asked, video, original), "the flag")
    wide.goto(f"{site.url}/admin/login/?next=/admin/moderation/flag/{flag}/review/")
    wide.fill("#id_username", name)
    wide.fill("#id_password", PASSWORD)
    wide.keyboard.press("Enter")
    row = wide.locator("[data-role=segment]").first
    row.wait_for()
    case = wide.evaluate(
        "async (flag) => (await fetch(`/api/v1/moderation/flags/${flag}/`)).json()", flag
    )
    segment = case["match"]["segments"][0]
    assert row.get_attribute("data-segment") == str(segment["id"])
    # Pictures wait, blurred, until one asks for them.
    wide.keyboard.press("b")
    row.focus()
    wide.keyboard.press("Enter")
    playing = f"{PLAYERS}.length === 2 && {PLAYERS}.every(v => !v.paused)"
    wait_for(lambda: wide.evaluate(playing), "both to play")

    keep_together(np.array(wide.evaluate(MINUTE, segment)))
