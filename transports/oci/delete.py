"""Deleting one image of a layout, and the blobs that no other image needs."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from regcopy.errors import NotFound
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.streams.files import lock, locked, write_file
from regcopy.streams.tree import walk
from regcopy.transports.oci.layout import (
    BLOBS_FOLDER,
    INDEX_FILE,
    Layout,
    LayoutIndex,
    read_index,
)

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.oci import OciReference


def delete_image(reference: OciReference, context: Context) -> None:
    """Remove the entry from index.json, then the blobs. Errors as `OciReference.delete_image`."""
    shared = context.options.shared_blob_dir
    with (
        Layout(os.path.abspath(reference.path), shared and os.path.abspath(shared)) as layout,
        ExitStack() as locks,
    ):
        # Exclusive on `blobs`: no run is between finding a blob there and naming its image.
        # The same order as in a copy, blobs before index, so the two cannot wait for each
        # other.
        with suppress(NotFound):
            blobs = locks.enter_context(layout.root.sub(BLOBS_FOLDER))
            lock(blobs, sleep=context.sleep)
        with locked(layout.root, sleep=context.sleep):
            index = read_index(layout.root)
            position = index.find(reference.name, reference.position)
            rest = index.without(position)
            unneeded = _tree(layout, index.descriptor(position)) - _needed(layout, rest)
            write_file(layout.root, INDEX_FILE, rest.to_bytes())
        # Who else needs the blobs of a shared folder cannot be known from here.
        for digest in () if shared else sorted(unneeded):
            with suppress(NotFound), layout.blob_folder(digest) as folder:
                folder.remove(digest.hex)


def _needed(layout: Layout, index: LayoutIndex) -> set[Digest]:
    needed: set[Digest] = set()
    for position in range(len(index.entries)):
        needed |= _tree(layout, index.descriptor(position))
    return needed


def _tree(layout: Layout, top: Descriptor) -> set[Digest]:
    """Digests of an image, as far as its manifests are there."""
    found: set[Digest] = set()
    with suppress(NotFound):
        for descriptor, _ in walk(top, layout.manifest):
            found.add(descriptor.digest)
    return found
