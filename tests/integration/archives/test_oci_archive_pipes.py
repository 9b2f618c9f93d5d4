"""The command line between two pipes."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path

from regcopy.testing.samples import multi_platform_image, single_image
from tests.docker_archives import tar_of
from tests.engines import Podman
from tests.oci_archives import members_of, read

ONE = single_image(seed="one")
FOUR = multi_platform_image(layers=1)
ROOT = Path(__file__).parents[3]


def copy(*arguments: str, content: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run `regcopy copy` with its ends in pipes."""
    return subprocess.run(
        [sys.executable, "-m", "regcopy", "copy", *arguments],
        cwd=ROOT,
        input=content,
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_an_image_goes_from_pipe_to_pipe(tmp_path: Path) -> None:
    given = tar_of(members_of(v1=FOUR))

    done = copy("--all", "oci-archive:/dev/stdin:v1", "oci-archive:/dev/stdout:v2", content=given)

    assert done.returncode == 0, done.stderr
    (tmp_path / "a.tar").write_bytes(done.stdout)
    assert read(tmp_path / "a.tar", "v2") == FOUR


def test_podman_loads_what_comes_out_of_a_pipe(podman: Podman) -> None:
    name = f"localhost/{uuid.uuid4().hex}:v1"

    done = copy(
        "oci-archive:/dev/stdin",
        f"oci-archive:/dev/stdout:{name}",
        content=tar_of(members_of(v1=ONE)),
    )
    podman.run("load", content=done.stdout)

    assert podman.run("image", "inspect", "--format={{.Digest}}", name).strip() == str(ONE.digest)


def test_a_tarball_of_standard_input_becomes_an_archive(tmp_path: Path) -> None:
    done = copy("tarball:-", f"oci-archive:{tmp_path}/a.tar:v1", content=tar_of({"etc/x": b"1"}))

    assert done.returncode == 0, done.stderr
    assert len(read(tmp_path / "a.tar", "v1").blobs) == 2


def test_a_failure_ends_the_pipe_early_and_the_program_with_1() -> None:
    members = members_of(v1=ONE)
    layer = f"blobs/sha256/{next(iter(ONE.blobs)).hex}"
    members[layer] = b"x" * len(members[layer])

    done = copy("oci-archive:/dev/stdin", "oci-archive:/dev/stdout", content=tar_of(members))

    assert done.returncode == 1
    assert not done.stdout.endswith(bytes(1024))
    assert b"expected digest" in done.stderr
