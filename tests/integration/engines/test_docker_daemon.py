"""`docker-daemon:` and Podman's service, with skopeo as the one to compare with."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from regcopy.api import Access, copy
from regcopy.errors import DigestMismatch
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import Format
from regcopy.testing.samples import FOUR_PLATFORMS, SampleImage, single_image, write_dir
from regcopy.transports.base import SideOptions
from tests.engines import Podman
from tests.programs import skopeo
from tests.servers import Registry

INSECURE = Access(options=SideOptions(tls_verify=False))


@pytest.fixture
def name() -> str:
    """Name of an image that no other test uses."""
    return f"localhost/{uuid.uuid4().hex}:1"


@pytest.fixture
def access(podman_socket: str) -> Access:
    """Way to podman's service."""
    return Access(options=SideOptions(daemon_host=podman_socket))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_skopeo_reads_what_was_loaded_as_we_do(
    family: Format, podman_socket: str, access: Access, name: str, tmp_path: Path
) -> None:
    write_dir(single_image(family=family), tmp_path / "image")
    copy(f"dir:{tmp_path}/image", f"docker-daemon:{name}", destination_access=access)
    copy(f"docker-daemon:{name}", f"dir:{tmp_path}/ours", source_access=access)
    skopeo(
        "copy",
        f"--src-daemon-host={podman_socket}",
        f"docker-daemon:{name}",
        f"dir:{tmp_path}/theirs",
    )
    assert files(tmp_path / "ours") == files(tmp_path / "theirs")


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_the_digest_is_the_one_that_skopeo_tells(
    family: Format, podman_socket: str, access: Access, name: str, tmp_path: Path
) -> None:
    write_dir(single_image(family=family), tmp_path / "image")
    result = copy(f"dir:{tmp_path}/image", f"docker-daemon:{name}", destination_access=access)
    skopeo(
        "copy",
        f"--dest-daemon-host={podman_socket}",
        f"--digestfile={tmp_path}/digest",
        f"dir:{tmp_path}/image",
        f"docker-daemon:{name}",
    )
    assert str(result.digest) == (tmp_path / "digest").read_text()


def test_gzipped_layers_that_the_config_does_not_name_do_not_get_there(
    podman: Podman, access: Access, name: str, tmp_path: Path
) -> None:
    image = single_image(family="v2s2")
    manifest = json.loads(image.top.content)
    manifest["layers"].reverse()
    top = RawManifest(json.dumps(manifest).encode(), image.top.media_type)
    write_dir(SampleImage(top, blobs=image.blobs), tmp_path / "image")
    with pytest.raises(DigestMismatch, match="decompressing layer"):
        copy(f"dir:{tmp_path}/image", f"docker-daemon:{name}", destination_access=access)
    assert name not in podman.run("images", "--format={{.Repository}}:{{.Tag}}")


def test_podman_has_the_image_with_its_config_as_id(
    podman: Podman, access: Access, name: str, tmp_path: Path
) -> None:
    image = single_image(platform=FOUR_PLATFORMS[1])
    write_dir(image, tmp_path / "image")
    copy(f"dir:{tmp_path}/image", f"docker-daemon:{name}", destination_access=access)
    ids = [digest.hex for digest in image.blobs]
    assert podman.run("inspect", "--format={{.Id}}", name).strip() in ids


def test_a_registry_and_a_daemon_exchange_an_image(
    registry: Registry, repository: str, access: Access, name: str, tmp_path: Path
) -> None:
    write_dir(single_image(family="v2s2", layer_bytes=3_000_000), tmp_path / "image")
    remote = f"docker://{registry.host}/{repository}:1"
    copy(f"dir:{tmp_path}/image", remote, destination_access=INSECURE)
    copy(remote, f"docker-daemon:{name}", source_access=INSECURE, destination_access=access)
    back = f"docker://{registry.host}/{repository}:2"
    result = copy(f"docker-daemon:{name}", back, source_access=access, destination_access=INSECURE)
    skopeo("copy", "--src-tls-verify=false", back, f"dir:{tmp_path}/back")
    assert result.blobs_copied + result.blobs_reused == 4
