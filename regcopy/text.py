"""Make text from outside safe to show."""

from __future__ import annotations

# Bidirectional controls reorder what a terminal shows (Trojan Source,
# CVE-2021-42574); the rest of C0, DEL and C1 can move the cursor or end a line.
_BIDI = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029"
)


def printable(text: str, *, limit: int = 1000) -> str:
    """Escape control and direction characters, and cut what is over `limit` characters.

    The result is one line: it is meant for messages, tags and names that a server
    or a file supplied, not for bytes that must stay as they are.
    """
    cut = text if len(text) <= limit else text[:limit] + "…"
    if cut.isascii() and cut.isprintable():
        return cut
    return "".join(_escape(character) for character in cut)


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or character in _BIDI:
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    return character


def human_bytes(count: float) -> str:
    """Write a number of bytes for people, in powers of 1024: `1.5 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        shown = f"{count:.0f}" if unit == "B" else f"{count:.1f}"
        if abs(float(shown)) < 1024:
            return f"{shown} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
