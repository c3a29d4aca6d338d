"""Takes the pictures of the docs, every screen of the site, and writes docs/screens.md.

    .venv/bin/python -m docs.screenshots

Starts a site of its own in a passing folder, takes the demo's films into its library, and uses it
in a real Chromium as a visitor, an owner of an account, a member of staff and a moderator do. Needs
the development packages (`make test` installs them), and Debian's or Ubuntu's chromium and
clamav-daemon.
"""

import shutil
import sys

from playwright.sync_api import Browser, Page, sync_playwright

from docs.screenshots import console, walks
from docs.screenshots.camera import WIDE, Camera
from docs.screenshots.screens import IMAGES, PAGE, page
from docs.screenshots.site import running_site

PATIENCE_MS = 60_000
CHROMIUM_WORDS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
]


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("The pictures need chromium (or google-chrome) on the PATH.")
    IMAGES.mkdir(exist_ok=True)
    camera = Camera()
    with running_site() as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_WORDS)
        visitor = new_visitor(browser)
        walks.uploading(visitor, site, camera)
        walks.results(visitor, site, camera)
        walks.searching(visitor, site, camera)
        walks.accounts(visitor, site, camera)
        walks.staff(new_visitor(browser), site, camera)
        console.moderation(visitor, new_visitor(browser), site, camera)
        browser.close()
    if camera.left:
        sys.exit(f"Nobody took a picture of {', '.join(camera.left)}.")
    PAGE.write_text(page())


def new_visitor(browser: Browser) -> Page:
    """A page of a browser that was never here, wide and light."""
    context = browser.new_context(
        viewport=WIDE, reduced_motion="reduce", color_scheme="light", locale="en-GB"
    )
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


if __name__ == "__main__":
    main()
