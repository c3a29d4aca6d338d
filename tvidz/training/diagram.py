"""The reliability diagram as an SVG of its own: readable in a page of documentation, light or dark.

The picture brings its own ground, since a page's theme and the system's may differ.
"""

from typing import Final
from xml.sax.saxutils import escape

import numpy as np

from matching.engine.reliability import Bin, Reliability

_WIDTH: Final = 760
_PLOT: Final = 320
_LEFT: Final = 64
_TOP: Final = 76
_TABLE: Final = 440
_ROW: Final = 20
# Two standard deviations on either side hold 19 cases of 20.
_Z: Final = 1.96

_STYLE: Final = """
  .ground { fill: #ffffff; stroke: #dfe3e8 }
  text { fill: #15181d; font: 13px system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif }
  .title { font-size: 16px; font-weight: 600 }
  .muted { fill: #5a6472 }
  .number { text-anchor: end; font-variant-numeric: tabular-nums }
  .middle { text-anchor: middle }
  .grid { stroke: #dfe3e8 }
  .right { stroke: #5a6472; stroke-dasharray: 5 4 }
  .range { stroke: #2457d6; stroke-opacity: .45; stroke-width: 2 }
  .bin { fill: #2457d6; fill-opacity: .8 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #111418; stroke: #2a3038 }
    text { fill: #e8ebef }
    .muted { fill: #9aa5b3 }
    .grid { stroke: #2a3038 }
    .right { stroke: #9aa5b3 }
    .range { stroke: #7aa2ff }
    .bin { fill: #7aa2ff }
  }"""


def reliability_svg(told: Reliability, title: str) -> str:
    """Said against came true, one disc a bin as large as its count, and the bins as a table.

    The bar through a disc is the 95 % range of the share of copies (Wilson's score interval).
    `title` stands above; below it the expected calibration error and the numbers it is of.
    """
    caption = (
        f"expected calibration error {told.expected_error:.3f}, Brier score {told.brier:.3f}, "
        f"n = {told.n} pairs ({told.copies} copies), {len(told.bins)} bins"
    )
    height = max(_TOP + _PLOT + 64, _TOP + (len(told.bins) + 2) * _ROW)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img" aria-labelledby="title caption">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="caption">{escape(caption)}</desc>',
        f"<style>{_STYLE}\n</style>",
        f'<rect class="ground" x=".5" y=".5" width="{_WIDTH - 1}" height="{height - 1}" rx="6"/>',
        f'<text class="title" x="24" y="32">{escape(title)}</text>',
        f'<text class="muted" x="24" y="53">{escape(caption)}</text>',
        *_axes(),
        *(line for each in told.bins for line in _disc(each, told.n)),
        *_table(told.bins),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(share: float) -> str:
    return f"{_LEFT + share * _PLOT:.1f}"


def _y(share: float) -> str:
    return f"{_TOP + (1 - share) * _PLOT:.1f}"


def _axes() -> list[str]:
    lines = []
    for tick in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        x, y = _x(tick), _y(tick)
        lines += [
            f'<path class="grid" d="M{_x(0)} {y}H{_x(1)}M{x} {_y(0)}V{_y(1)}"/>',
            f'<text class="muted middle" x="{x}" y="{_TOP + _PLOT + 18}">{tick:.1f}</text>',
            f'<text class="muted number" x="{_LEFT - 8}" y="{float(y) + 4:.1f}">{tick:.1f}</text>',
        ]
    middle = _TOP + _PLOT / 2
    return [
        *lines,
        f'<path class="right" d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}"/>',
        f'<text class="middle" x="{_x(0.5)}" y="{_TOP + _PLOT + 42}">said: confidence</text>',
        f'<text class="middle" transform="translate(20 {middle:.0f}) rotate(-90)">'
        "came true: share of copies</text>",
        f'<text class="muted number" x="{_TABLE + 290}" y="{_TOP + _PLOT + 42}">'
        "bars: 95 % range of the share</text>",
    ]


def _disc(each: Bin, n: int) -> list[str]:
    low, high = wilson(each.came_true, each.count)
    x = _x(each.said)
    radius = 3 + 22 * (each.count / n) ** 0.5 / 2
    return [
        f'<path class="range" d="M{x} {_y(low)}V{_y(high)}"/>',
        f'<circle class="bin" cx="{x}" cy="{_y(each.came_true)}" r="{radius:.1f}"/>',
    ]


def _table(bins: tuple[Bin, ...]) -> list[str]:
    columns = (_TABLE + 40, _TABLE + 130, _TABLE + 210, _TABLE + 290)
    lines = [
        f'<text class="muted number" x="{x}" y="{_TOP + 8}">{word}</text>'
        for x, word in zip(columns, ("said", "came true", "copies", "pairs"), strict=True)
    ]
    for row, each in enumerate(bins, start=1):
        copies = round(each.came_true * each.count)
        words = (f"{each.said:.3f}", f"{each.came_true:.3f}", f"{copies}", f"{each.count}")
        y = _TOP + 8 + row * _ROW
        lines += [
            f'<text class="number" x="{x}" y="{y}">{word}</text>'
            for x, word in zip(columns, words, strict=True)
        ]
    return lines


def wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % range, 0 to 1, of a share seen in `count` cases (Wilson, 1927)."""
    middle = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    spread = _Z * np.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    spread /= 1 + _Z**2 / count
    return max(0.0, float(middle - spread)), min(1.0, float(middle + spread))
