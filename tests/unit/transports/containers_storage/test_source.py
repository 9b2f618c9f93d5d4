"""Reading images out of stores that were written by hand."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from regcopy.api import copy, get_manifest, inspect
from regcopy.errors import (
    ContentError,
    InvalidReference,
    ManifestInvalid,
    ManifestUnsupported,
    NotFound,
    RegcopyError,
    StorageFailed,
)
from regcopy.model.manifest import ImageManifest, parse_manifest
from regcopy.testing.samples import (
    FOUR_PLATFORMS,
    SampleImage,
    image_of_layers,
    multi_platform_image,
    single_image,
)
from tests.stores import HandStore

PLAIN = single_image(plain=True)
PACKED = single_image()
INDEX = multi_platform_image()
CHILD = SampleImage(INDEX.children[0], blobs=INDEX.blobs)


@pytest.fixture(params=["vfs", "overlay"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> HandStore:
    """An empty store."""
    return HandStore(tmp_path / "store", request.param)


def layers_of(image: SampleImage) -> list[str]:
    parsed = parse_manifest(image.top)
    assert isinstance(parsed, ImageManifest)
    return [f"{layer.media_type} {layer.digest} {layer.size}" for layer in parsed.layers]


def read(store: HandStore, name: str, folder: Path) -> dict[str, bytes]:
    copy(f"containers-storage:{store.spec}{name}", f"dir:{folder}/out")
    return {path.name: path.read_bytes() for path in (folder / "out").iterdir()}


def test_an_image_with_plain_layers_is_read_as_it_is(store: HandStore, tmp_path: Path) -> None:
    store.add(PLAIN, "localhost/app:1")

    files = read(store, "localhost/app:1", tmp_path)
    assert files["manifest.json"] == PLAIN.top.content
    assert {digest.hex: content for digest, content in PLAIN.blobs.items()}.items() <= files.items()


def test_packed_layers_are_read_plain(store: HandStore, tmp_path: Path) -> None:
    store.add(PACKED, "localhost/app:1")

    read(store, "localhost/app:1", tmp_path)
    manifest = get_manifest(f"dir:{tmp_path}/out")
    assert layers_of(SampleImage(manifest)) == layers_of(PLAIN)


def test_dockers_plain_layers_are_called_gzipped_as_other_tools_do(
    store: HandStore, tmp_path: Path
) -> None:
    store.add(single_image(family="v2s2"), "localhost/app:1")

    read(store, "localhost/app:1", tmp_path)
    manifest = get_manifest(f"dir:{tmp_path}/out")
    assert all(".tar.gzip sha256:" in layer for layer in layers_of(SampleImage(manifest)))


@pytest.mark.parametrize("name", ["localhost/app:1", f"localhost/app@{PACKED.digest}"])
def test_the_manifest_that_is_shown_is_the_one_that_the_image_came_with(
    store: HandStore, name: str
) -> None:
    store.add(PACKED, "localhost/app:1")
    place = f"containers-storage:{store.spec}{name}"

    assert get_manifest(place) == PACKED.top
    shown = inspect(place)
    assert (shown.name, shown.digest) == ("localhost/app", PACKED.digest)


def test_an_image_is_found_by_the_digest_of_the_index_that_it_came_from(
    store: HandStore, tmp_path: Path
) -> None:
    store.add(CHILD, "localhost/app:1", index=INDEX.top)

    by_index = read(store, f"localhost/app@{INDEX.digest}", tmp_path / "index")
    assert by_index == read(store, "localhost/app:1", tmp_path / "name")


def test_an_index_is_shown_with_the_image_that_is_there(store: HandStore) -> None:
    store.add(CHILD, "localhost/app:1", index=INDEX.top)
    place = f"containers-storage:{store.spec}localhost/app@{INDEX.digest}"

    shown = inspect(place, platform=FOUR_PLATFORMS[0])
    assert (shown.raw, shown.manifest) == (INDEX.top, parse_manifest(CHILD.top))
    with pytest.raises(NotFound, match="the store has no manifest"):
        inspect(place, platform=FOUR_PLATFORMS[1])


def test_an_index_that_does_not_name_the_image_beside_it_is_refused(store: HandStore) -> None:
    store.add(PLAIN, "localhost/app:1", index=INDEX.top)
    with pytest.raises(ManifestUnsupported, match="holds an index"):
        read(store, f"localhost/app@{INDEX.digest}", store.root)


def test_plain_layers_are_gzipped_for_a_layout(store: HandStore, tmp_path: Path) -> None:
    store.add(single_image(family="v2s2"), "localhost/app:1")
    copy(f"containers-storage:{store.spec}localhost/app:1", f"oci:{tmp_path}/layout")

    manifest = get_manifest(f"oci:{tmp_path}/layout")
    parsed = parse_manifest(manifest)
    assert isinstance(parsed, ImageManifest)
    for layer in parsed.layers:
        content = (tmp_path / "layout" / "blobs" / "sha256" / layer.digest.hex).read_bytes()
        assert layer.media_type.endswith("+gzip")
        assert gzip.decompress(content)


def test_an_image_is_found_by_id_and_by_its_beginning(store: HandStore) -> None:
    image_id = store.add(PLAIN, "localhost/app:1")

    for text in (image_id, f"@{image_id}", image_id[:12], f"localhost/app@{image_id}"):
        assert get_manifest(f"containers-storage:{store.spec}{text}") == PLAIN.top


def test_an_image_is_found_by_the_digest_of_its_manifest(store: HandStore) -> None:
    store.add(PLAIN, "localhost/app:1")

    name = f"localhost/app@{PLAIN.digest}"
    assert get_manifest(f"containers-storage:{store.spec}{name}") == PLAIN.top


@pytest.mark.parametrize("name", ["app:1", "localhost/app", "localhost/app:2", "abcdef", "f" * 64])
def test_an_image_that_is_missing_is_not_found(store: HandStore, name: str) -> None:
    store.add(PLAIN, "localhost/app:1")
    with pytest.raises(NotFound, match="does not resolve to an image ID"):
        get_manifest(f"containers-storage:{store.spec}{name}")


def test_the_name_and_the_id_must_belong_together(store: HandStore) -> None:
    image_id = store.add(PLAIN, "localhost/app:1")
    with pytest.raises(NotFound):
        get_manifest(f"containers-storage:{store.spec}localhost/other@{image_id}")


def test_the_beginning_of_two_ids_is_refused(store: HandStore) -> None:
    store.add(PLAIN, "localhost/app:1")
    store.add(single_image(seed="other"), "localhost/other:1")
    for image, image_id in zip(store.images, ("abc1", "abc2"), strict=True):
        image["id"] = image_id
    store.save()
    with pytest.raises(InvalidReference, match="several images"):
        get_manifest(f"containers-storage:{store.spec}@abc")


def test_an_empty_store_has_no_image(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        get_manifest(f"containers-storage:[vfs@{tmp_path}/none]app")


def layer_with_links() -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:

        def add(
            name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", to: str = ""
        ) -> None:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(content), to
            tar.addfile(info, io.BytesIO(content))

        add("usr/lib/", tarfile.DIRTYPE)
        add("lib", tarfile.SYMTYPE, to="usr/lib")
        add("abs", tarfile.SYMTYPE, to="/usr/lib")
        add("up", tarfile.SYMTYPE, to="../../../usr/lib")
        add("lib/a", content=b"through a link")
        add("abs/b", content=b"through a link from the root")
        add("up/c", content=b"through a link out of the root")
        add("./usr/d", content=b"with a dot")
        add("x" * 200 + "/é", content=b"with a long name")
        add("usr/hard", tarfile.LNKTYPE, to="usr/lib/a")
        add(".wh.gone")
        add("empty")
    return target.getvalue()


def test_links_are_followed_inside_the_layer_only(tmp_path: Path) -> None:
    layer = layer_with_links()
    store = HandStore(tmp_path / "store", unpack=_unpack_links)
    store.add(image_of_layers([layer], platform=FOUR_PLATFORMS[0], plain=True), "localhost/app:1")

    assert layer in read(store, "localhost/app:1", tmp_path).values()


def _unpack_links(_: bytes, folder: Path) -> None:
    """Write what an engine does for which the folder is the root of the file system."""
    (folder / "usr" / "lib").mkdir(parents=True)
    for name, target in (("lib", "usr/lib"), ("abs", "/usr/lib"), ("up", "../../../usr/lib")):
        os.symlink(target, folder / name)
    (folder / "usr" / "lib" / "a").write_text("through a link")
    (folder / "usr" / "lib" / "b").write_text("through a link from the root")
    (folder / "usr" / "lib" / "c").write_text("through a link out of the root")
    (folder / "usr" / "d").write_text("with a dot")
    (folder / ("x" * 200)).mkdir()
    (folder / ("x" * 200) / "é").write_text("with a long name")


def one_file(store: HandStore) -> Path:
    """The file of the lowest layer."""
    (found,) = (p for p in store.files_of(str(store.layers[0]["id"])).rglob("*") if p.is_file())
    return found


def test_a_file_that_was_changed_is_noticed(store: HandStore, tmp_path: Path) -> None:
    store.add(PLAIN, "localhost/app:1")
    one_file(store).write_bytes(bytes(2000))
    with pytest.raises(ContentError, match="expected digest"):
        read(store, "localhost/app:1", tmp_path)


@pytest.mark.parametrize("target", ["/etc/hostname", "../../../other", "sample-0.bin"])
def test_a_file_that_became_a_link_is_not_followed(
    store: HandStore, tmp_path: Path, target: str
) -> None:
    store.add(PLAIN, "localhost/app:1")
    file = one_file(store)
    file.unlink()
    file.symlink_to(target)
    with pytest.raises(StorageFailed, match="this is no regular file"):
        read(store, "localhost/app:1", tmp_path)


def test_links_in_a_circle_end(store: HandStore, tmp_path: Path) -> None:
    store.add(PLAIN, "localhost/app:1")
    file = one_file(store)
    file.unlink()
    file.parent.rmdir()
    file.parent.symlink_to("data")
    with pytest.raises(StorageFailed, match="links in a circle"):
        read(store, "localhost/app:1", tmp_path)


def test_missing_notes_have_a_way_out(store: HandStore, tmp_path: Path) -> None:
    store.add(PLAIN, "localhost/app:1")
    store.notes_path(str(store.layers[0]["id"])).unlink()
    with pytest.raises(NotFound) as caught:
        read(store, "localhost/app:1", tmp_path)
    assert "podman save" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"diff-digest": ""}, ManifestUnsupported),
        ({"diff-digest": "sha256:x"}, ManifestInvalid),
        ({"diff-size": -1}, ManifestInvalid),
        ({"id": "../x"}, ManifestInvalid),
        ({"id": "abc"}, NotFound),
        ({"parent": "../x"}, ManifestInvalid),
    ],
)
def test_a_broken_list_of_layers_is_refused(
    store: HandStore, change: dict[str, object], kind: type[RegcopyError]
) -> None:
    store.add(PLAIN, "localhost/app:1")
    store.layers[0] |= change
    store.save()
    with pytest.raises(kind):
        get_manifest(f"containers-storage:{store.spec}localhost/app:1")


def test_layers_in_a_circle_end(store: HandStore) -> None:
    store.add(PLAIN, "localhost/app:1")
    store.layers[0]["parent"] = store.layers[1]["id"]
    store.save()
    with pytest.raises(ContentError, match="layers"):
        get_manifest(f"containers-storage:{store.spec}localhost/app:1")


@pytest.mark.parametrize("content", ["", "{", "{}", "[1]", '[{"id":"../x"}]', "[[[["])
def test_a_broken_list_of_images_is_refused(store: HandStore, content: str) -> None:
    store.add(PLAIN, "localhost/app:1")
    (store.root / f"{store.driver}-images" / "images.json").write_text(content)
    with pytest.raises(RegcopyError):
        get_manifest(f"containers-storage:{store.spec}localhost/app:1")
