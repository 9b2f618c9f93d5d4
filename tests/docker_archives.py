"""Archives of docker save for tests: made by hand, and taken apart with Python's tarfile."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageManifest, RawManifest, parse_manifest
from regcopy.testing.samples import SampleImage, single_image

IMAGE: Final = single_image(family="v2s2", plain=True)
LAYER_TYPE: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def made_up(manifest: RawManifest) -> RawManifest:
    """Give the manifest that an archive with this image has, as containers/image makes it."""
    written = json.loads(manifest.content)
    document = {
        "schemaVersion": 2,
        "mediaType": manifest.media_type,
        "config": _descriptor(written["config"]),
        "layers": [_descriptor({**one, "mediaType": LAYER_TYPE}) for one in written["layers"]],
    }
    return RawManifest(json.dumps(document, separators=(",", ":")).encode(), manifest.media_type)


def _descriptor(entry: Mapping[str, object]) -> dict[str, object]:
    return {name: entry[name] for name in ("mediaType", "size", "digest")}


def parts(image: SampleImage) -> tuple[bytes, tuple[bytes, ...]]:
    """Give the config of an image, and its layers as they are stored."""
    parsed = parse_manifest(image.top)
    assert isinstance(parsed, ImageManifest)
    assert parsed.config is not None
    return (
        image.blobs[parsed.config.digest],
        tuple(image.blobs[layer.digest] for layer in parsed.layers),
    )


def members_of(
    image: SampleImage, names: Sequence[str] | None = ("docker.io/library/app:1",)
) -> dict[str, bytes]:
    """Members that an archive needs for one image: layers, config, manifest.json."""
    config, layers = parts(image)
    stored = {f"{Digest.of(layer).hex}.tar": layer for layer in layers}
    config_name = f"{Digest.of(config).hex}.json"
    contents = [
        {
            "Config": config_name,
            "RepoTags": names if names is None else list(names),
            "Layers": [f"{Digest.of(layer).hex}.tar" for layer in layers],
        }
    ]
    return {**stored, config_name: config, "manifest.json": json.dumps(contents).encode()}


def tar_of(members: Mapping[str, bytes] | Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """Make a tar file of members by name, or of headers with their bytes."""
    if isinstance(members, Mapping):
        members = [(header(name, len(content)), content) for name, content in members.items()]
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
        end = tar.offset
    # Without the zeros with which tarfile fills up a record.
    return target.getvalue()[:end] + bytes(1024)


def header(
    name: str, size: int = 0, *, kind: bytes = tarfile.REGTYPE, to: str = ""
) -> tarfile.TarInfo:
    """Make a header."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, to
    return info


def contents_of(path: Path) -> dict[str, bytes | str]:
    """Members of an archive in their order: bytes of files, targets of links."""
    found: dict[str, bytes | str] = {}
    with tarfile.open(path) as tar:
        for info in tar:
            file = tar.extractfile(info) if info.isfile() else None
            found[info.name] = file.read() if file else info.linkname
    return found


def with_config(image: SampleImage, template: str) -> SampleImage:
    """Give the same image with another config.

    Args:
        image: its layers stay.
        template: the config, with `%s` where its diff IDs belong.
    """
    before, _ = parts(image)
    diff_ids = json.loads(before)["rootfs"]["diff_ids"]
    config = (template % json.dumps(diff_ids)).encode()
    document = json.loads(image.top.content)
    document["config"] |= {"digest": str(Digest.of(config)), "size": len(config)}
    top = RawManifest(json.dumps(document).encode(), image.top.media_type)
    blobs = {digest: blob for digest, blob in image.blobs.items() if blob != before}
    return SampleImage(top, (), {**blobs, Digest.of(config): config})
