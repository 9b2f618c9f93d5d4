"""Reading files that somebody names, which may be anything."""

from __future__ import annotations

import os
from pathlib import Path


def read_at_most(path: str | Path, limit: int) -> bytes | None:
    """Read the beginning of a file, and never wait for a pipe that nobody writes to.

    Returns:
        at most `limit` + 1 bytes, so that a longer file shows; None where somebody has a pipe
        open and has not written to it yet.

    Raises:
        OSError: it cannot be read.
        ValueError: that is no possible path.
    """
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        content: bytes | None = file.read(limit + 1)
        return content
