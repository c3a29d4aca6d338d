"""Small plots, worked out here and drawn by a template: bars with a part of each told apart."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# Of the drawing, in its own units, stretched to what room there is; words stand beside it.
WIDTH: Final = 600
HEIGHT: Final = 100
GAP: Final = 0.2


@dataclass(frozen=True)
class Row:
    """A line of the table: its name, `cells` in words, and what is drawn; None for no bar."""

    name: str
    cells: Sequence[str]
    value: float | None
    part: float | None = None


@dataclass(frozen=True)
class Bar:
    """A bar and its part, from the ground; `words` tell it."""

    x: float
    width: float
    y: float
    height: float
    part_y: float
    part_height: float
    words: str


@dataclass(frozen=True)
class Plot:
    """One question answered: a title, the table, and how the drawing is to be read.

    `upright` bars are for days, in their order; the others lie beside the lines of the table.
    `top` is the value at the upper edge, 0 for the next round one above all.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Row]
    upright: bool = False
    note: str = ""
    top_words: str = "{:g}"
    top: float = 0.0

    @property
    def most(self) -> float:
        return self.top or _round_up(max((row.value or 0.0 for row in self.rows), default=0.0))

    @property
    def label(self) -> str:
        """At the upper edge."""
        return self.top_words.format(self.most)

    @property
    def width(self) -> int:
        return WIDTH

    @property
    def height(self) -> int:
        return HEIGHT

    @property
    def bars(self) -> list[Bar]:
        step = WIDTH / max(1, len(self.rows))
        drawn = []
        for number, row in enumerate(self.rows):
            height, part = (self._share(each) * HEIGHT for each in (row.value, row.part))
            drawn.append(
                Bar(
                    round((number + GAP / 2) * step, 2),
                    round(step * (1 - GAP), 2),
                    round(HEIGHT - height, 2),
                    round(height, 2),
                    round(HEIGHT - part, 2),
                    round(part, 2),
                    ": ".join((row.name, ", ".join(row.cells))),
                )
            )
        return drawn

    @property
    def lines(self) -> list[tuple[Row, float, float]]:
        """Each line of the table with the lengths of its lying bar and of the part, of 100."""
        return [
            (row, round(100 * self._share(row.value), 1), round(100 * self._share(row.part), 1))
            for row in self.rows
        ]

    @property
    def first(self) -> str:
        return self.rows[0].name if self.rows else ""

    @property
    def last(self) -> str:
        return self.rows[-1].name if len(self.rows) > 1 else ""

    def _share(self, value: float | None) -> float:
        return min(1.0, (value or 0.0) / self.most) if self.most else 0.0


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, …; 1 for nothing."""
    if value <= 1:
        return 1.0
    size = 10.0 ** math.floor(math.log10(value))
    return next(step * size for step in (1, 2, 5, 10) if step * size >= value)
