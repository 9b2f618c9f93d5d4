"""Deleting one image of a layout, and the blobs that no other image needs."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from regcopy.errors import ContentError, NotFound
from regcopy.model.digest import Digest
from regcopy.model.layout import BLOBS_FOLDER, INDEX_FILE, LayoutIndex
from regcopy.streams.files import write_file
from regcopy.streams.locks import lock, locked
from regcopy.transports.oci.layout import Layout, read_index

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
            # Who else needs the blobs of a shared folder cannot be known from here.
            unneeded = set() if shared else _unneeded(layout, index, position)
            write_file(layout.root, INDEX_FILE, index.without(position).to_bytes())
        for digest in sorted(unneeded):
            with suppress(NotFound), layout.blob_folder(digest) as folder:
                folder.remove(digest.hex)


def _unneeded(layout: Layout, index: LayoutIndex, position: int) -> set[Digest]:
    """Digests that only one of the images needs."""
    try:
        return layout.tree(index.descriptor(position)) - layout.needed(index.without(position))
    except ContentError:
        # A broken manifest does not say what it needs. Its entry can still be removed, and
        # blobs that nobody needs do no harm.
        return set()
