"""Members of a JSON object whose values keep the text they have.

A number or a string can be written in several ways. Where values go from one document into
another, and the digest of the result matters, their text goes over; only what Go's encoder
changes in it is changed: blanks between tokens go, and HTML characters are escaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from regcopy.model._json import escape_html, load_object

_BLANKS: Final = re.compile(r"[ \t\n\r]*")
# Possessive: to go back in a string of megabytes, each of its letters would be remembered.
_STRING_OR_BLANKS: Final = re.compile(r'("(?:[^"\\]++|\\.)*+")|[ \t\n\r]++')


def raw_members(text: str, *, what: str) -> dict[str, str]:
    """Text of each value of a JSON object, as Go's encoder writes it again.

    Raises:
        ManifestInvalid: no JSON object, or one that can be read in two ways.
    """
    load_object(text.encode(), what=what)
    decoder, members = json.JSONDecoder(), {}
    at = _after_blanks(text, text.index("{") + 1)
    while text[at] != "}":
        name, at = decoder.raw_decode(text, at)
        begin = _after_blanks(text, text.index(":", at) + 1)
        _, at = decoder.raw_decode(text, begin)
        members[str(name)] = _compact(text[begin:at])
        at = _after_blanks(text, at)
        if text[at] == ",":
            at = _after_blanks(text, at + 1)
    return members


def dump_raw(members: Mapping[str, str]) -> bytes:
    """Write a JSON object of values that are JSON already, in the order of their names."""
    written = (
        f"{escape_html(json.dumps(name, ensure_ascii=False))}:{value}"
        for name, value in sorted(members.items())
    )
    return f"{{{','.join(written)}}}".encode()


def _after_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _compact(value: str) -> str:
    return escape_html(_STRING_OR_BLANKS.sub(lambda found: found[1] or "", value))
