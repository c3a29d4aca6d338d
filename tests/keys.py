"""Somebody who has a keyboard and no mouse: goes by Tab, sees where they are at each stop."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page

# What has the focus: how it is called, its outline, and how much of it is to be seen.
STOP = """() => {
  const at = document.activeElement;
  const style = getComputedStyle(at);
  const box = at.getBoundingClientRect();
  const seen = Math.min(box.right, innerWidth) - Math.max(box.left, 0) > 1
    && Math.min(box.bottom, innerHeight) - Math.max(box.top, 0) > 1;
  return {
    reached: Boolean(at.dataset.reached), tag: at.tagName, words: at.outerHTML.slice(0, 140), seen,
    outline: style.outlineStyle, width: parseFloat(style.outlineWidth),
  };
}"""
# What Tab should have come to; what it did come to has data-reached.
UNREACHED = """() => [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, video[controls], [tabindex]")]
  .filter((one) => one.tabIndex >= 0 && !one.disabled && one.type !== "hidden"
    && one.checkVisibility({ visibilityProperty: true }) && !one.dataset.reached)
  .map((one) => one.outerHTML.slice(0, 140))"""
FAR = 150


@dataclass
class Keys:
    """Drives a page by its keyboard alone; every stop must show where it is."""

    page: Page
    stops: list[str] = field(default_factory=list)

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def write(self, text: str) -> None:
        self.page.keyboard.type(text)

    def to(self, selector: str, key: str = "Tab") -> Locator:
        """Go there by `key`, looking at each stop on the way; what has the focus then."""
        for _ in range(FAR):
            self.press(key)
            if self.look()["tag"] == "BODY":
                continue
            if self.is_at(selector):
                return self.page.locator(":focus")
        pytest.fail(f"no way to {selector} by {key}; seen last: {self.stops[-5:]}")

    def back_to(self, selector: str) -> Locator:
        return self.to(selector, "Shift+Tab")

    def is_at(self, selector: str) -> bool:
        at: bool = self.page.evaluate("(what) => document.activeElement.matches(what)", selector)
        return at

    def look(self) -> dict[str, Any]:
        """What has the focus, once it is sure that one sees it."""
        stop: dict[str, Any] = self.page.evaluate(STOP)
        self.stops.append(stop["words"])
        # The browser rings the buttons inside its own player.
        if stop["tag"] not in ("BODY", "VIDEO"):
            assert stop["outline"] != "none", f"no ring at {stop['words']}"
            assert stop["width"] >= 2, f"a thin ring at {stop['words']}"
            assert stop["seen"], f"out of sight: {stop['words']}"
        return stop

    def kept(self) -> None:
        """The focus was not lost."""
        assert self.look()["tag"] != "BODY", f"the focus is lost after {self.stops[-3:]}"

    def walk(self) -> list[str]:
        """Once through the page by Tab; every stop. Fails on a trap and on what is left out."""
        stops: list[str] = []
        for _ in range(FAR):
            self.press("Tab")
            stop = self.look()
            # The buttons inside the browser's own player are all told as the player.
            if stop["tag"] == "BODY" or (stop["reached"] and stop["tag"] != "VIDEO"):
                break
            stops.append(stop["words"])
            self.page.evaluate("document.activeElement.dataset.reached = 'yes'")
        else:
            pytest.fail(f"a trap: {stops[-3:]}")
        left_out = self.page.evaluate(UNREACHED)
        assert left_out == [], f"Tab comes to all but {left_out}"
        return stops

    def choose_file(self, path: Path | Any, key: str = "Enter") -> None:
        """Open the chooser with `key` from what has the focus, and take the file."""
        with self.page.expect_file_chooser() as chooser:
            # Chromium is told to hand choosers over, and nobody waits until it was.
            self.page.wait_for_timeout(500)
            self.press(key)
        chooser.value.set_files(path)
