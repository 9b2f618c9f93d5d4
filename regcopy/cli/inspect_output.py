"""What `inspect` shows, in the fields and the order of skopeo."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from regcopy.cli.flags import CommandLineError
from regcopy.cli.gojson import encode, time_text
from regcopy.cli.gotext import quote
from regcopy.model._json import JsonObject, load_object
from regcopy.model.image_config import to_oci_config
from regcopy.model.mediatypes import DOCKER_MANIFEST
from regcopy.text import printable

if TYPE_CHECKING:
    from regcopy.api import ImageInfo
    from regcopy.model.descriptor import Descriptor

Report = Mapping[str, object]
"""Values by skopeo's names, in its order; JSON types only."""

_CONFIG: Final = "image config"
# Go's zero time: the config of Docker has no way to say that there is none.
_NO_TIME: Final = "0001-01-01T00:00:00Z"
_PLACEHOLDER: Final = re.compile(r"\{\{(?:- )?\s*(json\s+)?\.([A-Za-z]*)\s*(?: -)?\}\}")
_JSON: Final = re.compile(r"\s*(?:json|\{\{\s*json\s*(?:\.\s*)?\}\})\s*")
_LONGEST_FIELD: Final = 1_000_000


def make_report(info: ImageInfo, tags: Sequence[str]) -> Report:
    """Collect what is shown.

    Raises:
        ManifestInvalid: the config is not what a config is.
    """
    content = info.config or b"{}"
    config = JsonObject(load_object(content, what=_CONFIG), what=_CONFIG)
    settings = config.child("config") or JsonObject({}, what=_CONFIG)
    created = load_object(to_oci_config(content)).get("created")
    if created is None and info.manifest.media_type == DOCKER_MANIFEST:
        created = _NO_TIME
    layers = info.manifest.layers
    return {
        "Name": info.name,
        "Digest": str(info.digest),
        "RepoTags": list(tags),
        "Created": created,
        "DockerVersion": config.string("docker_version"),
        "Labels": _if_there(
            settings, "Labels", dict(sorted(settings.string_map("Labels").items()))
        ),
        "Architecture": config.string("architecture"),
        "Variant": config.string("variant"),
        "Os": config.string("os"),
        "Layers": [str(layer.digest) for layer in layers],
        "LayersData": [_layer(layer) for layer in layers],
        "Env": _if_there(settings, "Env", list(settings.strings("Env"))),
    }


def _if_there(settings: JsonObject, key: str, value: object) -> object:
    return None if settings.members.get(key) is None else value


def _layer(layer: Descriptor) -> dict[str, object]:
    return {
        "MIMEType": layer.media_type,
        "Digest": str(layer.digest),
        "Size": layer.size,
        "Annotations": dict(sorted(layer.annotations.items())) or None,
    }


def report_json(report: Report) -> str:
    """Give the whole report as JSON; `Name` and `Variant` only where there is one."""
    shown = {k: v for k, v in report.items() if v or k not in ("Name", "Variant")}
    return f"{encode(shown)}\n"


def report_by_template(report: Report, template: str) -> str:
    """Fill in a template of plain fields: `{{.Name}}`, `{{json .Labels}}`.

    Raises:
        CommandLineError: the template has something else in double braces.
    """
    if _JSON.fullmatch(template):
        return report_json(report)
    text = template.replace("\\t", "\t").replace("\\n", "\n")
    rest = _PLACEHOLDER.sub("", text)
    if "{{" in rest or "}}" in rest:
        raise CommandLineError(
            f"--format {quote(template)}: only plain fields are supported yet",
            hint="such as {{.Name}} or {{json .Labels}}; the JSON output and jq can do the rest",
        )
    filled = _PLACEHOLDER.sub(lambda match: _fill(report, match[2], as_json=bool(match[1])), text)
    return filled if filled.endswith("\n") else f"{filled}\n"


def _fill(report: Report, name: str, *, as_json: bool) -> str:
    if name not in report:
        raise CommandLineError(
            f"--format: there is no field {quote(name)}", hint=f"there are {', '.join(report)}"
        )
    if as_json:
        return encode(report[name], indent=None)
    if name == "LayersData":
        raise CommandLineError("--format: write {{json .LayersData}} for the layers")
    return printable(_shown(report, name), limit=_LONGEST_FIELD)


def _shown(report: Report, name: str) -> str:
    """Write a field as Go's `%v` does."""
    value = report[name]
    if name == "Created":
        return time_text(value) if isinstance(value, str) else "<nil>"
    if name == "Labels":
        pairs = value.items() if isinstance(value, Mapping) else ()
        return f"map[{' '.join(f'{key}:{text}' for key, text in pairs)}]"
    if isinstance(value, str):
        return value
    items = value if isinstance(value, Sequence) else ()
    return f"[{' '.join(str(item) for item in items)}]"
