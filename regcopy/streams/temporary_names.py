"""Names of files that no run has finished yet."""

from __future__ import annotations

import os
from typing import Final

from regcopy.model.digest import Digest

_PREFIX: Final = ".regcopy-"
_SUFFIX: Final = ".tmp"
_BEGUN_SUFFIX: Final = ".part"


def is_temporary(name: str) -> bool:
    """Tell whether this is the name of a file that a run of regcopy has not finished."""
    return name.startswith(_PREFIX) and name.endswith((_SUFFIX, _BEGUN_SUFFIX))


def begun_digits(name: str) -> str:
    """Give the digits of the digest of a blob that is being written; "" for any other name."""
    if not name.startswith(_PREFIX) or not name.endswith(_BEGUN_SUFFIX):
        return ""
    digits = name.removeprefix(_PREFIX).removesuffix(_BEGUN_SUFFIX).partition("-")[2]
    return digits if digits.isalnum() else ""


def new_name() -> str:
    """Make a name that nobody else has."""
    return f"{_PREFIX}{os.urandom(8).hex()}{_SUFFIX}"


def begun_name(digest: Digest) -> str:
    """Name of a blob that is being written, the same for every run."""
    return f"{_PREFIX}{digest.algorithm}-{digest.hex}{_BEGUN_SUFFIX}"
