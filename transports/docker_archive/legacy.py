"""The first format of image archives, which some readers still look for: a folder a layer.

Each folder is named by an ID that is computed as containers/image computes it, so that the
archives agree byte for byte: a digest of the folder's own `json` with the chain ID of the
layer in it (image-spec config.md, "Layer ChainID") in place of the ID.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from regcopy.errors import ManifestInvalid
from regcopy.model._json import dump_object
from regcopy.model.digest import Digest
from regcopy.model.reference import ImageName

LEGACY_VERSION: Final = b"1.0"
# Members of the image's config that the topmost layer repeats; null where there is none.
_REPEATED: Final = (
    "architecture",
    "config",
    "container",
    "container_config",
    "created",
    "docker_version",
    "os",
)
_TEXT_OR_SPACE: Final = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")|[ \t\r\n]+')
_SPACE: Final = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class LegacyLayer:
    """The folder of one layer.

    Attributes:
        id: 64 hex digits; name of the folder.
        diff_id: digest of the layer that it is about.
        json: content of the file of that name.
    """

    id: str
    diff_id: Digest
    json: bytes


def legacy_layers(diff_ids: Sequence[Digest], config: bytes) -> Iterator[LegacyLayer]:
    """Make the folders of an image, the lowest layer first.

    Args:
        diff_ids: of its layers.
        config: of the image; strict JSON, as `load_object` takes it.

    Raises:
        ManifestInvalid: `config` cannot be taken apart.
    """
    parent, chain = "", ""
    for number, diff_id in enumerate(diff_ids):
        members: dict[str, str] = {}
        if parent:
            members["parent"] = f'"{parent}"'
        if number == len(diff_ids) - 1:
            found = raw_members(config)
            members |= {name: found.get(name, "null") for name in _REPEATED}
        chain = str(Digest.of(f"{chain} {diff_id}".encode())) if chain else str(diff_id)
        parent = Digest.of(_join(members | {"layer_id": f'"{chain}"'})).hex
        yield LegacyLayer(parent, diff_id, _join(members | {"id": f'"{parent}"'}))


def write_repositories(tops: Mapping[ImageName, str]) -> bytes:
    """Write the file `repositories`: which folder each name means.

    Args:
        tops: for each name with its tag the ID of the topmost layer, "" for an image without
            layers.
    """
    found: dict[str, dict[str, str]] = {}
    for name, top in tops.items():
        if top:
            found.setdefault(name.name, {})[name.tag] = top
    return dump_object({name: dict(sorted(tags.items())) for name, tags in sorted(found.items())})


def raw_members(content: bytes) -> Mapping[str, str]:
    """Give the members of a JSON object as they are written, without space between tokens.

    Raises:
        ManifestInvalid: this is no JSON object.
    """
    text = content.decode()
    decoder = json.JSONDecoder()
    members: dict[str, str] = {}
    try:
        position = _after(text, 0, "{")
        while text[position] != "}":
            key, position = decoder.raw_decode(text, position)
            begin = _after(text, position, ":")
            _, position = decoder.raw_decode(text, begin)
            members[key] = _compact(text[begin:position])
            position = _skip(text, position)
            if text[position] == ",":
                position = _skip(text, position + 1)
    except (ValueError, IndexError, RecursionError):
        raise ManifestInvalid("image config is not a JSON object") from None
    return members


def _skip(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _after(text: str, position: int, token: str) -> int:
    position = _skip(text, position)
    if text[position] != token:
        raise ValueError(f"no {token}")
    return _skip(text, position + 1)


def _compact(text: str) -> str:
    """Write JSON as Go does where it passes a value on: compact, safe inside HTML."""
    compact = _TEXT_OR_SPACE.sub(lambda found: found[1] or "", text)
    for character in "<>&\u2028\u2029":
        compact = compact.replace(character, f"\\u{ord(character):04x}")
    return compact


def _join(members: Mapping[str, str]) -> bytes:
    return ("{" + ",".join(f'"{name}":{members[name]}' for name in sorted(members)) + "}").encode()
