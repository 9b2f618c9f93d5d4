"""What `inspect` shows, as the values that templates are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from regcopy.cli.template.values import Field, GoList, GoMap, GoStruct, GoTime, Value

_Convert = Callable[[object], Value]


def _text(value: object) -> Value:
    return value if isinstance(value, str) else ""


def _flag(value: object) -> Value:
    return value is True


def _size(value: object) -> Value:
    return value if isinstance(value, int) else 0


def _time(value: object) -> Value:
    return GoTime(value) if isinstance(value, str) and value else None


def _texts(value: object) -> Value:
    return _list(value, _text)


def _list(value: object, convert: _Convert) -> GoList:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return GoList(is_nil=True)
    return GoList(tuple(map(convert, value)))


def _pairs(value: object) -> Value:
    if not isinstance(value, Mapping):
        return GoMap(is_nil=True)
    return GoMap({key: _text(item) for key, item in value.items()})


def _names(value: object) -> Value:
    """A map that is used as a set: what stands behind each name is nothing."""
    nothing = GoStruct()
    if not isinstance(value, Mapping):
        return GoMap(zero=nothing, is_nil=True)
    return GoMap(dict.fromkeys(value, nothing), zero=nothing)


def _struct(value: object, shape: Sequence[tuple[str, str, _Convert]]) -> GoStruct:
    """Give fields to a JSON object: name, key (`?` where the field is left out if empty), kind."""
    members = value if isinstance(value, Mapping) else {}
    return GoStruct(
        tuple(
            Field(name, key.rstrip("?"), convert(members.get(key.rstrip("?"))), key.endswith("?"))
            for name, key, convert in shape
        )
    )


def _layers(value: object) -> Value:
    return _list(value, lambda layer: _struct(layer, _LAYER))


def _history(value: object) -> Value:
    return _list(value, lambda entry: _struct(entry, _HISTORY))


def _execution(value: object) -> Value:
    return _struct(value, _EXECUTION)


def _rootfs(value: object) -> Value:
    return _struct(value, _ROOTFS)


_LAYER: Final = (
    ("MIMEType", "MIMEType", _text),
    ("Digest", "Digest", _text),
    ("Size", "Size", _size),
    ("Annotations", "Annotations", _pairs),
)
_REPORT: Final = (
    ("Name", "Name?", _text),
    ("Tag", "Tag?", _text),
    ("Digest", "Digest", _text),
    ("RepoTags", "RepoTags", _texts),
    ("Created", "Created", _time),
    ("DockerVersion", "DockerVersion", _text),
    ("Labels", "Labels", _pairs),
    ("Architecture", "Architecture", _text),
    ("Variant", "Variant?", _text),
    ("Os", "Os", _text),
    ("Layers", "Layers", _texts),
    ("LayersData", "LayersData", _layers),
    ("Env", "Env", _texts),
)
_EXECUTION: Final = (
    ("User", "User?", _text),
    ("ExposedPorts", "ExposedPorts?", _names),
    ("Env", "Env?", _texts),
    ("Entrypoint", "Entrypoint?", _texts),
    ("Cmd", "Cmd?", _texts),
    ("Volumes", "Volumes?", _names),
    ("WorkingDir", "WorkingDir?", _text),
    ("Labels", "Labels?", _pairs),
    ("StopSignal", "StopSignal?", _text),
    ("ArgsEscaped", "ArgsEscaped?", _flag),
)
_ROOTFS: Final = (("Type", "type", _text), ("DiffIDs", "diff_ids", _texts))
_HISTORY: Final = (
    ("Created", "created?", _time),
    ("CreatedBy", "created_by?", _text),
    ("Author", "author?", _text),
    ("Comment", "comment?", _text),
    ("EmptyLayer", "empty_layer?", _flag),
)
_CONFIG: Final = (
    ("Created", "created?", _time),
    ("Author", "author?", _text),
    ("Architecture", "architecture", _text),
    ("OS", "os", _text),
    ("OSVersion", "os.version?", _text),
    ("OSFeatures", "os.features?", _texts),
    ("Variant", "variant?", _text),
    ("Config", "config?", _execution),
    ("RootFS", "rootfs", _rootfs),
    ("History", "history?", _history),
)


def report_values(report: Mapping[str, object]) -> GoStruct:
    """Give the fields of a report by skopeo's names."""
    return _struct(report, _REPORT)


def config_values(config: Mapping[str, object]) -> GoStruct:
    """Give the fields of an OCI config by the names of image-spec's types for Go."""
    return _struct(config, _CONFIG)
