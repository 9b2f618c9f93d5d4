"""Docker's schema 1: an image whose manifest tells its history, and that has no config.

Source: distribution's "Image Manifest Version 2, Schema 1", and Docker's image specification
1.0 for the text `v1Compatibility`. A config is made of the texts as containers/image makes
it, so that the image has the digest that other tools give it; the diff IDs, which are not in
the manifest, must have been found by unpacking the layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from regcopy.errors import LimitExceeded
from regcopy.model._encode import NO_TIME, docker_descriptor, present, time_text
from regcopy.model._json import JsonObject, dump_object, load_object
from regcopy.model._raw_json import dump_raw, raw_members
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import DOCKER_CONFIG, DOCKER_MANIFEST
from regcopy.model.v1_image import rewritten_v1_image

# Docker itself stops at 127.
_MAX_STEPS: Final = 1000
_ID: Final = re.compile(r"[0-9a-f]{64}")
_KNOWN: Final = frozenset(
    {"name", "tag", "architecture", "fsLayers", "history", "schemaVersion", "signatures"}
)
_KNOWN_STEP: Final = frozenset(
    {"id", "parent", "comment", "created", "container_config", "author", "throwaway"}
)
# What only schema 1 knows, or what a config has elsewhere.
_NOT_IN_CONFIG: Final = ("id", "parent", "parent_id", "layer_id", "throwaway", "Size")


class Step(NamedTuple):
    """One step in the history of an image.

    Attributes:
        layer: digest of its blob, which is an empty tar file where it is thrown away.
        id: of the image that ends with this step; `parent` is that of the step below.
        created: time in the form of RFC 3339.
        command: what was run.
        is_empty: it changed no file, and its layer is thrown away.
        text: its `v1Compatibility`: the whole config in that of the last step.
    """

    layer: Digest
    id: str
    parent: str
    created: str
    command: str
    author: str
    comment: str
    is_empty: bool
    text: str


class Schema1(NamedTuple):
    """What a manifest of schema 1 says.

    Attributes:
        blobs: digests of all layers that it names, the lowest first.
        steps: its history, the first step first; of steps with one ID the lowest.
    """

    name: str
    tag: str
    architecture: str
    blobs: tuple[Digest, ...]
    steps: tuple[Step, ...]

    @property
    def layers(self) -> tuple[Digest, ...]:
        """Digests of the layers that make up the file system, the lowest first."""
        return tuple(step.layer for step in self.steps if not step.is_empty)


def read_schema1(payload: bytes) -> Schema1:
    """Read the signed text of a manifest, or one that is not signed.

    Raises:
        ManifestInvalid: it is broken: the steps do not follow one another, there are more or
            fewer of them than layers, or a text is no JSON.
        LimitExceeded: there are more than 1,000 steps or layers.
    """
    document = JsonObject(load_object(payload))
    document.refuse_lookalikes(_KNOWN)
    if document.integer("schemaVersion") != 1:
        document.fail("schemaVersion", "is not 1")
    for name in ("fsLayers", "history"):
        # Before anything is made of them, so that a million of them cost nothing.
        if (count := document.count(name)) > _MAX_STEPS:
            raise LimitExceeded(
                f"manifest has {count} entries in {name}; the limit is {_MAX_STEPS}"
            )
    layers, history = document.children("fsLayers"), document.children("history")
    if not layers:
        document.fail("fsLayers", "is empty")
    if len(layers) != len(history):
        document.fail("history", f"has {len(history)} entries for {len(layers)} layers")
    blobs = tuple(layer.digest("blobSum") for layer in layers)
    steps = [_step(blob, entry) for blob, entry in zip(blobs, history, strict=True)]
    return Schema1(
        name=document.string("name"),
        tag=document.string("tag"),
        architecture=document.string("architecture"),
        blobs=blobs[::-1],
        steps=_in_order(steps[::-1], document),
    )


def _step(layer: Digest, entry: JsonObject) -> Step:
    text = entry.string("v1Compatibility")
    place = f"{entry.path}.v1Compatibility"
    source = JsonObject(load_object(text.encode(), what=f'manifest: "{place}"'), place)
    source.refuse_lookalikes(_KNOWN_STEP)
    container = source.child("container_config") or JsonObject({})
    container.refuse_lookalikes({"Cmd"})
    return Step(
        layer=layer,
        id=source.string("id"),
        parent=source.string("parent"),
        created=time_text(source, "created") or NO_TIME,
        command=" ".join(container.strings("Cmd")),
        author=source.string("author"),
        comment=source.string("comment"),
        is_empty=source.boolean("throwaway"),
        text=text,
    )


def _in_order(steps: Sequence[Step], document: JsonObject) -> tuple[Step, ...]:
    """Check that each step is the parent of the next; of those with one ID the lowest stays."""
    kept: list[Step] = []
    known = {""}
    for position, step in enumerate(steps):
        place = f"history[{len(steps) - 1 - position}]"
        if _ID.fullmatch(step.id) is None:
            document.fail(place, "has an ID that is not 64 hex digits")
        if kept and step.id == kept[-1].id:
            continue
        if step.id in known:
            document.fail(place, "has the ID of another entry")
        if step.parent != (kept[-1].id if kept else ""):
            document.fail(place, "does not have the entry below it as its parent")
        known.add(step.id)
        kept.append(step)
    return tuple(kept)


def config_of(image: Schema1, diff_ids: Iterable[Digest | str]) -> bytes:
    """Make the config of Docker's schema 2.

    Args:
        image: of schema 1.
        diff_ids: digests of `image.layers` as plain tar files.

    Raises:
        ManifestInvalid: the text of the last step is no config.
    """
    text = rewritten_v1_image(image.steps[-1].text)
    members = raw_members(text, what="v1Compatibility")
    for name in _NOT_IN_CONFIG:
        members.pop(name, None)
    history = ",".join(dump_object(_history(step)).decode() for step in image.steps)
    rootfs = {"type": "layers", **present({"diff_ids": [str(one) for one in diff_ids]})}
    members |= {"rootfs": dump_object(rootfs).decode(), "history": f"[{history}]"}
    return dump_raw(members)


def told_config(payload: bytes) -> bytes:
    """Make the config of an image whose layers nobody has unpacked: its diff IDs are empty.

    Raises:
        ManifestInvalid, LimitExceeded: as `read_schema1` and `config_of`.
    """
    image = read_schema1(payload)
    return config_of(image, ("" for _ in image.layers))


def _history(step: Step) -> dict[str, object]:
    return {
        "created": step.created,
        **present(
            {
                "author": step.author,
                "created_by": step.command,
                "comment": step.comment,
                "empty_layer": step.is_empty,
            }
        ),
    }


def schema2_of(
    image: Schema1, layers: Mapping[Digest, Descriptor], diff_ids: Mapping[Digest, Digest]
) -> tuple[bytes, bytes]:
    """Make the manifest of Docker's schema 2, and its config.

    Args:
        image: of schema 1.
        layers: what is known of its layers, sizes above all, by digest.
        diff_ids: digests of the layers as plain tar files, by digest.

    Returns:
        the bytes of the manifest, and of the config.

    Raises:
        ManifestInvalid: the text of the last step is no config.
    """
    config = config_of(image, (diff_ids[layer] for layer in image.layers))
    described = Descriptor(DOCKER_CONFIG, Digest.of(config), len(config))
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": docker_descriptor(described),
        "layers": [docker_descriptor(layers[layer]) for layer in image.layers],
    }
    return dump_object(document), config
