"""The diagram is an SVG that any page can show, and says the numbers it is of."""

from xml.etree import ElementTree

import numpy as np
import pytest

from matching.engine.reliability import reliability
from tvidz.training.diagram import reliability_svg, wilson

SVG = "{http://www.w3.org/2000/svg}"


def _drawn(count: int) -> ElementTree.Element:
    rng = np.random.default_rng(5)
    said = rng.random(count)
    told = reliability(said, rng.random(count) < said)
    return ElementTree.fromstring(reliability_svg(told, "Sure <and> & true"))


def test_every_bin_is_a_disc_and_a_row() -> None:
    drawn = _drawn(300)

    discs = drawn.findall(f"{SVG}circle")
    texts = ["".join(text.itertext()) for text in drawn.iter(f"{SVG}text")]
    assert len(discs) == 15
    assert texts.count("20") >= 15
    assert [float(disc.get("cx", "0")) for disc in discs] == sorted(
        float(disc.get("cx", "0")) for disc in discs
    )
    assert any("n = 300 pairs" in text and "15 bins" in text for text in texts)


def test_it_has_words_for_those_who_cannot_see_it_and_a_ground_of_its_own() -> None:
    drawn = _drawn(40)

    assert drawn.get("role") == "img"
    assert drawn.findtext(f"{SVG}title") == "Sure <and> & true"
    assert "expected calibration error" in (drawn.findtext(f"{SVG}desc") or "")
    assert "prefers-color-scheme: dark" in (drawn.findtext(f"{SVG}style") or "")
    assert drawn.find(f"{SVG}rect[@class='ground']") is not None


def test_nothing_lies_outside_the_picture() -> None:
    drawn = _drawn(300)
    _, _, width, height = map(float, (drawn.get("viewBox") or "").split())

    for element in drawn.iter():
        for name, limit in (("x", width), ("cx", width), ("y", height), ("cy", height)):
            assert 0 <= float(element.get(name, "0")) <= limit


def test_the_range_of_a_share_is_wilsons() -> None:
    # Ten of twenty, and none of twenty, as the textbooks have them.
    assert wilson(0.5, 20) == pytest.approx((0.2993, 0.7007), abs=1e-4)
    assert wilson(0.0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
