"""An archive as it grows, from its beginning to its end.

Blobs are written as they come, and what names them at the end. So an archive can go into a
pipe, and a file needs no second copy. The same images give the same bytes each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.layout import (
    BLOBS_FOLDER,
    INDEX_FILE,
    LAYOUT_CONTENT,
    LAYOUT_FILE,
    LayoutIndex,
)
from regcopy.streams.blob import BlobStream
from regcopy.streams.growing_tar import GrowingTar
from regcopy.streams.tar_output import TarTarget
from regcopy.streams.tar_writing import TarWriter
from regcopy.transports.oci_archive.contents import member_name

if TYPE_CHECKING:
    from regcopy.transports.base import Context

_FILE_MODE: Final = 0o644


class GrowingArchive:
    """An archive that images are added to, one after another; nothing is seen of it before the end.

    Every method raises StorageFailed where it could not write.
    """

    def __init__(self, path: str, context: Context) -> None:
        """Look at the place, and write nothing yet.

        Raises:
            UsageError: the place is a terminal.
            StorageFailed: there can be no file.
        """
        target = self._target = TarTarget.look(path)
        self._tar = GrowingTar(
            lambda: target.open(
                sleep=context.sleep, check_cancelled=context.check_cancelled, replaces=True
            ),
            tmpdir=context.environment.get("TMPDIR"),
            check_cancelled=context.check_cancelled,
            file_mode=_FILE_MODE,
        )
        self._folders: set[str] = set()
        self._sizes: dict[Digest, int] = {}
        self._images: list[tuple[Descriptor, str]] = []

    @property
    def replaces_content(self) -> bool:
        """Whether there is a file already that is not empty."""
        return self._target.has_content

    def holds(self, blob: Descriptor) -> bool:
        """Tell whether a blob was written already."""
        return self._sizes.get(blob.digest) == blob.size

    def add_blob(self, stream: BlobStream) -> Descriptor:
        """Add a blob.

        Raises:
            ContentError: the bytes are not those that were promised.
        """
        writer = self._tar.writer
        algorithm = stream.expected.digest.algorithm if stream.expected else "sha256"
        self._add_folders(writer, algorithm)
        blob = writer.add_stream(stream, self._new_name)
        self._sizes[blob.digest] = blob.size
        return blob

    def _new_name(self, blob: Descriptor) -> str:
        """Name of a member; "" where the same blob is there already."""
        return "" if blob.digest in self._sizes else member_name(blob.digest)

    def add_content(self, digest: Digest, content: bytes) -> None:
        """Add a manifest, unless it is there already."""
        if digest not in self._sizes:
            writer = self._tar.writer
            self._add_folders(writer, digest.algorithm)
            writer.add_bytes(member_name(digest), content)
            self._sizes[digest] = len(content)

    def _add_folders(self, writer: TarWriter, algorithm: str) -> None:
        for folder in (BLOBS_FOLDER, f"{BLOBS_FOLDER}/{algorithm}"):
            if folder not in self._folders:
                writer.add_folder(folder)
                self._folders.add(folder)

    def add_image(self, manifest: Descriptor, names: Sequence[str]) -> None:
        """List an image, which is there, under its names."""
        self._images += ((manifest, name) for name in dict.fromkeys(names))

    def publish(self) -> None:
        """Write what names the images, end the archive, and show it."""
        writer = self._tar.writer
        writer.add_bytes(INDEX_FILE, LayoutIndex.empty().with_images(self._images).to_bytes())
        writer.add_bytes(LAYOUT_FILE, LAYOUT_CONTENT)
        self._tar.publish()

    def close(self) -> None:
        """Close; what was not published is gone. May be called twice."""
        self._tar.close()
