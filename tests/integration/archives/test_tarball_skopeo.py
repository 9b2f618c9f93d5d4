"""The image that we make of tar files is byte for byte the one that skopeo makes of them."""

from __future__ import annotations

import gzip
import os
import uuid
from pathlib import Path

import pytest

from regcopy.testing.samples import SampleImage
from regcopy.transports import parse_reference
from tests.docker_archives import tar_of
from tests.engines import Podman
from tests.hand_copy import copy_by_hand, read_image
from tests.programs import run_program, skopeo

ROOT = tar_of({"etc/hostname": b"here\n", "bin/large": b"0123456789" * 50_000})
MORE = tar_of({"etc/motd": b"hello\n"})
SECOND = 1_000_000_000


def write(path: Path, content: bytes, time_ns: int) -> str:
    """Write a file that was changed at a known time."""
    path.write_bytes(content)
    os.utime(path, ns=(time_ns, time_ns))
    return str(path)


def of_skopeo(tmp_path: Path, reference: str) -> SampleImage:
    """Let skopeo make the image, and read it."""
    skopeo("copy", reference, f"dir:{tmp_path}/theirs")
    return read_image(parse_reference(f"dir:{tmp_path}/theirs"))


@pytest.mark.parametrize(
    "time_ns", [1577934245 * SECOND + 123_456_789, 1577934245 * SECOND + 500_000_000, SECOND, 10]
)
def test_one_file_makes_the_same_image(
    tmp_path: Path, time_ns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")  # skopeo writes local time
    reference = f"tarball:{write(tmp_path / 'a.tar', ROOT, time_ns)}"

    assert read_image(parse_reference(reference)) == of_skopeo(tmp_path, reference)


def test_files_of_all_kinds_make_the_same_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    files = [
        write(tmp_path / "a.tar", ROOT, 3 * SECOND),
        write(tmp_path / "b.tar.gz", gzip.compress(MORE), 9 * SECOND),
        write(tmp_path / "c", bytes(10240), 5 * SECOND),
        write(tmp_path / "d.tgz", gzip.compress(MORE[:700]) + gzip.compress(MORE[700:]), SECOND),
    ]
    reference = f"tarball:{':'.join(files)}"

    assert read_image(parse_reference(reference)) == of_skopeo(tmp_path, reference)


def test_podman_takes_an_archive_of_the_image(tmp_path: Path, podman: Podman) -> None:
    name = f"localhost/{uuid.uuid4().hex}:v1"
    (tmp_path / "root" / "etc").mkdir(parents=True)
    (tmp_path / "root" / "etc" / "hostname").write_text("here\n")
    run_program("tar", "-czf", f"{tmp_path}/a.tar.gz", "-C", f"{tmp_path}/root", ".")

    source = parse_reference(f"tarball:{tmp_path}/a.tar.gz")
    digest = copy_by_hand(source, parse_reference(f"oci-archive:{tmp_path}/b.tar:{name}"))
    podman.run("load", "--input", f"{tmp_path}/b.tar")

    assert podman.run("image", "inspect", "--format={{.Digest}}", name).strip() == str(digest)
