"""Signatures in a folder: `signature-N`, and `<hex>.signature-N` of what an index names."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.errors import LimitExceeded, StorageFailed
from regcopy.testing.samples import multi_platform_image, single_image, write_dir
from regcopy.transports.base import Context
from regcopy.transports.dir import DirReference
from regcopy.transports.signatures import HoldsSignatures, TakesSignatures

IMAGE = multi_platform_image()
CHILD = IMAGE.children[0].digest


def read(folder: Path, context: Context, *, child: bool = False) -> list[bytes]:
    with DirReference(str(folder)).open_source(context) as source:
        assert isinstance(source, HoldsSignatures)
        return list(source.get_signatures(CHILD if child else None))


def test_they_are_counted_from_one_to_the_first_gap(
    tmp_path: Path, source_context: Context
) -> None:
    write_dir(IMAGE, tmp_path)
    assert read(tmp_path, source_context) == []
    for number in (1, 2, 4):
        (tmp_path / f"signature-{number}").write_text(str(number))
    (tmp_path / f"{CHILD.hex}.signature-1").write_text("child")
    assert read(tmp_path, source_context) == [b"1", b"2"]
    assert read(tmp_path, source_context, child=True) == [b"child"]


def test_each_is_read_when_it_is_asked_for(tmp_path: Path, source_context: Context) -> None:
    write_dir(IMAGE, tmp_path)
    (tmp_path / "signature-1").write_text("one")
    with (tmp_path / "signature-2").open("wb") as file:
        file.truncate(1024**3)
    with DirReference(str(tmp_path)).open_source(source_context) as source:
        assert isinstance(source, HoldsSignatures)
        signatures = iter(source.get_signatures())
        assert next(signatures) == b"one"
        with pytest.raises(LimitExceeded):
            next(signatures)


def test_a_link_is_not_followed(tmp_path: Path, source_context: Context) -> None:
    write_dir(IMAGE, tmp_path / "image")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "image" / "signature-1").symlink_to(tmp_path / "secret")
    with pytest.raises(StorageFailed):
        read(tmp_path / "image", source_context)


def write(folder: Path, context: Context, *signatures: bytes, commit: bool = True) -> None:
    image = single_image(layers=0)
    with DirReference(str(folder)).open_destination(context) as destination:
        assert isinstance(destination, TakesSignatures)
        destination.put_manifest(image.top, top=True)
        destination.put_signatures(signatures)
        if commit:
            destination.commit()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*signature-*"))


def test_they_appear_with_the_image(tmp_path: Path, destination_context: Context) -> None:
    write(tmp_path / "copy", destination_context, b"one", b"two", commit=False)
    assert names(tmp_path / "copy") == []
    write(tmp_path / "copy", destination_context, b"one", b"two")
    assert names(tmp_path / "copy") == ["signature-1", "signature-2"]


def test_fewer_replace_more(tmp_path: Path, destination_context: Context) -> None:
    write(tmp_path / "copy", destination_context, b"one", b"two")
    write(tmp_path / "copy", destination_context, b"new")
    assert names(tmp_path / "copy") == ["signature-1"]
    assert (tmp_path / "copy" / "signature-1").read_bytes() == b"new"


def test_what_failed_leaves_the_old_ones(tmp_path: Path, destination_context: Context) -> None:
    write(tmp_path / "copy", destination_context, b"one", b"two")
    write(tmp_path / "copy", destination_context, b"new", commit=False)
    assert names(tmp_path / "copy") == ["signature-1", "signature-2"]
    assert (tmp_path / "copy" / "signature-1").read_bytes() == b"one"
