"""Hints that name a flag, for commands whose flags have the side of a copy in their names."""

from __future__ import annotations

import re
from typing import Final

_OF_A_SIDE: Final = re.compile(r"--(?=(?:creds|authfile|cert-dir|tls-verify)\b)")
_PREFIXES: Final = {"source": "--src-", "destination": "--dest-"}


def hint_for(hint: str, side: str | None) -> str:
    """Write `--src-creds` or `--dest-creds` for `--creds`, and the like.

    Args:
        hint: as the place gave it, which does not know what command asks.
        side: of the copy; neither "source" nor "destination" leaves the hint as it is.
    """
    return _OF_A_SIDE.sub(_PREFIXES.get(side or "", "--"), hint)
