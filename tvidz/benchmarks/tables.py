"""Tables of figures, as text for people and as plain values for JSON."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Cell = str | int | float | None


@dataclass(frozen=True)
class Table:
    """Figures under named columns; `notes` say how they were got, `plans` keep query plans."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    plans: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """As Markdown that reads well in a terminal, too."""
        shown = [self.columns, *([_shown(cell) for cell in row] for row in self.rows)]
        widths = [max(len(row[place]) for row in shown) for place in range(len(self.columns))]
        lines = [f"### {self.title}", ""]
        for number, row in enumerate(shown):
            lines.append(_line(row, widths))
            if number == 0:
                ruled = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
                lines.append(_line(ruled, widths))
        lines += ["", *(f"{note}" for note in self.notes)]
        return "\n".join(lines).rstrip() + "\n"

    def plain(self) -> dict[str, Any]:
        """For `json.dumps`: rows as objects named by the columns."""
        return {
            "title": self.title,
            "rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows],
            "notes": list(self.notes),
            "plans": self.plans,
        }


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = cells
    padded = [first.ljust(widths[0])]
    padded += [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
    return "| " + " | ".join(padded) + " |"


def _shown(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, float):
        if cell != 0 and abs(cell) < 0.1:
            return f"{cell:.3f}"
        return f"{cell:.2f}" if abs(cell) < 10 else f"{cell:,.0f}".replace(",", " ")
    return f"{cell:,}".replace(",", " ") if isinstance(cell, int) else cell
