"""JSON and times as Go's standard library writes them."""

from __future__ import annotations

import json
import re
from typing import Final

# Go escapes what is special in HTML, and the two line ends that JavaScript knows. What can
# move a cursor or turn the direction of text is escaped here as well: same JSON, safe to show.
_MOVING: Final = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
_ESCAPED: Final = re.compile(f"[{_MOVING}]")
_ESCAPED_FOR_HTML: Final = re.compile(f"[<>&{_MOVING}]")


def encode(value: object, *, indent: int | None = 4, html: bool = True) -> str:
    """Encode as `json.MarshalIndent` does, without a new line at the end.

    Args:
        value: JSON types only.
        indent: spaces for each level; None writes all on one line.
        html: escape `<`, `>` and `&`, as Go does unless it is told not to.
    """
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=False)
    escaped = _ESCAPED_FOR_HTML if html else _ESCAPED
    return escaped.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def time_text(moment: str) -> str:
    """Write a time in RFC 3339 as `time.Time.String` does: `2024-01-02 03:04:05 +0000 UTC`."""
    day, _, rest = moment.partition("T")
    if rest.endswith("Z"):
        return f"{day} {rest[:-1]} +0000 UTC"
    zone = rest[-6:].replace(":", "")
    return f"{day} {rest[:-6]} {zone} {zone}"
