"""Configs of Docker before 1.8.3, which are written anew when they leave schema 1.

What stays, and in which order it stands, is what the types of Docker make of it, with the
members that these versions did not write. Without that their image IDs would not be those
that Docker gave them.
"""

from __future__ import annotations

from typing import Final

from regcopy.model._encode import NO_TIME, by_name, present, set_of_names, time_text
from regcopy.model._json import JsonObject, dump_object, load_object

_SINCE: Final = (1, 8, 3)
_KNOWN: Final = frozenset(
    {
        *("id", "parent", "comment", "created", "container", "container_config"),
        *("docker_version", "author", "config", "architecture", "variant", "os", "Size"),
        # What the config gets beside these.
        *("rootfs", "history"),
    }
)
_TEXTS: Final = ("author", "architecture", "variant", "os")
_KNOWN_CONFIG: Final = frozenset(
    {
        *("Hostname", "Domainname", "User", "AttachStdin", "AttachStdout", "AttachStderr"),
        *("ExposedPorts", "Tty", "OpenStdin", "StdinOnce", "Env", "Cmd", "ArgsEscaped", "Image"),
        *("Volumes", "WorkingDir", "Entrypoint", "NetworkDisabled", "MacAddress", "OnBuild"),
        *("Labels", "StopSignal"),
    }
)


def rewritten_v1_image(text: str) -> str:
    """Write the config of an old Docker anew; that of a newer one stays.

    Raises:
        ManifestInvalid: this is no config.
    """
    source = JsonObject(load_object(text.encode(), what="v1Compatibility"), what="v1Compatibility")
    source.refuse_lookalikes(_KNOWN)
    version = source.string("docker_version")
    if not version or not _is_before(version):
        return text
    config = source.child("config")
    document = {
        "created": time_text(source, "created") or NO_TIME,
        **present({"comment": source.string("comment"), "container": source.string("container")}),
        "container_config": _execution(source.child("container_config") or JsonObject({})),
        "docker_version": version,
        **present({name: source.string(name) for name in _TEXTS}),
        **({} if config is None else {"config": _execution(config)}),
    }
    return dump_object(document).decode()


def _is_before(version: str) -> bool:
    """Compare as Docker did: what is no number, such as `3-rc1`, counts as 0."""
    return tuple(int(part) if _is_number(part) else 0 for part in version.split(".")) < _SINCE


def _is_number(part: str) -> bool:
    return len(part) < 10 and part.isascii() and part.isdigit()


def _execution(source: JsonObject) -> dict[str, object]:
    source.refuse_lookalikes(_KNOWN_CONFIG)
    flags = ("AttachStdin", "AttachStdout", "AttachStderr")
    return {
        **{name: source.string(name) for name in ("Hostname", "Domainname", "User")},
        **{name: source.boolean(name) for name in flags},
        **present({"ExposedPorts": set_of_names(source, "ExposedPorts")}),
        **{name: source.boolean(name) for name in ("Tty", "OpenStdin", "StdinOnce")},
        "Env": _texts(source, "Env"),
        "Cmd": _words(source, "Cmd"),
        **present({"ArgsEscaped": source.boolean("ArgsEscaped")}),
        "Image": source.string("Image"),
        "Volumes": None if source.child("Volumes") is None else set_of_names(source, "Volumes"),
        "WorkingDir": source.string("WorkingDir"),
        "Entrypoint": _words(source, "Entrypoint"),
        **present({"NetworkDisabled": source.boolean("NetworkDisabled")}),
        **present({"MacAddress": source.string("MacAddress")}),
        "OnBuild": _texts(source, "OnBuild"),
        "Labels": by_name(source.string_map("Labels")) if source.child("Labels") else None,
        **present({"StopSignal": source.string("StopSignal")}),
    }


def _texts(source: JsonObject, key: str) -> list[str] | None:
    return None if source.members.get(key) is None else list(source.strings(key))


def _words(source: JsonObject, key: str) -> list[str] | None:
    """Words of a command, which early versions also wrote as one text."""
    value = source.members.get(key)
    return [value] if isinstance(value, str) else _texts(source, key)
