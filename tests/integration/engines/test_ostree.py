"""`ostree:` and Debian's ostree: what is written, what is kept, and images in their older form."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from regcopy.api import copy, get_manifest
from regcopy.config.environment import Environment
from regcopy.copying.options import CopyOptions
from regcopy.errors import (
    ContentError,
    LimitExceeded,
    NotFound,
    StorageFailed,
    TransportUnavailable,
)
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageManifest, RawManifest, parse_manifest
from regcopy.model.mediatypes import OCI_MANIFEST, Format
from regcopy.testing.samples import SampleImage, single_image, write_dir
from regcopy.transports import parse_reference
from tests.contexts import make_context
from tests.programs import run_program
from tests.stores import lines_of, notes_of, unpack

PLAIN = single_image(family="v2s2", plain=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An empty repository."""
    run_program("ostree", "init", f"--repo={tmp_path}/repo", "--mode=bare-user")
    return tmp_path / "repo"


def commit(repository: Path, branch: str, folder: Path, **metadata: str) -> None:
    run_program(
        "ostree",
        "commit",
        f"--repo={repository}",
        f"--branch=ociimage/{branch}",
        f"--tree=dir={folder}",
        *(
            f"--add-metadata-string={key.replace('__', '.')}={value}"
            for key, value in metadata.items()
        ),
    )


def write_unpacked(repository: Path, folder: Path, image: SampleImage) -> None:
    """Write an image as containers/image does, each layer unpacked."""
    manifest = parse_manifest(image.top)
    assert isinstance(manifest, ImageManifest)
    assert manifest.config is not None
    for layer in manifest.layers:
        tar = gzip.decompress(image.blobs[layer.digest])
        unpack(tar, folder / layer.digest.hex)
        commit(
            repository,
            layer.digest.hex,
            folder / layer.digest.hex,
            docker__size=str(layer.size),
            docker__uncompressed_size=str(len(tar)),
            docker__uncompressed_digest=str(Digest.of(tar)),
            tarsplit__output=base64.b64encode(gzip.compress(lines_of(notes_of(tar)))).decode(),
        )
    config = manifest.config.digest
    (folder / config.hex).mkdir()
    (folder / config.hex / "content").write_bytes(image.blobs[config])
    size = str(manifest.config.size)
    commit(repository, config.hex, folder / config.hex, docker__size=size)
    content = image.top.content.decode()
    commit(repository, "app_3A1", folder / config.hex, docker__manifest=content)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_an_image_comes_back_as_it_was(family: Format, repository: Path, tmp_path: Path) -> None:
    write_dir(single_image(family=family), tmp_path / "image")
    copy(f"dir:{tmp_path}/image", f"ostree:app:1@{repository}")
    copy(f"ostree:app:1@{repository}", f"dir:{tmp_path}/out")

    assert files(tmp_path / "out") == files(tmp_path / "image")


def test_the_branches_are_those_of_other_tools(repository: Path, tmp_path: Path) -> None:
    image = single_image()
    write_dir(image, tmp_path / "image")
    copy(
        f"dir:{tmp_path}/image",
        f"ostree:host/app:1@{repository}",
        options=CopyOptions(additional_tags=("2",)),
    )

    names = {f"ociimage/{digest.hex}" for digest in image.blobs}
    names |= {"ociimage/host_2Fapp_3A1", "ociimage/host_2Fapp_3A2"}
    listed = run_program("ostree", "refs", f"--repo={repository}").decode().split()
    assert set(listed) == names


def test_an_image_that_is_there_is_not_written_again(repository: Path, tmp_path: Path) -> None:
    write_dir(single_image(), tmp_path / "image")
    first = copy(f"dir:{tmp_path}/image", f"ostree:app:1@{repository}")
    second = copy(f"dir:{tmp_path}/image", f"ostree:app:1@{repository}")

    assert (first.already_there, second.already_there) == (False, True)


def test_unpacked_layers_are_put_together_again(repository: Path, tmp_path: Path) -> None:
    write_unpacked(repository, tmp_path, single_image(family="v2s2"))
    copy(f"ostree:app:1@{repository}", f"dir:{tmp_path}/out")

    stored = files(tmp_path / "out")
    assert {
        digest.hex: content for digest, content in PLAIN.blobs.items()
    }.items() <= stored.items()
    types = {layer["mediaType"] for layer in json.loads(stored["manifest.json"])["layers"]}
    assert types == {"application/vnd.docker.image.rootfs.diff.tar"}


def test_an_unpacked_layer_that_was_changed_is_noticed(repository: Path, tmp_path: Path) -> None:
    image = single_image(family="v2s2", layers=1)
    write_unpacked(repository, tmp_path, image)
    manifest = parse_manifest(image.top)
    assert isinstance(manifest, ImageManifest)
    layer = manifest.layers[0].digest.hex
    other = gzip.decompress(image.blobs[manifest.layers[0].digest]).replace(b"sample", b"simple")
    commit(
        repository,
        layer,
        tmp_path / layer,
        docker__uncompressed_size=str(len(other)),
        docker__uncompressed_digest=str(Digest.of(other)),
        tarsplit__output=base64.b64encode(
            gzip.compress(
                lines_of(notes_of(gzip.decompress(image.blobs[manifest.layers[0].digest])))
            )
        ).decode(),
    )
    with pytest.raises(ContentError, match="expected digest"):
        copy(f"ostree:app:1@{repository}", f"dir:{tmp_path}/out")


def test_a_branch_that_is_no_image_is_not_found(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    commit(repository, "app_3A1", tmp_path / "files")
    with pytest.raises(NotFound, match="is no image"):
        get_manifest(f"ostree:app:1@{repository}")


def test_an_image_that_is_missing_is_not_found(repository: Path) -> None:
    with pytest.raises(NotFound, match="app_3A1"):
        get_manifest(f"ostree:app:1@{repository}")


def test_a_missing_repository_names_how_to_create_it(tmp_path: Path) -> None:
    run_program("ostree", "--version")
    write_dir(single_image(), tmp_path / "image")
    with pytest.raises(StorageFailed, match="opening repo") as caught:
        copy(f"dir:{tmp_path}/image", f"ostree:app:1@{tmp_path}/none")
    assert "init" in caught.value.hint


def test_a_manifest_that_is_too_long_is_refused(repository: Path) -> None:
    reference = parse_reference(f"ostree:app:1@{repository}")
    context = replace(make_context("destination"), environment=Environment.of_process())
    with (
        reference.open_destination(context) as destination,
        pytest.raises(LimitExceeded, match="ostree takes"),
    ):
        destination.put_manifest(RawManifest(b"x" * 131_072, OCI_MANIFEST), top=True)


def test_without_ostree_the_error_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(TransportUnavailable, match="needs the program ostree") as caught:
        get_manifest("ostree:app:1", environment=Environment({"PATH": str(tmp_path)}))
    assert "apt-get install ostree" in caught.value.hint
