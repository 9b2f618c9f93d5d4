"""Docker's image config, written again as OCI's (OCI image-spec config.md).

What stays, and in which order it stands, is what image-spec's own types for Go (v1.1) make
of it, so that a converted image has the digest that other tools give it. What OCI has no
place for is left out: Healthcheck, OnBuild, Shell, container_config and the like.
"""

from __future__ import annotations

from typing import Final

from regcopy.model._encode import (
    by_name,
    platform_members,
    present,
    set_of_names,
    time_text,
)
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


def to_oci_config(config: bytes) -> bytes:
    """Write a Docker config as an OCI config.

    Raises:
        ManifestInvalid: no JSON, a member of the wrong type, or one spelt in two ways.
    """
    source = JsonObject(load_object(config, what="image config"), what="image config")
    source.refuse_lookalikes(_KNOWN)
    document: dict[str, object] = {
        **present({"created": time_text(source, "created"), "author": source.string("author")}),
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
            "ExposedPorts": set_of_names(source, "ExposedPorts"),
            "Env": list(source.strings("Env")),
            "Entrypoint": list(source.strings("Entrypoint")),
            "Cmd": list(source.strings("Cmd")),
            "Volumes": set_of_names(source, "Volumes"),
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
            "created": time_text(source, "created"),
            "created_by": source.string("created_by"),
            "author": source.string("author"),
            "comment": source.string("comment"),
            "empty_layer": source.boolean("empty_layer"),
        }
    )
