"""Names and titles as people sent them, made fit to show. They never become paths."""

import unicodedata

MAX_LENGTH = 255


def shown_name(declared: str) -> str:
    """The last part of `declared`, NFC, without control and direction characters, bounded.

    Direction overrides (U+202E) would let `gpj.exe` read as `exe.jpg`; line breaks would forge
    log lines. An empty rest becomes "unnamed".
    """
    kept = shown_text(declared.replace("\\", "/").rsplit("/", 1)[-1])
    if len(kept) > MAX_LENGTH:
        stem, dot, suffix = kept.rpartition(".")
        tail = dot + suffix if dot and len(suffix) <= 10 else ""
        kept = (stem if tail else kept)[: MAX_LENGTH - len(tail) - 1] + "…" + tail
    return kept or "unnamed"


def shown_text(told: str) -> str:
    """`told` in NFC, without control and direction characters or blanks around it."""
    return "".join(
        char
        for char in unicodedata.normalize("NFC", told)
        if unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    ).strip()
