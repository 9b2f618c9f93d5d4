"""`containers-storage:` and podman's own store, with skopeo as the one to compare with."""

from __future__ import annotations

import io
import tarfile
import uuid
from pathlib import Path

import pytest

from regcopy.api import Access, copy, get_manifest
from regcopy.copying.options import CopyOptions, Instances
from regcopy.errors import Refused
from regcopy.model.mediatypes import Format
from regcopy.model.platform import Platform
from regcopy.testing.samples import (
    FOUR_PLATFORMS,
    image_of_layers,
    multi_platform_image,
    single_image,
    write_dir,
)
from regcopy.transports.base import SideOptions
from tests.engines import Podman
from tests.programs import skopeo
from tests.servers import Registry
from tests.stores import HandStore

INSECURE = Access(options=SideOptions(tls_verify=False))


@pytest.fixture
def name(podman: Podman) -> str:
    """An image in podman's store that no other test uses."""
    return f"containers-storage:{podman.store_spec}localhost/{uuid.uuid4().hex}:1"


def seed(name: str) -> str:
    """Text that makes other layers for each name."""
    return name.rpartition("/")[2].partition(":")[0]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def put(image: Path, name: str, **more: tuple[str, ...]) -> None:
    copy(f"dir:{image}", name, options=CopyOptions(additional_tags=more.get("tags", ())))


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_podman_keeps_the_digest_of_what_it_was_given(
    family: Format, podman: Podman, name: str, tmp_path: Path
) -> None:
    image = single_image(family=family, seed=seed(name))
    write_dir(image, tmp_path / "image")
    put(tmp_path / "image", name)

    shown = podman.run("inspect", "--format={{.Digest}}", name.rpartition("]")[2]).strip()
    assert shown == str(image.digest)


def test_an_image_that_is_there_is_not_written_again(name: str, tmp_path: Path) -> None:
    write_dir(single_image(seed=seed(name)), tmp_path / "image")
    first = copy(f"dir:{tmp_path}/image", name)
    second = copy(f"dir:{tmp_path}/image", name)

    assert (first.already_there, second.already_there) == (False, True)


def test_layers_that_the_store_has_are_not_moved(name: str, tmp_path: Path) -> None:
    write_dir(single_image(layers=2, seed=seed(name)), tmp_path / "first")
    write_dir(single_image(layers=3, seed=seed(name)), tmp_path / "second")
    copy(f"dir:{tmp_path}/first", name)
    result = copy(f"dir:{tmp_path}/second", f"{name}0")

    assert (result.blobs_reused, result.blobs_copied) == (2, 2)


def test_an_image_has_all_the_names_that_were_wanted(
    podman: Podman, name: str, tmp_path: Path
) -> None:
    write_dir(single_image(seed=seed(name)), tmp_path / "image")
    put(tmp_path / "image", name, tags=("2", "localhost/other:3"))

    shown = podman.run("inspect", "--format={{.RepoTags}}", "localhost/other:3")
    assert all(tag in shown for tag in (":1", ":2", "other:3"))


def test_skopeo_reads_the_same_out_of_the_store(name: str, tmp_path: Path) -> None:
    write_dir(single_image(family="v2s2", seed=seed(name)), tmp_path / "image")
    put(tmp_path / "image", name)
    copy(name, f"dir:{tmp_path}/ours")
    skopeo("copy", name, f"dir:{tmp_path}/theirs")

    assert files(tmp_path / "ours") == files(tmp_path / "theirs")


def test_what_skopeo_wrote_into_the_store_is_read(name: str, tmp_path: Path) -> None:
    image = single_image(plain=True, seed=seed(name))
    write_dir(image, tmp_path / "image")
    skopeo("copy", f"dir:{tmp_path}/image", name)

    assert get_manifest(name) == image.top
    copy(name, f"dir:{tmp_path}/out")
    assert files(tmp_path / "out") == files(tmp_path / "image")


def test_an_image_that_podman_pulled_is_read_by_the_digest_of_its_index(
    registry: Registry, repository: str, podman: Podman, tmp_path: Path
) -> None:
    image = multi_platform_image(platforms=[Platform.local()])
    write_dir(image, tmp_path / "index")
    pulled = f"{registry.host}/{repository}"
    everything = CopyOptions(instances=Instances("all"))
    copy(
        f"dir:{tmp_path}/index",
        f"docker://{pulled}:1",
        options=everything,
        destination_access=INSECURE,
    )
    podman.run("pull", "--tls-verify=false", f"{pulled}:1")
    place = f"containers-storage:{podman.store_spec}{pulled}@{image.digest}"

    copy(place, f"dir:{tmp_path}/out")
    assert get_manifest(place).content == skopeo("inspect", "--raw", place) == image.top.content


def odd_layers() -> list[bytes]:
    layers = []
    for number in range(2):
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:

            def add(name: str, kind: bytes, content: bytes = b"", to: str = "") -> None:
                info = tarfile.TarInfo(name)
                info.type, info.size, info.linkname = kind, len(content), to
                info.mode = 0o4755
                info.pax_headers = {"SCHILY.xattr.user.note": "x"} if content else {}
                tar.addfile(info, io.BytesIO(content))

            if number == 0:
                add("usr", tarfile.DIRTYPE)
                add("usr/lib", tarfile.DIRTYPE)
                add("lib", tarfile.SYMTYPE, to="usr/lib")
                add("usr/lib/first", tarfile.REGTYPE, b"one")
                add("usr/lib/hard", tarfile.LNKTYPE, to="usr/lib/first")
                add("x" * 150 + "/é", tarfile.REGTYPE, b"long" * 1000)
            else:
                add("lib/second", tarfile.REGTYPE, b"through a link of the layer below")
                add("usr/lib/.wh.first", tarfile.REGTYPE)
        layers.append(target.getvalue())
    return layers


def test_layers_with_links_and_long_names_come_back_as_they_were(name: str, tmp_path: Path) -> None:
    image = image_of_layers(odd_layers(), platform=FOUR_PLATFORMS[0], plain=True)
    write_dir(image, tmp_path / "image")
    put(tmp_path / "image", name)
    copy(name, f"dir:{tmp_path}/out")

    assert files(tmp_path / "out") == files(tmp_path / "image")


def test_what_podman_refuses_is_told_in_its_words(podman: Podman, tmp_path: Path) -> None:
    broken = image_of_layers([b"no tar file" * 100], platform=FOUR_PLATFORMS[0], plain=True)
    write_dir(broken, tmp_path / "image")
    with pytest.raises(Refused, match="podman: "):
        put(tmp_path / "image", f"containers-storage:{podman.store_spec}localhost/broken:1")


def test_a_store_written_by_hand_is_one_for_skopeo_too(tmp_path: Path) -> None:
    """The stores of the unit tests are like real ones."""
    store = HandStore(tmp_path / "store")
    store.add(single_image(family="v2s2"), "localhost/app:1")
    spec = f"containers-storage:[vfs@{store.root}+{tmp_path}/run]localhost/app:1"
    skopeo("copy", spec, f"dir:{tmp_path}/theirs")
    copy(spec, f"dir:{tmp_path}/ours")

    assert files(tmp_path / "ours") == files(tmp_path / "theirs")
