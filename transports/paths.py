"""Paths as scopes of a trust policy (containers-policy.json(5), "dir:" and its like)."""

from __future__ import annotations

import os


def folders_around(path: str) -> tuple[str, ...]:
    """Give the folders that a file or folder is in, the innermost first, without `/`.

    Args:
        path: absolute, and without symbolic links.
    """
    folders: list[str] = []
    while (path := os.path.dirname(path)) != os.path.dirname(path):
        folders.append(path)
    return tuple(folders)
