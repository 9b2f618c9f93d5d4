"""Reading archives, as various programs write them."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from regcopy.errors import (
    Cancelled,
    DigestMismatch,
    ManifestInvalid,
    NotFound,
    RegcopyError,
    UsageError,
)
from regcopy.model.digest import Digest
from regcopy.model.platform import Platform
from regcopy.streams.windows import MAX_WINDOW_LOG, WindowBudget
from regcopy.streams.zstd import CompressionParameter, ZstdCompressor
from regcopy.testing.place import descriptor_of, read_whole
from regcopy.testing.samples import SampleImage, image_of_layers, make_layer, single_image
from regcopy.transports.abilities import ListsTags
from regcopy.transports.base import ImageReference
from regcopy.transports.docker_archive import TRANSPORT
from tests.contexts import make_context
from tests.docker_archives import IMAGE, header, made_up, members_of, parts, tar_of
from tests.hand_copy import read_image

OTHER = single_image(family="v2s2", plain=True, seed="other")


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., ImageReference]:
    """Write an archive, and give the reference of an image in it."""

    def write(content: bytes, rest: str = "") -> ImageReference:
        (tmp_path / "a.tar").write_bytes(content)
        return TRANSPORT.parse(f"{tmp_path}/a.tar{rest}")

    return write


def names_in(reference: ImageReference) -> list[str]:
    """List the names."""
    assert isinstance(reference, ListsTags)
    return list(reference.list_tags(make_context()))


def several() -> bytes:
    """Make an archive with two images, the second without a name."""
    one, two = members_of(IMAGE), members_of(OTHER, None)
    both = json.loads(one["manifest.json"]) + json.loads(two["manifest.json"])
    return tar_of({**one, **two, "manifest.json": json.dumps(both).encode()})


def test_an_image_is_read_with_the_manifest_that_others_make_up(
    archive: Callable[..., ImageReference],
) -> None:
    found = read_image(archive(tar_of(members_of(IMAGE))))
    assert found == SampleImage(made_up(IMAGE.top), (), IMAGE.blobs)


@pytest.mark.parametrize("rest", [":app:1", ":docker.io/library/app:1", ":@0"])
def test_one_of_several_images_is_read(archive: Callable[..., ImageReference], rest: str) -> None:
    assert read_image(archive(several(), rest)).blobs == IMAGE.blobs


def test_an_image_without_a_name_is_read_by_its_position(
    archive: Callable[..., ImageReference],
) -> None:
    assert read_image(archive(several(), ":@1")).blobs == OTHER.blobs


def test_of_several_images_one_must_be_chosen(archive: Callable[..., ImageReference]) -> None:
    with pytest.raises(UsageError, match="has 2 images") as caught:
        read_image(archive(several()))
    assert caught.value.hint == "add one of :docker.io/library/app:1, :@1"


def test_the_names_of_all_images_are_listed(archive: Callable[..., ImageReference]) -> None:
    assert names_in(archive(several())) == ["docker.io/library/app:1", "@1"]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_archive_is_read(
    archive: Callable[..., ImageReference], pack: Callable[[bytes], bytes]
) -> None:
    reference = archive(pack(tar_of(members_of(IMAGE))))
    assert read_image(reference).blobs == IMAGE.blobs
    assert names_in(reference) == ["docker.io/library/app:1"]


def old_docker_save() -> bytes:
    """Make what docker save wrote before version 25: a folder for each layer."""
    config, layers = parts(IMAGE)
    entries: list[tuple[tarfile.TarInfo, bytes]] = []
    for number, layer in enumerate(layers):
        folder = f"{number:064x}"
        entries += [
            (header(f"{folder}/", kind=tarfile.DIRTYPE), b""),
            (header(f"{folder}/VERSION", 3), b"1.0"),
            (header(f"{folder}/json", 2), b"{}"),
            (header(f"{folder}/layer.tar", len(layer)), layer),
        ]
    contents = [
        {
            "Config": f"{Digest.of(config).hex}.json",
            "RepoTags": ["app:1"],
            "Layers": [f"{number:064x}/layer.tar" for number in range(len(layers))],
        }
    ]
    manifest = json.dumps(contents).encode()
    entries += [
        (header(f"{Digest.of(config).hex}.json", len(config)), config),
        (header("manifest.json", len(manifest)), manifest),
    ]
    return tar_of(entries)


def new_docker_save(pack: Callable[[bytes], bytes]) -> bytes:
    """Make what docker save writes today: an OCI layout with a manifest.json beside it."""
    config, layers = parts(IMAGE)
    stored = [pack(layer) for layer in layers]
    names = [f"blobs/sha256/{Digest.of(blob).hex}" for blob in (*stored, config)]
    contents = [
        {
            "Config": names[-1],
            "RepoTags": ["app:1"],
            "Layers": names[:-1],
            "LayerSources": {str(Digest.of(one)): {"size": 1} for one in layers},
        }
    ]
    return tar_of(
        {
            **dict(zip(names, (*stored, config), strict=True)),
            "index.json": b"{}",
            "manifest.json": json.dumps(contents).encode(),
            "oci-layout": b"{}",
        }
    )


@pytest.mark.parametrize(
    "content",
    [
        old_docker_save(),
        new_docker_save(bytes),
        new_docker_save(gzip.compress),
        tar_of({f"./{name}": content for name, content in members_of(IMAGE).items()}),
    ],
    ids=["old docker save", "docker save", "docker save of containerd", "packed by hand"],
)
def test_archives_of_other_programs_are_read(
    archive: Callable[..., ImageReference], content: bytes
) -> None:
    found = read_image(archive(content, ":app:1"))
    assert found == SampleImage(made_up(IMAGE.top), (), IMAGE.blobs)


def test_a_packed_layer_is_read_from_the_middle(archive: Callable[..., ImageReference]) -> None:
    layer = next(iter(IMAGE.blobs.values()))
    reference = archive(new_docker_save(gzip.compress))
    with reference.open_source(make_context()) as source:
        raw = source.open_blob(descriptor_of(layer), offset=1000)
        assert read_whole(raw) == layer[1000:]
        raw.close()


def with_large_window(content: bytes) -> bytes:
    options: dict[int, int] = {CompressionParameter.window_log: MAX_WINDOW_LOG}
    compressor = ZstdCompressor(options=options)
    return compressor.compress(content) + compressor.flush()


def test_who_unpacks_a_layer_with_a_large_window_holds_room_for_it(
    archive: Callable[..., ImageReference],
) -> None:
    context = make_context()
    budget = context.resources.get(WindowBudget, (), WindowBudget)

    def waited() -> None:
        raise Cancelled("waited")

    with archive(new_docker_save(with_large_window)).open_source(context) as source:
        raw = source.open_blob(descriptor_of(next(iter(IMAGE.blobs.values()))))
        raw.read(10)
        with pytest.raises(Cancelled, match="waited"):
            budget.hold(1 << MAX_WINDOW_LOG, waited)
        raw.close()
        budget.hold(1 << MAX_WINDOW_LOG, waited)()


def test_a_layer_that_is_there_twice_may_be_a_link(archive: Callable[..., ImageReference]) -> None:
    layer = make_layer("same", 100)
    image = image_of_layers(
        [layer, layer], platform=Platform("linux", "amd64"), family="v2s2", plain=True
    )
    members = members_of(image)
    contents = json.loads(members["manifest.json"])
    first = contents[0]["Layers"][0]
    contents[0]["Layers"] = ["b/layer.tar", first]
    members["manifest.json"] = json.dumps(contents).encode()
    entries = [(header(name, len(content)), content) for name, content in members.items()]
    link = header("b/layer.tar", kind=tarfile.SYMTYPE, to=f"../{first}")

    found = read_image(archive(tar_of([(link, b""), *entries])))

    assert found == SampleImage(made_up(image.top), (), image.blobs)


def test_several_layers_are_read_at_once(archive: Callable[..., ImageReference]) -> None:
    with archive(tar_of(members_of(IMAGE))).open_source(make_context()) as source:
        readers = [source.open_blob(descriptor_of(content)) for content in IMAGE.blobs.values()]
        for content in IMAGE.blobs.values():
            assert readers.pop(0).read(len(content)) == content


def test_there_is_one_manifest_and_no_other(archive: Callable[..., ImageReference]) -> None:
    with archive(tar_of(members_of(IMAGE))).open_source(make_context()) as source:
        top = source.get_manifest()
        assert source.get_manifest(top.descriptor()) == top
        with pytest.raises(NotFound):
            source.get_manifest(descriptor_of(b"other"))


def test_a_layer_with_other_bytes_is_found_out(archive: Callable[..., ImageReference]) -> None:
    members = members_of(IMAGE)
    first = next(iter(members))
    members[first] = members[first][:-1] + b"x"
    with pytest.raises(DigestMismatch):
        read_image(archive(tar_of(members)))


def changed(change: Callable[[dict[str, object]], None]) -> bytes:
    """Make an archive with another config, whose name fits."""
    config, layers = parts(IMAGE)
    document = json.loads(config)
    change(document)
    other = json.dumps(document).encode()
    names = [f"{Digest.of(layer).hex}.tar" for layer in layers]
    contents = [{"Config": "c.json", "RepoTags": None, "Layers": names}]
    stored = dict(zip(names, layers, strict=True))
    return tar_of({**stored, "c.json": other, "manifest.json": json.dumps(contents).encode()})


def set_rootfs(value: object) -> Callable[[dict[str, object]], None]:
    """Change what the config says about its layers."""
    return lambda document: document.update(rootfs=value)


@pytest.mark.parametrize(
    ("rootfs", "problem"),
    [
        (None, "Inconsistent layer count: 3 in manifest, 0 in config"),
        ({}, "Inconsistent layer count"),
        ({"diff_ids": []}, "Inconsistent layer count"),
        ({"diff_ids": [str(Digest.of(b""))] * 4}, "Inconsistent layer count: 3 in manifest, 4"),
        ({"diff_ids": ["sha256:../../x"] * 3}, "digest"),
        ({"diff_ids": [1, 2, 3]}, "not a string"),
        ({"diff_ids": [], "Diff_IDs": []}, "by case only"),
        ([], "not an object"),
    ],
)
def test_a_config_that_does_not_fit_its_layers_is_refused(
    archive: Callable[..., ImageReference], rootfs: object, problem: str
) -> None:
    with pytest.raises(ManifestInvalid, match=problem):
        read_image(archive(changed(set_rootfs(rootfs))))


@pytest.mark.parametrize("position", range(4))
def test_a_member_that_is_missing_is_told(
    archive: Callable[..., ImageReference], position: int
) -> None:
    members = members_of(IMAGE)
    missing = list(members)[position]
    del members[missing]
    with pytest.raises(ManifestInvalid, match=f"has no {missing}"):
        read_image(archive(tar_of(members)))


def test_a_file_that_is_missing_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        read_image(TRANSPORT.parse(f"{tmp_path}/a.tar"))


@pytest.mark.parametrize("content", [b"", several(), gzip.compress(several())])
def test_no_file_stays_open_after_an_error(
    archive: Callable[..., ImageReference], content: bytes
) -> None:
    reference = archive(content, ":missing:1")
    before = os.listdir("/proc/self/fd")
    with pytest.raises(RegcopyError):
        read_image(reference)
    assert os.listdir("/proc/self/fd") == before
