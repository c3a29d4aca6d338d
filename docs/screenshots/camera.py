"""Takes pictures of a page, and makes their files small."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import FloatRect, Page, ViewportSize

from docs.screenshots.screens import IMAGES, NARROW, SCREENS
from videos.media.ffmpeg import find_ffmpeg

WIDE, PHONE = ViewportSize(width=1280, height=720), ViewportSize(width=360, height=740)
# The admin scrolls within the window, so what is below that is in no picture.
TALL = ViewportSize(width=1280, height=1000)
# A page that goes on below is cut here; what it shows first is what the picture is for.
TALLEST = 1800
LARGEST_BYTES = 300_000
COLOURS = (256, 128, 64, 32)


class Camera:
    """Writes docs/images; knows which of the screens are still to be taken."""

    def __init__(self) -> None:
        self.left = dict(SCREENS)

    def take(
        self,
        page: Page,
        name: str,
        first: str = "body",
        last: str = "body",
        *,
        window: bool = False,
        tallest: int = TALLEST,
    ) -> None:
        """The screen `name` as `page` shows it: from the top of one element to another's end.

        With `window` what the window shows, and no more; else up to `tallest` pixels.
        """
        screen = self.left.pop(name)
        if window:
            self._write(page, screen.name, None)
        else:
            self._write(page, screen.name, _part(page, first, last, tallest))
        if screen.narrow:
            with as_on_a_phone(page):
                self._write(page, f"{screen.name}{NARROW}", _part(page, first, last, tallest))

    def _write(self, page: Page, name: str, clip: FloatRect | None) -> None:
        path = IMAGES / f"{name}.png"
        if clip is None:
            page.screenshot(path=path)
        else:
            page.screenshot(path=path, full_page=True, clip=clip)
        fewer_colours(path)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB", flush=True)


@contextmanager
def as_on_a_phone(page: Page) -> Iterator[None]:
    """Meanwhile the page is 360 pixels wide and dark."""
    _become(page, PHONE, "dark")
    try:
        yield
    finally:
        _become(page, WIDE, "light")


def _become(page: Page, size: ViewportSize, colours: Literal["dark", "light"]) -> None:
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=colours, reduced_motion="reduce")
    # Drawings follow their frame's width.
    page.wait_for_timeout(400)


def _part(page: Page, first: str, last: str, tallest: int) -> FloatRect:
    """The stretch of the page between two elements, in pixels."""
    start = page.locator(first).first.bounding_box()
    end = page.locator(last).last.bounding_box()
    width = page.viewport_size
    assert start is not None, f"{first} is not on the page"
    assert end is not None, f"{last} is not on the page"
    assert width is not None
    scrolled = page.evaluate("window.scrollY")
    top = max(0, start["y"] + scrolled - 16) if first != "body" else 0
    bottom = end["y"] + end["height"] + scrolled + (12 if last != "body" else 0)
    height = min(bottom - top, tallest)
    return FloatRect(x=0, y=top, width=width["width"], height=height)


def fewer_colours(path: Path) -> None:
    """Give the picture a palette: 256 colours, or fewer until the file is small enough."""
    program = find_ffmpeg().path
    whole = path.with_suffix(".whole.png")
    path.replace(whole)
    for colours in COLOURS:
        graph = (
            f"split[a][b];[a]palettegen=max_colors={colours}:reserve_transparent=0[p]"
            ";[b][p]paletteuse=dither=none"
        )
        words = ["-vf", graph, "-compression_level", "100", "-pred", "none", str(path)]
        subprocess.run([program, "-v", "error", "-y", "-i", str(whole), *words], check=True)
        if path.stat().st_size <= LARGEST_BYTES:
            break
    whole.unlink()
