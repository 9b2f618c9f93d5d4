"""`tree`: what an image is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from regcopy.cli.calls import reading
from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import OK
from regcopy.cli.flags import CommandLineError, Flag
from regcopy.cli.groups import RETRY, TOKEN_HOST, image_flags, parse_name
from regcopy.text import human_bytes, printable

if TYPE_CHECKING:
    from regcopy.checking.tree import ImageTree
    from regcopy.copying.tree import Node
    from regcopy.model.descriptor import Descriptor

_DESCRIPTION: Final = """
Shows what an image is made of: the index, its platforms, their manifests, configs and layers, with
their sizes; what refers to them (signatures, SBOMs), where the registry knows; how many bytes
there are in all, and how many of them several platforms share. Only manifests are read.
""".strip()


def _run(call: Invocation) -> int:
    from regcopy.checking.tree import read_image_tree

    if len(call.names) != 1:
        raise CommandLineError("Exactly one argument expected")
    (name,) = call.names
    parse_name(name, "Error parsing image name {quoted}: {problem}")
    tree = read_image_tree(name, reading=reading(call))
    if call.values.boolean("json"):
        from regcopy.cli.gojson import encode

        call.console.out(f"{encode(_document(name, tree))}\n")
    else:
        call.console.out("".join(f"{line}\n" for line in _lines(name, tree)))
    return OK


def _lines(name: str, tree: ImageTree) -> Iterator[str]:
    yield printable(name)
    yield from _drawn(tree, tree.root, is_last=True, indent="")
    images = len(list(tree.root.images()))
    yield ""
    yield (
        f"{images} {'image' if images == 1 else 'images'}, {len(tree.blobs)} blobs, "
        f"{human_bytes(tree.blob_bytes)}, and {human_bytes(tree.manifest_bytes)} of manifests"
    )
    if images > 1:
        shared, saved = human_bytes(tree.shared_bytes), human_bytes(tree.saved_bytes)
        yield f"shared by several images: {shared}, which saves {saved}"


def _drawn(tree: ImageTree, node: Node, *, is_last: bool, indent: str) -> Iterator[str]:
    yield f"{indent}{'└─' if is_last else '├─'} {_title(tree, node)}"
    below = indent + ("   " if is_last else "│  ")
    leaves = [*_blob_lines(tree, node), *_referrer_lines(tree, node)]
    for position, text in enumerate(leaves):
        ends = position == len(leaves) - 1 and not node.children
        yield f"{below}{'└─' if ends else '├─'} {text}"
    for position, child in enumerate(node.children):
        ends = position == len(node.children) - 1
        yield from _drawn(tree, child, is_last=ends, indent=below)


def _title(tree: ImageTree, node: Node) -> str:
    from regcopy.checking.tree import image_bytes
    from regcopy.model.manifest import ImageManifest

    is_image = isinstance(node.parsed, ImageManifest)
    parts = ["manifest" if is_image else "index", str(node.raw.digest)]
    if node.platform is not None:
        parts.append(printable(str(node.platform)))
    if node.raw.digest in tree.attestations:
        parts.append(f"attestation of {printable(tree.attestations[node.raw.digest])}")
    parts.append(printable(node.parsed.media_type))
    parts.append(human_bytes(image_bytes(node.image) if is_image else node.raw.size))
    return "  ".join(parts)


def _blob_lines(tree: ImageTree, node: Node) -> Iterator[str]:
    from regcopy.model.manifest import ImageManifest

    if not isinstance(node.parsed, ImageManifest):
        return
    if node.parsed.config is not None:
        yield _blob_line(tree, "config", node.parsed.config)
    for layer in node.parsed.layers:
        yield _blob_line(tree, "layer", layer)


def _blob_line(tree: ImageTree, kind: str, blob: Descriptor) -> str:
    uses = tree.uses[blob.digest]
    shared = f"  (in {uses} images)" if uses > 1 else ""
    return f"{kind} {blob.digest}  {human_bytes(blob.size)}{shared}"


def _referrer_lines(tree: ImageTree, node: Node) -> Iterator[str]:
    for one in tree.referrers.get(node.raw.digest, ()):
        kind = printable(one.artifact_type or one.media_type)
        yield f"referrer {one.digest}  {kind}  {human_bytes(one.size)}"


def _document(name: str, tree: ImageTree) -> dict[str, object]:
    return {
        "Name": name,
        "Root": _node(tree, tree.root),
        "ReferrersKnown": tree.knows_referrers,
        "Totals": {
            "Images": len(list(tree.root.images())),
            "Blobs": len(tree.blobs),
            "BlobBytes": tree.blob_bytes,
            "ManifestBytes": tree.manifest_bytes,
            "SharedBytes": tree.shared_bytes,
            "SavedBytes": tree.saved_bytes,
        },
    }


def _node(tree: ImageTree, node: Node) -> dict[str, object]:
    from regcopy.model.manifest import ImageManifest

    document: dict[str, object] = {
        "Digest": str(node.raw.digest),
        "MediaType": node.parsed.media_type,
        "Size": node.raw.size,
    }
    if node.platform is not None:
        document["Platform"] = str(node.platform)
    if node.raw.digest in tree.attestations:
        document["AttestationOf"] = tree.attestations[node.raw.digest]
    if isinstance(node.parsed, ImageManifest):
        config = node.parsed.config
        document["Config"] = _blob(tree, config) if config else None
        document["Layers"] = [_blob(tree, layer) for layer in node.parsed.layers]
    else:
        document["Manifests"] = [_node(tree, child) for child in node.children]
    document["Referrers"] = [
        {**one.to_json(), "artifactType": one.artifact_type}
        for one in tree.referrers.get(node.raw.digest, ())
    ]
    return document


def _blob(tree: ImageTree, blob: Descriptor) -> dict[str, object]:
    return {
        "Digest": str(blob.digest),
        "MediaType": blob.media_type,
        "Size": blob.size,
        "Images": tree.uses[blob.digest],
    }


COMMAND: Final = Command(
    name="tree",
    usage="[flags] IMAGE",
    description=_DESCRIPTION,
    examples=("tree docker://docker.io/library/alpine:3", "tree --json oci:layout:1"),
    groups=(
        FlagGroup("What is shown", (Flag("json", "bool", "print JSON"),)),
        image_flags("", "The registry"),
        FlagGroup(RETRY.title, (TOKEN_HOST, *RETRY.flags)),
    ),
    run=_run,
)
