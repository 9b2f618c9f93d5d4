"""`diff`: what differs between two images."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from regcopy.checking.diff import diff_images
from regcopy.checking.files import FileTree, read_layer
from regcopy.errors import ContentError, LimitExceeded
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import OCI_LAYER_GZIP
from regcopy.model.platform import Platform
from regcopy.streams.blob import BlobStream
from regcopy.testing.samples import image_of_layers, write_dir, write_layout
from tests.command_line import run_cli
from tests.schema1 import EMPTY_LAYER, gzipped, schema1_image

AMD64 = Platform("linux", "amd64")


def layer(files: Mapping[str, bytes | None], *, mode: int = 0o644) -> bytes:
    """A tar file; a name without content is a folder."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.mode = mode
            if content is None:
                member.type = tarfile.DIRTYPE
            else:
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content or b""))
    return target.getvalue()


def write(folder: Path, name: str, *layers: bytes) -> str:
    write_layout(image_of_layers(layers, platform=AMD64), folder / name, "t")
    return f"oci:{folder / name}:t"


def changed_files(first: str, second: str) -> dict[str, tuple[str, ...]]:
    """Paths that differ: "-" only in the first, "+" only in the second, or what differs."""
    found = diff_images(first, second, platform=AMD64).files
    assert found is not None
    return {one.path: one.aspects or (("+",) if one.before is None else ("-",)) for one in found}


def test_files_are_told_that_came_went_and_changed(tmp_path: Path) -> None:
    old = write(tmp_path, "old", layer({"a": b"1", "b": b"2", "c": b"3"}))
    new = write(tmp_path, "new", layer({"a": b"1", "b": b"x", "d": b"4"}))
    assert changed_files(old, new) == {"b": ("content",), "c": ("-",), "d": ("+",)}


def test_permissions_count(tmp_path: Path) -> None:
    old = write(tmp_path, "old", layer({"a": b"1"}))
    new = write(tmp_path, "new", layer({"a": b"1"}, mode=0o600))
    assert changed_files(old, new) == {"a": ("mode",)}


def test_a_file_that_became_a_folder_is_told(tmp_path: Path) -> None:
    old = write(tmp_path, "old", layer({"a": b"1"}))
    new = write(tmp_path, "new", layer({"a": b"1"}), layer({"a": None, "a/b": b"2"}))
    assert changed_files(old, new) == {"a": ("kind", "content", "size"), "a/b": ("+",)}


@pytest.mark.parametrize(
    ("marks", "left"),
    [
        ({"etc/.wh.a": b""}, {"etc/b", "etc/d/e"}),
        ({"etc/.wh.d": b""}, {"etc/a", "etc/b"}),
        ({"etc/new": b"", "etc/.wh..wh..opq": b""}, {"etc/new"}),
        ({".wh.etc": b""}, set()),
        ({".wh.gone": b"", "etc/.wh.gone": b"", "gone/.wh.x": b""}, {"etc/a", "etc/b", "etc/d/e"}),
        ({"./etc/a": b"", "etc/.wh.a": b""}, {"etc/a", "etc/b", "etc/d/e"}),
    ],
)
def test_whiteouts_remove_what_the_layers_below_have(
    marks: dict[str, bytes | None], left: set[str]
) -> None:
    tree = FileTree()
    for tar in (layer({"etc/a": b"1", "/etc/b": b"2", "etc/d/e": b"3"}), layer(marks)):
        tree.lay(read_layer(stream_of(tar), what="layer", check_cancelled=lambda: None))
    assert {path for path, _ in tree.files()} == left


def stream_of(content: bytes, *, promised: bytes | None = None) -> BlobStream:
    told = content if promised is None else promised
    described = Descriptor(OCI_LAYER_GZIP, Digest.of(told), len(told))
    return BlobStream(lambda offset: io.BytesIO(content[offset:]), described)


def test_a_layer_whose_tail_is_wrong_is_no_layer() -> None:
    good = layer({"a": b"1"})
    wrong = good[:-1] + b"x"
    with pytest.raises(ContentError, match="expected digest"):
        read_layer(stream_of(wrong, promised=good), what="layer", check_cancelled=lambda: None)


@pytest.mark.parametrize("content", [b"", b"no tar", gzip.compress(b"x" * 600)])
def test_what_is_no_layer_is_refused(content: bytes) -> None:
    with pytest.raises(ContentError):
        read_layer(stream_of(content), what="layer", check_cancelled=lambda: None)


@pytest.mark.parametrize("length", [512 + 3, 1024, 1536, 2048])
def test_a_layer_need_not_end_with_a_mark(length: int) -> None:
    """As umoci writes them; the digest proves that nothing is missing."""
    content = layer({"a": b"123", "folder": None})[:length]
    found = read_layer(stream_of(content), what="layer", check_cancelled=lambda: None)
    assert found[0][1].content == hashlib.sha256(b"123").hexdigest()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("length", [0, 511, 512, 512 + 2, 512 + 512 + 1])
@pytest.mark.parametrize("size", [3, 2**60])
def test_a_layer_that_ends_within_a_file_or_a_header_is_refused(length: int, size: int) -> None:
    member = tarfile.TarInfo("a")
    member.size = size
    content = member.tobuf(tarfile.GNU_FORMAT) + b"123".ljust(512, b"\0") + bytes(1024)
    with pytest.raises(ContentError, match=r"cut off|no tar file"):
        read_layer(stream_of(content[:length]), what="layer", check_cancelled=lambda: None)


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regcopy.checking.files.MAX_FILES", 2)
    tar = layer({"a": b"", "b": b"", "c": b""})
    with pytest.raises(LimitExceeded):
        read_layer(stream_of(tar), what="layer", check_cancelled=lambda: None)


@pytest.mark.usefixtures("images")
def test_exit_codes_are_those_of_diff() -> None:
    pairs = [("one:t", "one:t"), ("one:t", "four:t"), ("one:t", "gone:t")]
    assert [run_cli("diff", f"oci:{a}", f"oci:{b}").code for a, b in pairs] == [0, 1, 2]
    assert run_cli("diff", "oci:one:t").code == 2


@pytest.mark.usefixtures("images")
def test_the_same_layers_in_two_families_have_the_same_files() -> None:
    ended = run_cli("diff", "--json", "oci:one:t", "dir:docker")
    document = json.loads(ended.out)
    assert (ended.code, document["Same"], document["Files"]) == (1, False, [])
    assert {change["Name"] for change in document["Manifest"]} == {"mediaType", "config.mediaType"}


@pytest.mark.usefixtures("images")
def test_the_text_shows_platforms_config_layers_and_files() -> None:
    shown = run_cli("diff", "--override-arch=amd64", "oci:one:t", "oci:four:t").out
    for title in ("--- oci:one:t", "+++ oci:four:t", "platforms:", "config:", "layers:", "files:"):
        assert title in shown


@pytest.mark.usefixtures("images")
def test_without_files_no_layer_is_read() -> None:
    found = diff_images("oci:one:t", "oci:four:t", platform=AMD64, files=False)
    assert found.files is None
    assert len(found.removed_layers) == len(found.added_layers) == 3


def test_layers_of_schema_1_are_told_with_their_sizes(tmp_path: Path) -> None:
    stored = gzipped(layer({"a": b"1"}))
    write_dir(schema1_image(stored, empty=[1]), tmp_path / "old")
    new = write(tmp_path, "new", layer({"b": b"1"}))

    found = diff_images(f"dir:{tmp_path}/old", new, platform=AMD64)

    assert [one.size for one in found.removed_layers] == [len(stored[0]), len(EMPTY_LAYER)]
