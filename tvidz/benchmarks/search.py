"""Searching: both tiers, over libraries of made-up frames, beside an exact oracle."""

from collections.abc import Callable

from tvidz.benchmarks.tables import Table


def measure(quick: bool, tell: Callable[[str], None]) -> list[Table]:
    """The tables of `manage.py bench search`."""
    tell("…")
    return []
