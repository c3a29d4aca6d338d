"""The page of screens shows every picture that the command takes, and no other."""

from docs.screenshots.screens import IMAGES, PAGE, SCREENS, page

MOST_BYTES, MOST_TOGETHER = 300_000, 6_000_000


def test_the_page_is_the_one_that_the_command_writes() -> None:
    assert PAGE.read_text() == page(), "run make screenshots"


def test_every_screen_has_its_picture_and_each_is_small() -> None:
    wanted = {path for screen in SCREENS.values() for path in screen.files}

    assert set(IMAGES.glob("*.png")) == wanted
    assert max(path.stat().st_size for path in wanted) <= MOST_BYTES
    assert sum(path.stat().st_size for path in wanted) <= MOST_TOGETHER
