"""Small text files that a run leaves behind, written whole or not at all."""

from __future__ import annotations

import os
import stat

from regcopy.errors import NotFound, StorageFailed


def check_writable(path: str, what: str) -> None:
    """Fail before anything is copied where a file could not be written afterwards.

    Args:
        path: of the file.
        what: what will be in it, for the message.

    Raises:
        StorageFailed: its folder does not exist, or nothing may be written there.
    """
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise StorageFailed(f"writing {what}: {path} is a folder")
    if not os.path.isdir(folder):
        raise StorageFailed(f"writing {what}: the folder {folder} does not exist")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise StorageFailed(
            f"writing {what}: {path}: permission denied",
            hint="check owner and permissions of that place",
        )


def write_text(path: str, text: str, what: str) -> None:
    """Write a file; a pipe, a device, and one in a folder that takes no new files in place.

    Raises:
        StorageFailed: it could not be written.
    """
    from regcopy.streams.files import Folder, storage_errors, write_file

    content = text.encode("utf-8", "backslashreplace")
    if not _is_special(path):
        folder, name = os.path.split(os.path.realpath(path))
        try:
            with Folder.open(folder) as opened:
                write_file(opened, name, content)
        except (StorageFailed, NotFound):
            if not os.path.exists(path):
                raise
        else:
            return
    with storage_errors(f"writing {what}", path), open(path, "wb") as file:
        file.write(content)


def _is_special(path: str) -> bool:
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False
