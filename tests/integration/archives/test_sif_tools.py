"""A squashfs of the real tools becomes a layer by the real `sqfs2tar`."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from regcopy.config.environment import Environment
from regcopy.errors import ContentError
from regcopy.model.manifest import ImageManifest, parse_manifest
from regcopy.testing.place import read_whole
from regcopy.transports import parse_reference
from regcopy.transports.base import Context
from tests.contexts import make_context
from tests.docker_archives import header, tar_of
from tests.programs import require_program
from tests.sif_files import DEFINITION, Part, sif_of

TREE = tar_of(
    [
        (header("./", kind=tarfile.DIRTYPE), b""),
        (header("./bin/", kind=tarfile.DIRTYPE), b""),
        (header("./bin/large", 500_000), b"0123456789" * 50_000),
        (header("./bin/sh", kind=tarfile.SYMTYPE, to="large"), b""),
        (header("./bin/same", kind=tarfile.LNKTYPE, to="./bin/large"), b""),
    ]
)


@pytest.fixture
def context() -> Context:
    """A context with the real PATH."""
    return replace(make_context(), environment=Environment({"PATH": os.environ["PATH"]}))


@pytest.fixture
def squashfs(tmp_path: Path) -> bytes:
    """A squashfs with a few files."""
    path = tmp_path / "root.squashfs"
    subprocess.run(
        [require_program("tar2sqfs"), "--quiet", str(path)],
        input=TREE,
        capture_output=True,
        timeout=60,
        check=True,
    )
    return path.read_bytes()


def test_the_files_of_a_squashfs_are_those_of_the_layer(
    tmp_path: Path, squashfs: bytes, context: Context
) -> None:
    parts = [Part(b"Bootstrap: docker\n", DEFINITION), Part(squashfs)]
    (tmp_path / "a.sif").write_bytes(sif_of(parts))

    with parse_reference(f"sif:{tmp_path}/a.sif").open_source(context) as source:
        parsed = parse_manifest(source.get_manifest())
        assert isinstance(parsed, ImageManifest)
        layer = read_whole(source.open_blob(parsed.layers[0]))

    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        assert {name.removeprefix("./") for name in tar.getnames()} >= {
            "bin",
            "bin/large",
            "bin/sh",
            "bin/same",
        }
        large = tar.extractfile("./bin/large")
        assert large is not None
        assert large.read() == b"0123456789" * 50_000


def test_the_same_file_makes_the_same_image(
    tmp_path: Path, squashfs: bytes, context: Context
) -> None:
    (tmp_path / "a.sif").write_bytes(sif_of([Part(squashfs)]))
    reference = parse_reference(f"sif:{tmp_path}/a.sif")

    with reference.open_source(context) as one, reference.open_source(context) as other:
        assert one.get_manifest() == other.get_manifest()


def test_a_broken_squashfs_is_an_error_of_the_program(
    tmp_path: Path, squashfs: bytes, context: Context
) -> None:
    (tmp_path / "a.sif").write_bytes(sif_of([Part(squashfs[:-100].replace(b"hsqs", b"xxxx"))]))

    with pytest.raises(ContentError, match="sqfs2tar ended with"):
        parse_reference(f"sif:{tmp_path}/a.sif").open_source(context)
