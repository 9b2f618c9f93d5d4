"""Files that a command line names: manifests, signatures, keys, passphrases."""

from __future__ import annotations

import os
from typing import Final

from regcopy.errors import LimitExceeded, StorageFailed

MAX_BYTES: Final = 4 * 1024 * 1024


def read_named(path: str, message: str) -> bytes:
    """Read a small file.

    Args:
        path: its name.
        message: what is said before the reason where that fails, such as "Error reading x: ".

    Raises:
        StorageFailed: it cannot be read.
        LimitExceeded: it is over 4 MiB.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        # Go's programs can open a folder, and then fail to read from it.
        verb = "read" if isinstance(error, IsADirectoryError) else "open"
        raise StorageFailed(f"{message}{verb} {path}: {reason_of(error)}") from None
    if len(content) > MAX_BYTES:
        raise LimitExceeded(f"{path} is over {MAX_BYTES} bytes")
    return content


def write_named(path: str, content: bytes, message: str, *, mode: int = 0o644) -> None:
    """Write a small file, in place of what is there; arguments and errors as `read_named`.

    Args:
        path: its name.
        content: what is in it.
        message: as in `read_named`.
        mode: of a file that is not there yet, cut by the umask.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        with open(os.open(path, flags, mode), "wb") as file:
            file.write(content)
    except (OSError, ValueError) as error:
        raise StorageFailed(f"{message}open {path}: {reason_of(error)}") from None


def read_passphrase(path: str) -> str:
    """Read the first line of a file, without its end. Errors as `read_named`."""
    first = read_named(path, "").partition(b"\n")[0]
    return first.decode("utf-8", "surrogateescape")


def reason_of(error: OSError | ValueError) -> str:
    """Say why a file could not be used, as Go's programs do."""
    why = (error.strerror if isinstance(error, OSError) else "") or "invalid path"
    return f"{why[:1].lower()}{why[1:]}"
