"""Docker's schema 1, written: the history that an image has in its config becomes the manifest.

What is written, and in which order it stands, is what containers/image makes of the same image,
so that it has the digest that other tools give it. IDs are those that Docker made up: a hash
over the layer and the ID below, and at the top over the config as well. Source: distribution's
"Image Manifest Version 2, Schema 1".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, NoReturn

from regcopy.errors import ManifestUnsupported
from regcopy.model._encode import NO_TIME, present, time_text
from regcopy.model._json import JsonObject, dump_object, load_object
from regcopy.model._raw_json import dump_raw, raw_members
from regcopy.model.digest import Digest
from regcopy.model.schema1 import Schema1

# The empty tar file that stands for a step without a layer; all such images have these bytes.
EMPTY_LAYER: Final = bytes.fromhex(
    "1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000"
)
EMPTY_LAYER_DIGEST: Final = Digest.of(EMPTY_LAYER)
_MAX_STEPS: Final = 1000
# What is read of a config, and what its text gets.
_KNOWN: Final = frozenset({"architecture", "history", "rootfs", "id", "parent", "throwaway"})
_KNOWN_HISTORY: Final = frozenset({"created", "created_by", "author", "comment", "empty_layer"})


class _Written(NamedTuple):
    layer: Digest
    id: str
    text: str


def schema1_text(
    config: bytes, layers: Sequence[Digest], now: Mapping[Digest, Digest], *, name: str, tag: str
) -> bytes:
    """Make the text that is signed to be a manifest of schema 1.

    Args:
        config: of the image.
        layers: digests that its layers had, the lowest first; IDs are made of them.
        now: digests that layers got on the way, by those they had.
        name: repository that it is written to, without the registry; "" where it has none.
        tag: the same for its tag.

    Raises:
        ManifestInvalid: the config is broken.
        ManifestUnsupported: its history does not tell which step each layer comes from.
    """
    text = config.decode("utf-8", errors="replace")
    source = JsonObject(load_object(config, what="image config"), what="image config")
    source.refuse_lookalikes(_KNOWN)
    steps = _steps(source, layers)
    top = _top(text, steps[-1].layer, steps[-2].id if len(steps) > 1 else "", source)
    history = [*(step.text for step in steps[:-1]), top]
    blobs = [now.get(step.layer, step.layer) for step in steps]
    return _manifest(name, tag, source.string("architecture"), blobs, history)


def schema1_text_with(image: Schema1, now: Mapping[Digest, Digest]) -> bytes:
    """Make the text of an image that is schema 1 already, with other layers.

    Args:
        image: as it was.
        now: digests that layers got on the way, by those they had.
    """
    blobs = [now.get(step.layer, step.layer) for step in image.steps]
    history = [step.text for step in image.steps]
    return _manifest(image.name, image.tag, image.architecture, blobs, history)


def _steps(config: JsonObject, layers: Sequence[Digest]) -> list[_Written]:
    if (count := config.count("history")) > _MAX_STEPS:
        _refuse(f"its history has {count} entries, and the limit is {_MAX_STEPS}")
    entries, waiting = config.children("history"), list(layers[::-1])
    if not entries:
        _refuse("its config has no history")
    steps: list[_Written] = []
    for entry in entries:
        entry.refuse_lookalikes(_KNOWN_HISTORY)
        is_empty = entry.boolean("empty_layer")
        if not is_empty and not waiting:
            _refuse(f"its history tells of more layers than the {len(layers)} that it has")
        layer = EMPTY_LAYER_DIGEST if is_empty else waiting.pop()
        parent = steps[-1].id if steps else ""
        written = _id(layer, parent)
        steps.append(_Written(layer, written, _text(entry, written, parent)))
    if waiting:
        _refuse(f"its history tells of fewer layers than the {len(layers)} that it has")
    return steps


def _refuse(why: str) -> NoReturn:
    raise ManifestUnsupported(
        f"this image cannot be converted to Docker schema 1: {why}", hint="use --format v2s2"
    )


def _id(layer: Digest, *more: str) -> str:
    return hashlib.sha256(" ".join((layer.hex, *more)).encode()).hexdigest()


def _text(entry: JsonObject, written: str, parent: str) -> str:
    document = {
        "id": written,
        **present({"parent": parent, "comment": entry.string("comment")}),
        "created": time_text(entry, "created") or NO_TIME,
        "container_config": {"Cmd": [entry.string("created_by")]},
        **present({"author": entry.string("author"), "throwaway": entry.boolean("empty_layer")}),
    }
    return dump_object(document).decode()


def _top(config: str, layer: Digest, parent: str, source: JsonObject) -> str:
    """Text of the last step: the config, but for what the manifest tells in its own way."""
    members = raw_members(config, what="image config")
    for name in ("rootfs", "history"):
        members.pop(name, None)
    members["id"] = json.dumps(_id(layer, parent, config))
    if parent:
        members["parent"] = json.dumps(parent)
    if source.children("history")[-1].boolean("empty_layer"):
        members["throwaway"] = "true"
    return dump_raw(members).decode()


def _manifest(
    name: str, tag: str, architecture: str, blobs: Sequence[Digest], history: Sequence[str]
) -> bytes:
    return dump_object(
        {
            "name": name,
            "tag": tag,
            "architecture": architecture,
            "fsLayers": [{"blobSum": str(blob)} for blob in reversed(blobs)],
            "history": [{"v1Compatibility": text} for text in reversed(history)],
            "schemaVersion": 1,
        }
    )
