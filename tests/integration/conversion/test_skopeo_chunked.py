"""Layers in the format zstd:chunked: what skopeo writes, ours say too, and all can read them.

Debian's skopeo writes an older version of the format: without notes on the tar file, with other
names of annotations, and with files that are split where a rolling sum says so.
"""

from __future__ import annotations

import base64
import gzip
import json
import tarfile
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from regcopy.api import Access, copy
from regcopy.copying.options import CompressionOptions, CopyOptions
from regcopy.model.mediatypes import CHUNKED_CHECKSUM
from regcopy.testing.samples import write_dir
from regcopy.transports.base import SideOptions
from regcopy.trust.options import TrustOptions
from tests.chunked_layers import ALL_KINDS, ChunkedLayer, File, some_bytes, tar_of
from tests.engines import Podman
from tests.layers import Packing, image_with
from tests.programs import skopeo
from tests.servers import Registry

ANYTHING = TrustOptions(insecure_policy=True)
# tar-split's type of the bytes between two files.
BYTES = 2
CHUNKED = CopyOptions(compression=CompressionOptions(format="zstd:chunked"))
# What is in a layer of a real image, and what its tar file may look like.
TARS = {
    "members of all kinds": tar_of(*ALL_KINDS),
    "GNU's format": tar_of(*ALL_KINDS[:10], form=tarfile.GNU_FORMAT),
    "the oldest format": tar_of(*ALL_KINDS[:10], form=tarfile.USTAR_FORMAT),
    "nothing": bytes(10_240),
    "many files": tar_of(*(File(f"d/{n}", some_bytes(n)) for n in range(600))),
}


def layers_in(layout: Path) -> list[ChunkedLayer]:
    """The layers of the one image in a layout."""
    blobs = layout / "blobs" / "sha256"

    def blob(digest: str) -> bytes:
        return (blobs / digest.removeprefix("sha256:")).read_bytes()

    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads(blob(index["manifests"][0]["digest"]))
    return [
        ChunkedLayer(blob(layer["digest"]), layer.get("annotations", {}))
        for layer in manifest["layers"]
    ]


def write(folder: Path, layers: Sequence[bytes], before: Packing = "gzip") -> str:
    write_dir(image_with(before, layers=layers), folder / "source")
    return f"dir:{folder}/source"


def made(folder: Path, layers: Sequence[bytes], before: Packing = "gzip") -> str:
    """Copy an image into a layout, its layers chunked."""
    source = write(folder, layers, before)
    copy(source, f"oci:{folder}/ours:x", options=CHUNKED, trust=ANYTHING)
    return f"oci:{folder}/ours:x"


@pytest.mark.parametrize("tar", TARS.values(), ids=TARS)
def test_the_table_says_what_skopeo_says(tmp_path: Path, tar: bytes) -> None:
    made(tmp_path, [tar])
    skopeo(
        *("copy", "--dest-compress-format", "zstd:chunked"),
        *(f"dir:{tmp_path}/source", f"oci:{tmp_path}/theirs:x"),
    )

    (ours,) = layers_in(tmp_path / "ours")
    (theirs,) = layers_in(tmp_path / "theirs")

    assert ours.described() == theirs.described()
    assert ours.assembled() == tar
    assert ours.files == {entry: ours.files[entry] for entry in theirs.files}


def test_what_skopeo_cannot_describe_is_zstd_here(tmp_path: Path) -> None:
    text = b"a layer that is no tar file\n" * 100
    made(tmp_path, [text])

    with pytest.raises(pytest.fail.Exception, match="invalid tar header"):
        skopeo(
            *("copy", "--dest-compress-format", "zstd:chunked"),
            *(f"dir:{tmp_path}/source", f"oci:{tmp_path}/theirs:x"),
        )
    (ours,) = layers_in(tmp_path / "ours")
    assert ours.annotations == {}


def test_skopeo_reads_what_we_wrote(tmp_path: Path) -> None:
    name = made(tmp_path, list(TARS.values()))

    skopeo("copy", "--dest-decompress", name, f"dir:{tmp_path}/plain")

    manifest = json.loads((tmp_path / "plain" / "manifest.json").read_bytes())
    digests = [layer["digest"].removeprefix("sha256:") for layer in manifest["layers"]]
    assert [(tmp_path / "plain" / digest).read_bytes() for digest in digests] == [*TARS.values()]


def test_we_read_what_we_wrote(tmp_path: Path) -> None:
    name = made(tmp_path, list(TARS.values()))
    plain = CopyOptions(compression=CompressionOptions("plain"))

    copy(name, f"dir:{tmp_path}/plain", options=plain, trust=ANYTHING)

    manifest = json.loads((tmp_path / "plain" / "manifest.json").read_bytes())
    digests = [layer["digest"].removeprefix("sha256:") for layer in manifest["layers"]]
    assert [(tmp_path / "plain" / digest).read_bytes() for digest in digests] == [*TARS.values()]


def test_what_skopeo_wrote_is_carried_as_it_is(tmp_path: Path) -> None:
    source = write(tmp_path, [TARS["members of all kinds"]])
    skopeo(
        *("copy", "--dest-compress-format", "zstd:chunked"),
        *(source, f"oci:{tmp_path}/theirs:x"),
    )

    result = copy(f"oci:{tmp_path}/theirs:x", f"oci:{tmp_path}/ours:x", trust=ANYTHING)

    assert result.changed == ""
    assert layers_in(tmp_path / "ours") == layers_in(tmp_path / "theirs")


def test_skopeo_keeps_our_annotations_where_it_changes_nothing(tmp_path: Path) -> None:
    name = made(tmp_path, [TARS["members of all kinds"]])
    skopeo("copy", name, f"oci:{tmp_path}/theirs:x")
    assert layers_in(tmp_path / "theirs") == layers_in(tmp_path / "ours")


@pytest.mark.parametrize("precompute", [False, True])
def test_they_reach_a_registry_with_their_annotations(
    tmp_path: Path, registry: Registry, precompute: bool
) -> None:
    made(tmp_path, [TARS["members of all kinds"]], before="none")
    there = f"{registry.host}/{uuid.uuid4().hex}/app:1"
    access = Access(options=SideOptions(tls_verify=False, chunk_threshold_bytes=100_000))

    copy(
        f"dir:{tmp_path}/source",
        f"docker://{there}",
        options=replace(CHUNKED, precompute_digests=precompute),
        destination_access=access,
        trust=ANYTHING,
    )
    skopeo("copy", "--src-tls-verify=false", f"docker://{there}", f"oci:{tmp_path}/back:x")

    assert layers_in(tmp_path / "back") == layers_in(tmp_path / "ours")
    assert CHUNKED_CHECKSUM in layers_in(tmp_path / "back")[0].annotations


def test_podman_unpacks_them_and_takes_the_notes_that_we_took(
    podman: Podman, tmp_path: Path
) -> None:
    tar = tar_of(*(file for file in ALL_KINDS if file.type not in (b"3", b"4", b"6")))
    name = made(tmp_path, [tar], before="none")

    podman.run("pull", "--quiet", name)

    (ours,) = layers_in(tmp_path / "ours")
    assert joined(ours.notes) in [joined(notes) for notes in notes_in(podman)]


def notes_in(podman: Podman) -> list[list[dict[str, object]]]:
    """The notes of all layers in podman's store."""
    return [
        [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        for path in Path(podman.graph_root).glob("*-layers/*.tar-split.gz")
    ]


def joined(notes: list[dict[str, object]]) -> list[tuple[object, ...]]:
    """What notes say. The bytes between two files may be in several pieces, as they were read."""
    entries: list[tuple[object, ...]] = []
    between = b""
    for note in notes:
        if note["type"] == BYTES:
            between += base64.b64decode(str(note["payload"] or ""))
        else:
            entries += [(between,), (note.get("name", ""), note.get("size", 0), note["payload"])]
            between = b""
    return [*entries, (between,)]
