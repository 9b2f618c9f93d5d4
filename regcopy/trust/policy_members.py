"""Members of the objects of policy.json; an error says which one, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection
from typing import NoReturn

from regcopy.model._json import JsonObject


def only(source: JsonObject, known: Collection[str]) -> None:
    """Refuse members that nobody knows. Raises ManifestInvalid, as all of these do."""
    for key in source.members:
        if key not in known:
            source.fail(key, "is unknown")


def child(source: JsonObject, key: str) -> JsonObject:
    """Give an object that must be there."""
    found = source.child(key)
    return _missing(source, key) if found is None else found


def string(source: JsonObject, key: str) -> str:
    """Give a text that must be there."""
    return source.string(key) or _missing(source, key)


def strings(source: JsonObject, key: str) -> tuple[str, ...]:
    """Give a list of texts that must be there, with at least one."""
    texts = source.strings(key)
    return texts if texts and all(texts) else _missing(source, key)


def _missing(source: JsonObject, key: str) -> NoReturn:
    source.fail(key, "is missing or empty")
