"""What people and programs send, read so that nothing of it can be a fault of ours."""

from typing import Final

from moderation.errors import bad_note

LONGEST_NOTE: Final = 10_000
# More digits than any number of ours has; of thousands Python itself makes no number.
MOST_DIGITS: Final = 18


def whole(text: str) -> int | None:
    """A number from 0 on, written in ASCII digits; None for anything else."""
    plain = text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS
    return int(text) if plain else None


def check_note(note: str) -> None:
    """Raises the Refusal BAD_NOTE for what the record could not keep."""
    if len(note) > LONGEST_NOTE or "\x00" in note:
        raise bad_note(LONGEST_NOTE)
