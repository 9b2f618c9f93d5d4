"""Docker's image config, written again as OCI's (OCI image-spec config.md).

What stays, and in which order it stands, is what image-spec's own types for Go (v1.1) make
of it, so that a converted image has the digest that other tools give it. What OCI has no
place for is left out: Healthcheck, OnBuild, Shell, container_config and the like.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from regcopy.model._encode import by_name, platform_members, present
from regcopy.model._json import JsonObject, dump_object, load_object
from regcopy.model.digest import Digest

_KNOWN: Final = frozenset(
    {
        "created",
        "author",
        "architecture",
        "os",
        "os.version",
        "os.features",
        "variant",
        "config",
        "rootfs",
        "history",
    }
)
_KNOWN_CONFIG: Final = frozenset(
    {
        "User",
        "ExposedPorts",
        "Env",
        "Entrypoint",
        "Cmd",
        "Volumes",
        "WorkingDir",
        "Labels",
        "StopSignal",
        "ArgsEscaped",
    }
)
_KNOWN_ROOTFS: Final = frozenset({"type", "diff_ids"})
_KNOWN_HISTORY: Final = frozenset({"created", "created_by", "author", "comment", "empty_layer"})

# RFC 3339, section 5.6, without the liberties it allows (lower-case t and z, a space).
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?"
    r"(Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)


def to_oci_config(config: bytes) -> bytes:
    """Write a Docker config as an OCI config.

    Raises:
        ManifestInvalid: no JSON, a member of the wrong type, or one spelt in two ways.
    """
    source = JsonObject(load_object(config, what="image config"), what="image config")
    source.refuse_lookalikes(_KNOWN)
    document: dict[str, object] = {
        **present({"created": _time(source, "created"), "author": source.string("author")}),
        **platform_members(source),
        "config": _execution(source.child("config")),
        "rootfs": _rootfs(source.child("rootfs")),
        **present({"history": [_history(entry) for entry in source.children("history")]}),
    }
    return dump_object(document)


def read_diff_ids(config: bytes) -> tuple[Digest, ...]:
    """Digests of the layers as plain tar files, in order (OCI image-spec config.md, rootfs).

    Raises:
        ManifestInvalid: no JSON, no digest, or a member spelt in two ways.
    """
    source = JsonObject(load_object(config, what="image config"), what="image config")
    source.refuse_lookalikes(_KNOWN)
    rootfs = source.child("rootfs") or JsonObject({})
    rootfs.refuse_lookalikes(_KNOWN_ROOTFS)
    return rootfs.digests("diff_ids")


def _execution(source: JsonObject | None) -> dict[str, object]:
    if source is None:
        return {}
    source.refuse_lookalikes(_KNOWN_CONFIG)
    return present(
        {
            "User": source.string("User"),
            "ExposedPorts": _names(source, "ExposedPorts"),
            "Env": list(source.strings("Env")),
            "Entrypoint": list(source.strings("Entrypoint")),
            "Cmd": list(source.strings("Cmd")),
            "Volumes": _names(source, "Volumes"),
            "WorkingDir": source.string("WorkingDir"),
            "Labels": by_name(source.string_map("Labels")),
            "StopSignal": source.string("StopSignal"),
            "ArgsEscaped": source.boolean("ArgsEscaped"),
        }
    )


def _rootfs(source: JsonObject | None) -> dict[str, object]:
    if source is None:
        return {"type": "", "diff_ids": None}
    source.refuse_lookalikes(_KNOWN_ROOTFS)
    has_ids = source.members.get("diff_ids") is not None
    return {
        "type": source.string("type"),
        "diff_ids": list(source.strings("diff_ids")) if has_ids else None,
    }


def _history(source: JsonObject) -> dict[str, object]:
    source.refuse_lookalikes(_KNOWN_HISTORY)
    return present(
        {
            "created": _time(source, "created"),
            "created_by": source.string("created_by"),
            "author": source.string("author"),
            "comment": source.string("comment"),
            "empty_layer": source.boolean("empty_layer"),
        }
    )


def _names(source: JsonObject, key: str) -> dict[str, object]:
    """Object used as a set of names: whatever stands behind a name is nothing."""
    names = source.child(key)
    if names is None:
        return {}
    for name in names.members:
        names.child(name)
    return {name: {} for name in sorted(names.members)}


def _time(source: JsonObject, key: str) -> str:
    """Time as Go writes it: at most nine digits of a second, none of them a trailing zero."""
    if source.members.get(key) is None:
        return ""
    found = _TIME.fullmatch(source.string(key))
    if found is None or not _is_moment(found[1]):
        source.fail(key, "is no time in the form of RFC 3339")
    moment, digits, zone = found.groups()
    fraction = (digits or "")[:9].rstrip("0")
    is_utc = zone[1:] == "00:00"
    return f"{moment}{'.' if fraction else ''}{fraction}{'Z' if is_utc else zone}"


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
