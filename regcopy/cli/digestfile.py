"""`--digestfile`: the digest of the copy, in a file."""

from __future__ import annotations

import os
import stat

from regcopy.cli.gotext import quote
from regcopy.errors import NotFound, StorageFailed
from regcopy.model.digest import Digest


def check_digestfile(path: str) -> None:
    """Fail before anything is copied where the file could not be written afterwards.

    Raises:
        StorageFailed: its folder does not exist, or nothing may be written there.
    """
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise _failure(path, f"open {path}: is a directory")
    if not os.path.isdir(folder):
        raise _failure(path, f"open {path}: no such file or directory")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise _failure(path, f"open {path}: permission denied")


def write_digestfile(path: str, digest: Digest) -> None:
    """Write the digest, without a new line, whole or not at all.

    A pipe, a device, and a file whose folder takes no new files (one that is mounted into a
    container by itself) are written in place.

    Raises:
        StorageFailed: it could not be written.
    """
    from regcopy.streams.files import Folder, write_file

    content = str(digest).encode()
    if not _is_special(path):
        folder, name = os.path.split(os.path.realpath(path))
        try:
            with Folder.open(folder) as opened:
                write_file(opened, name, content)
        except (StorageFailed, NotFound) as error:
            if not os.path.exists(path):
                raise _failure(path, error.message) from error
        else:
            return
    try:
        with open(path, "wb") as file:
            file.write(content)
    except OSError as error:
        raise _failure(path, f"open {path}: {(error.strerror or 'failed').lower()}") from error


def _is_special(path: str) -> bool:
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def _failure(path: str, reason: str) -> StorageFailed:
    return StorageFailed(f"Failed to write digest to file {quote(path)}: {reason}")
