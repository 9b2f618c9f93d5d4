"""What `inspect` shows, in the fields and the order of skopeo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from regcopy.cli.gojson import encode
from regcopy.model._json import JsonObject, load_object
from regcopy.model.image_config import to_oci_config
from regcopy.model.mediatypes import DOCKER_MANIFEST, SCHEMA1

if TYPE_CHECKING:
    from regcopy.copying.image_info import ImageInfo
    from regcopy.model.descriptor import Descriptor
    from regcopy.model.manifest import ImageManifest

Report = Mapping[str, object]
"""Values by skopeo's names, in its order; JSON types only."""

Config = Mapping[str, object]
"""An OCI config; JSON types only."""

_CONFIG: Final = "image config"
# Go's zero time: the config of Docker has no way to say that there is none.
_NO_TIME: Final = "0001-01-01T00:00:00Z"


def make_report(info: ImageInfo, tags: Sequence[str]) -> Report:
    """Collect what is shown.

    Raises:
        ManifestInvalid: the config is not what a config is.
    """
    content = info.config or b"{}"
    config = JsonObject(load_object(content, what=_CONFIG), what=_CONFIG)
    settings = config.child("config") or JsonObject({}, what=_CONFIG)
    created = load_object(to_oci_config(content)).get("created")
    is_docker = info.manifest.media_type in SCHEMA1 | {DOCKER_MANIFEST}
    if created is None and is_docker:
        created = _NO_TIME
    layers = info.manifest.layers
    return {
        "Name": info.name,
        "Tag": _tag(info),
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
        "LayersData": [_layer(layer, info.manifest) for layer in layers],
        "Env": _if_there(settings, "Env", list(settings.strings("Env"))),
    }


def _if_there(settings: JsonObject, key: str, value: object) -> object:
    return None if settings.members.get(key) is None else value


def _tag(info: ImageInfo) -> str:
    """Tag that the manifest itself tells; only schema 1 does."""
    if info.raw.media_type not in SCHEMA1:
        return ""
    from regcopy.model.schema1 import read_schema1  # few images are that old

    return read_schema1(info.raw.payload).tag


def _layer(layer: Descriptor, image: ImageManifest) -> dict[str, object]:
    return {
        "MIMEType": "" if image.media_type in SCHEMA1 else layer.media_type,
        "Digest": str(layer.digest),
        "Size": layer.size,
        "Annotations": dict(sorted(layer.annotations.items())) or None,
    }


def report_json(report: Report) -> str:
    """Give the whole report as JSON; `Name`, `Tag` and `Variant` only where there is one."""
    shown = {k: v for k, v in report.items() if v or k not in ("Name", "Tag", "Variant")}
    return f"{encode(shown)}\n"


def config_json(config: Config) -> str:
    """Give the whole config as JSON."""
    return f"{encode(config)}\n"


def by_template(shown: Report | Config, template: str, *, is_config: bool = False) -> str:
    """Fill in a template, as `--format` has it.

    Raises:
        CommandLineError: the template cannot be used; the message says why.
    """
    from regcopy.cli.inspect_values import config_values, report_values
    from regcopy.cli.template.render import asks_for_all, render

    if asks_for_all(template):
        return config_json(shown) if is_config else report_json(shown)
    return render(template, config_values(shown) if is_config else report_values(shown))
