"""Change an auth file: one entry at a time, all else kept as it is, whole or not at all."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from regcopy.auth.auth_file import MAX_FILE_BYTES
from regcopy.auth.credential import Credential
from regcopy.errors import ConfigurationError, NotFound
from regcopy.streams.files import Folder, read_file, storage_errors, write_file
from regcopy.streams.locks import locked
from regcopy.text import printable

Document = dict[str, object]
Sleep = Callable[[float], None]

_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


def edit_auth_file(
    path: Path, change: Callable[[Document], bool], *, sleep: Sleep = time.sleep
) -> None:
    """Read a file, change it and put it back, while nobody else does.

    The folders that it is in are made if need be, for their owner only, and so is the file.

    Args:
        path: the file; there need not be one yet. No symbolic link is followed.
        change: changes the document; False leaves the file alone.
        sleep: waits, while others change a file of that folder.

    Raises:
        ConfigurationError: what is there is no auth file, or a symbolic link.
        StorageFailed: it cannot be read or written.
    """
    name = path.name
    if not name or name == "..":
        raise _unusable(path, "this is no name of a file")
    with _open_folder(path.parent) as folder, locked(folder, sleep=sleep):
        document = _read(folder, path)
        if change(document):
            write_file(folder, name, _encode(document, path), mode=_FILE_MODE)


def put_entry(document: Document, key: str, credential: Credential) -> None:
    """Write a user name and password under a key, in place of what is there."""
    pair = f"{credential.username}:{credential.password}".encode()
    entries = _entries(document)
    entries[key] = {"auth": base64.b64encode(pair).decode()}
    document["auths"] = dict(sorted(entries.items()))


def remove_entry(document: Document, key: str) -> bool:
    """Remove what is under a key; False where there is nothing."""
    entries = _entries(document)
    if key not in entries:
        return False
    del entries[key]
    document["auths"] = entries
    return True


def entry_keys(document: Document) -> list[str]:
    """Give the keys of all entries."""
    return list(_entries(document))


def _entries(document: Document) -> Document:
    found = document.get("auths")
    return dict(found) if isinstance(found, dict) else {}


def _open_folder(path: Path) -> Folder:
    shown = printable(str(path), limit=300)
    with storage_errors("creating", shown):
        missing = [part for part in (path, *path.parents) if not os.path.lexists(part)]
        for part in reversed(missing):
            # Another run may be making it at this moment.
            part.mkdir(mode=_FOLDER_MODE, exist_ok=True)
    return Folder.open(str(path))


def _read(folder: Folder, path: Path) -> Document:
    if os.path.islink(path):  # told better than the refusal to open it would
        raise ConfigurationError(
            f"{printable(str(path))} is a symbolic link, and is not followed",
            hint="name the file that it leads to, with --authfile",
        )
    try:
        content = read_file(folder, path.name, limit=MAX_FILE_BYTES)
    except NotFound:
        return {}
    try:
        document: object = json.loads(content, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        # Not chained: the cause of a JSON error holds the whole document.
        raise _unusable(path, "it is not valid JSON") from None
    if not isinstance(document, dict):
        raise _unusable(path, "it is not a JSON object")
    if not isinstance(document.get("auths", {}), dict | None):
        raise _unusable(path, '"auths" is not an object')
    return document


def _without_doubles(pairs: list[tuple[str, object]]) -> Document:
    members = dict(pairs)
    if len(members) != len(pairs):
        # One of the two would be lost.
        raise ValueError("a key appears twice")
    return members


def _encode(document: Document, path: Path) -> bytes:
    """Encode as `json.MarshalIndent` does, with tabs and without a new line at the end."""
    try:
        text = json.dumps(document, indent="\t", ensure_ascii=False, allow_nan=False)
        for character in "<>&\u2028\u2029":
            text = text.replace(character, f"\\u{ord(character):04x}")
        return text.encode()
    except (ValueError, RecursionError):
        raise _unusable(path, "it cannot be written again as it is") from None


def _unusable(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"{printable(str(path))} cannot be changed: {why}")
