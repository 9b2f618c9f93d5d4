"""Layouts and folders as places to copy to, in few words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from regcopy.model.digest import Digest
from regcopy.model.layout import LayoutIndex
from regcopy.testing.samples import SampleImage
from regcopy.transports.abilities import HoldsImages
from regcopy.transports.base import (
    ImageDestination,
    ImageReference,
    SideOptions,
)
from regcopy.transports.dir import DirReference
from regcopy.transports.oci import OciReference
from tests.contexts import make_context
from tests.hand_copy import put_image


def oci(path: Path, name: str = "") -> OciReference:
    """Name an image of a layout."""
    return OciReference(str(path), name)


def folder(path: Path) -> DirReference:
    """Name the image in a folder."""
    return DirReference(str(path))


def open_writer(
    reference: ImageReference, *, options: SideOptions | None = None
) -> ImageDestination:
    """Open a place for writing."""
    return reference.open_destination(make_context("destination", options=options))


def fail_run(
    reference: ImageReference,
    image: SampleImage,
    error: BaseException,
    *,
    meanwhile: Callable[[], None] = lambda: None,
    options: SideOptions | None = None,
) -> None:
    """Write all of an image, and fail before the commit."""
    with open_writer(reference, options=options) as destination:
        put_image(destination, image)
        meanwhile()
        raise error


def current_digest(reference: ImageReference) -> Digest | None:
    """Ask a destination for the digest that is there."""
    with open_writer(reference) as destination:
        assert isinstance(destination, HoldsImages)
        return destination.current_digest()


def names(layout: Path) -> tuple[str, ...]:
    """Names in index.json of a layout."""
    return LayoutIndex.parse((layout / "index.json").read_bytes()).names()


def files_of(image: SampleImage) -> dict[str, bytes]:
    """Files that a folder with this image has."""
    files = {"version": b"Directory Transport Version: 1.1\n", "manifest.json": image.top.content}
    files |= {digest.hex: content for digest, content in image.blobs.items()}
    return files | {f"{m.digest.hex}.manifest.json": m.content for m in image.children}
