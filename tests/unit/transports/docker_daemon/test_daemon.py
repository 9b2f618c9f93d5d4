"""Reading and writing a daemon: what is asked of it, and in which version."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from regcopy.api import Access, copy, get_manifest, inspect, plan_copy
from regcopy.copying.options import CompressionOptions, CopyOptions
from regcopy.errors import NotFound
from regcopy.model.manifest import ImageManifest, parse_manifest
from regcopy.model.mediatypes import Format
from regcopy.testing.samples import SampleImage, single_image, write_dir
from regcopy.transports.base import SideOptions
from tests.docker_archives import made_up
from tests.fake_daemon import FakeDaemon

PLAIN = single_image(family="v2s2", plain=True)


def access(daemon: FakeDaemon) -> Access:
    return Access(options=SideOptions(daemon_host=daemon.address))


def load(
    daemon: FakeDaemon, folder: Path, image: SampleImage = PLAIN, *, tags: tuple[str, ...] = ()
) -> None:
    write_dir(image, folder / "image")
    copy(
        f"dir:{folder}/image",
        "docker-daemon:app:1",
        options=CopyOptions(additional_tags=tags),
        destination_access=access(daemon),
    )


def test_an_image_comes_back_as_it_was(daemon: FakeDaemon, tmp_path: Path) -> None:
    load(daemon, tmp_path)

    assert get_manifest("docker-daemon:app:1", access=access(daemon)) == made_up(PLAIN.top)


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_packed_layers_are_read_plain(daemon: FakeDaemon, tmp_path: Path, family: Format) -> None:
    load(daemon, tmp_path, single_image(family=family))
    found = inspect("docker-daemon:app:1", access=access(daemon))

    parsed = parse_manifest(PLAIN.top)
    assert isinstance(parsed, ImageManifest)
    assert [layer.digest for layer in found.manifest.layers] == [
        layer.digest for layer in parsed.layers
    ]


def sent(daemon: FakeDaemon) -> dict[str, bytes]:
    """Files of the archive that the daemon got, by name."""
    with tarfile.open(fileobj=io.BytesIO(daemon.images["docker.io/library/app:1"])) as tar:
        files = ((member.name, tar.extractfile(member)) for member in tar if member.isfile())
        return {name: file.read() for name, file in files if file is not None}


def layers_of(image: SampleImage) -> dict[str, bytes]:
    parsed = parse_manifest(image.top)
    assert isinstance(parsed, ImageManifest)
    return {f"{one.digest.hex}.tar": image.blobs[one.digest] for one in parsed.layers}


def test_gzipped_layers_are_sent_as_they_are_and_kept_nowhere_meanwhile(
    daemon: FakeDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = single_image(family="oci")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    load(daemon, tmp_path, image)
    assert layers_of(image).items() <= sent(daemon).items()


def test_layers_in_zstd_are_unpacked_since_dockers_manifests_cannot_name_them(
    daemon: FakeDaemon, tmp_path: Path
) -> None:
    write_dir(single_image(), tmp_path / "image")
    packed = CopyOptions(compression=CompressionOptions(format="zstd", force=True))
    copy(f"dir:{tmp_path}/image", f"oci:{tmp_path}/layout", options=packed)
    copy(f"oci:{tmp_path}/layout", "docker-daemon:app:1", destination_access=access(daemon))
    assert layers_of(PLAIN).items() <= sent(daemon).items()


def test_an_image_is_read_by_its_id(daemon: FakeDaemon, tmp_path: Path) -> None:
    load(daemon, tmp_path)
    parsed = parse_manifest(PLAIN.top)

    assert isinstance(parsed, ImageManifest)
    assert parsed.config is not None
    manifest = get_manifest(f"docker-daemon:{parsed.config.digest}", access=access(daemon))
    assert manifest == made_up(PLAIN.top)


def test_all_names_are_given_at_once(daemon: FakeDaemon, tmp_path: Path) -> None:
    load(daemon, tmp_path, tags=("2", "other/app:3"))

    assert set(daemon.images) == {
        "docker.io/library/app:1",
        "docker.io/library/app:2",
        "docker.io/other/app:3",
    }
    assert sum("load" in request for request in daemon.seen) == 1


def test_an_image_that_is_missing_is_not_fetched(daemon: FakeDaemon) -> None:
    with pytest.raises(NotFound, match="No such image: app:1"):
        get_manifest("docker-daemon:app:1", access=access(daemon))
    assert daemon.seen == ["GET /version", "GET /v1.41/images/app:1/json"]


@pytest.mark.parametrize(
    ("newest", "oldest", "prefix"),
    [
        ("1.24", "1.12", "/v1.24/"),
        ("1.99", "1.44", "/v1.47/"),
        ("1.99", "1.60", "/v1.60/"),
        ("", "", "/"),
        ("nonsense", "1.1", "/"),
    ],
)
def test_the_version_is_one_that_the_daemon_has(
    daemon: FakeDaemon, newest: str, oldest: str, prefix: str
) -> None:
    daemon.versions = {"ApiVersion": newest, "MinAPIVersion": oldest}
    with pytest.raises(NotFound):
        get_manifest("docker-daemon:app:1", access=access(daemon))
    assert daemon.seen[-1] == f"GET {prefix}images/app:1/json"


def test_a_dry_run_sends_nothing(daemon: FakeDaemon, tmp_path: Path) -> None:
    write_dir(PLAIN, tmp_path / "image")
    plan_copy(f"dir:{tmp_path}/image", "docker-daemon:app:1", destination_access=access(daemon))
    assert daemon.seen == ["GET /version"]
