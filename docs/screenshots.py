"""Takes the pictures of the docs: docs/images/{upload,result,admin}.png.

    .venv/bin/python docs/screenshots.py

Starts a site of its own in a passing folder, takes the demo's films into its library, uploads a
doctored copy in a real Chromium and waits until the duplicate has come in live. Needs the
development packages (`make test` installs them) and Debian's or Ubuntu's chromium.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Locator, Page, sync_playwright

PROJECT = Path(__file__).resolve().parent.parent
IMAGES = PROJECT / "docs" / "images"
# Fills the folder in the environment's TVIDZ_VAR; nothing is downloaded.
MAKE_FILMS = """
from django.conf import settings
from tvidz.demo import make_copies, make_library
make_library(settings.TVIDZ.var / "films", print)
make_copies(settings.TVIDZ.var / "films", print)
"""
LIBRARY = ("seahorse-valley.mp4", "cells-at-dawn.mp4", "triangles-and-tides.mp4")
UPLOADS = ("nothing-like-it.mp4", "evening-upload.mp4", "best-of.mp4")
SHOWN = "best-of.mp4"
WIDTH = 1280
LARGEST_BYTES = 300_000
PATIENCE_MS = 60_000
CHROMIUM_WORDS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
]


@dataclass(frozen=True)
class Site:
    """A running tvidz: its address, the first admin's password and the folder of the films."""

    address: str
    password: str
    films: Path


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("The pictures need chromium (or google-chrome) on the PATH.")
    IMAGES.mkdir(exist_ok=True)
    with running_site() as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_WORDS)
        page = browser.new_page(
            viewport={"width": WIDTH, "height": 900},
            reduced_motion="reduce",
            color_scheme="light",
            locale="en-GB",
        )
        page.set_default_timeout(PATIENCE_MS)
        picture_of_uploading(page, site)
        picture_of_a_result(page)
        picture_of_the_admin(page, site)
        browser.close()


@contextmanager
def running_site() -> Iterator[Site]:
    """A site on a free loopback port; ended and forgotten afterwards."""
    # Short, because the path of a Unix socket is; open, because for root the database runs as
    # another user, who must be able to walk in.
    var = Path(tempfile.mkdtemp(prefix="tvidz-pictures-"))
    var.chmod(0o755)
    environment = os.environ | {"TVIDZ_VAR": str(var), "TVIDZ_DEFAULT_VISIBILITY": "public"}
    for name in ("DATABASE_URL", "TVIDZ_DATABASE_URL", "TVIDZ_REDIS_URL"):
        environment.pop(name, None)
    manage = [sys.executable, "manage.py"]
    port = free_port()
    try:
        run([*manage, "shell", "--no-imports", "-c", MAKE_FILMS], environment)
        run([*manage, "migrate", "--verbosity", "0"], environment)
        films = [str(var / "films" / name) for name in LIBRARY]
        run([*manage, "backfill", *films], environment)
        told = (var / "told").open("w+")
        process = subprocess.Popen(
            [*manage, "run", "--port", str(port)],
            cwd=PROJECT,
            env=environment,
            stdout=told,
            start_new_session=True,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(address, process)
            password = re.search(r"admin / (\S+)", (var / "told").read_text())
            assert password is not None, "the first admin was not told"
            yield Site(address, password[1], var / "films")
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
            told.close()
    finally:
        shutil.rmtree(var)


def run(words: list[str], environment: dict[str, str]) -> None:
    subprocess.run(words, cwd=PROJECT, env=environment, check=True)


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    sys.exit("The site did not start.")


def picture_of_uploading(page: Page, site: Site) -> None:
    """The upload page with one file still on its way and others done."""
    page.goto(site.address)
    for name in UPLOADS[:-1]:
        upload(page, site.films / name)
        card(page, name).locator('[data-role="state"]', has_text="Done").wait_for()
    upload(page, site.films / SHOWN)
    # Found while the analysis runs: this is the moment to look at.
    found = card(page, SHOWN).get_by_text("seahorse-valley.mp4").first
    found.wait_for()
    page.wait_for_timeout(300)
    save(page, "upload", "body", '[data-role="job-card"] >> nth=-1')
    card(page, SHOWN).locator('[data-role="state"]', has_text="Done").wait_for()


def picture_of_a_result(page: Page) -> None:
    """The page of a video with a match opened: both players side by side and the match map."""
    card(page, SHOWN).get_by_role("link").first.click()
    match = page.locator('[data-role="duplicate"]', has_text="seahorse-valley.mp4").first
    compare = match.locator('[data-role="compare"]')
    compare.wait_for()
    if compare.get_attribute("aria-expanded") != "true":
        compare.click()
    until_both_players_show(page)
    # Some seconds in, where there is something to see; both players go there together.
    match.locator('input[type="range"]').evaluate(
        "(range, share) => { range.value = range.max * share;"
        " range.dispatchEvent(new Event('input', { bubbles: true })); }",
        0.93,
    )
    until_both_players_show(page)
    page.wait_for_timeout(500)
    page.evaluate("window.scrollTo(0, 0)")
    save(page, "result", "#matches", '[data-role="player-pair"]')


def until_both_players_show(page: Page) -> None:
    """Wait for a picture in both players."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        page.wait_for_timeout(200)
        if (
            page.evaluate(
                """[...document.querySelectorAll('[data-role="player-pair"] video')]
                .filter((video) => video.readyState >= 2 && !video.seeking).length"""
            )
            == 2
        ):
            return
    sys.exit("The players show nothing.")


def picture_of_the_admin(page: Page, site: Site) -> None:
    """The flags in the admin."""
    page.goto(f"{site.address}/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Log in").click()
    page.goto(f"{site.address}/admin/moderation/flag/")
    page.locator("#result_list").wait_for()
    save(page, "admin", "body", "#changelist-form")


def upload(page: Page, path: Path) -> None:
    page.locator('input[type="file"]').set_input_files(path)


def card(page: Page, name: str) -> Locator:
    return page.locator('[data-role="job-card"]', has_text=name)


def save(page: Page, name: str, first: str, last: str) -> None:
    """Write docs/images/`name`.png: from the top of one element to the end of another."""
    path = IMAGES / f"{name}.png"
    start = page.locator(first).first.bounding_box()
    end = page.locator(last).first.bounding_box()
    assert start is not None, f"{first} is not on the page"
    assert end is not None, f"{last} is not on the page"
    top = max(0, int(start["y"]) - 16)
    bottom = int(end["y"] + end["height"]) + 12
    page.screenshot(
        path=path,
        full_page=True,
        clip={"x": 0, "y": top, "width": WIDTH, "height": bottom - top},
    )
    fewer_colours(path)
    print(f"{path.relative_to(PROJECT)}: {path.stat().st_size / 1000:.0f} kB")


def fewer_colours(path: Path) -> None:
    """Round the levels of each channel until the file is small enough; film pictures bear it."""
    picture = cv2.imread(str(path))
    assert picture is not None
    step = 2
    while path.stat().st_size > LARGEST_BYTES and step <= 32:
        levels = np.arange(256)
        rounded = np.minimum(255, np.rint(levels / step) * step).astype(np.uint8)
        cv2.imwrite(str(path), rounded[picture], [cv2.IMWRITE_PNG_COMPRESSION, 9])
        step *= 2


if __name__ == "__main__":
    main()
