"""Writing a tar file from beginning to end, one member after the other.

The header of a member says how large it is. Where that is not known before, a file gets its
header afterwards, and only for a pipe the member is kept in a temporary file first.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from regcopy.errors import StorageFailed
from regcopy.model.descriptor import Descriptor
from regcopy.streams.blob import BLOCK_BYTES, BlobStream
from regcopy.streams.files import storage_errors, write_all
from regcopy.streams.tar_headers import (
    END_OF_TAR,
    file_header,
    folder_header,
    link_header,
    padding,
)
from regcopy.streams.tar_output import TarOutput
from regcopy.streams.tar_storage import new_temporary_file

NameOf = Callable[[Descriptor], str]
"""Gives the name of a member once its digest is known; "" for one that is not wanted."""

_NO_HEADER_YET: Final = bytes(len(file_header("", 0)))


class TarWriter:
    """A tar file that grows; not to be used by several threads at once."""

    def __init__(
        self,
        output: TarOutput,
        *,
        temporary_folder: str,
        check_cancelled: Callable[[], None],
        file_mode: int = 0o444,
    ) -> None:
        """Write to `output`, which is not closed with this.

        Args:
            output: where to.
            temporary_folder: for members whose size is not known before, on the way into a
                pipe.
            check_cancelled: called for each block; raises to stop.
            file_mode: permissions of the files.
        """
        self._output = output
        self._file_mode = file_mode
        self._folder = temporary_folder
        self._check_cancelled = check_cancelled
        self._size = 0
        self._is_broken = False
        self._broken_by: BaseException | None = None

    def add_bytes(self, name: str, content: bytes) -> None:
        """Add a small file. Raises StorageFailed."""
        self._append(self._header(name, len(content)) + content + padding(len(content)))

    def _header(self, name: str, size: int) -> bytes:
        return file_header(name, size, self._file_mode)

    def add_folder(self, name: str) -> None:
        """Add a folder. Raises StorageFailed."""
        self._append(folder_header(name))

    def add_link(self, name: str, target: str) -> None:
        """Add a symbolic link. Raises StorageFailed."""
        self._append(link_header(name, target))

    def add_stream(self, stream: BlobStream, name_of: NameOf) -> Descriptor:
        """Add a file from a stream, whole or (where it is no pipe) not at all.

        Raises:
            StorageFailed: it could not be written.
            ContentError: the bytes are not those that were promised.
        """
        start = self._size
        try:
            if stream.expected is not None:
                return self._add_known(stream, stream.expected, name_of(stream.expected))
            if self._output.can_seek:
                return self._add_measured(stream, name_of)
            return self._add_spooled(stream, name_of)
        except BaseException as error:
            self._broken_by = self._broken_by or error
            self._take_back(start)
            raise

    def end(self) -> None:
        """Write what ends a tar file. Raises StorageFailed."""
        self._append(END_OF_TAR)

    def _add_known(self, stream: BlobStream, blob: Descriptor, name: str) -> Descriptor:
        if not name:
            stream.drain()
            return stream.descriptor()
        self._append(self._header(name, blob.size))
        self._copy(stream, self._append)
        self._append(padding(blob.size))
        return stream.descriptor()

    def _add_measured(self, stream: BlobStream, name_of: NameOf) -> Descriptor:
        start = self._size
        self._append(_NO_HEADER_YET)
        self._copy(stream, self._append)
        blob = stream.descriptor()
        name = name_of(blob)
        if not name:
            self._take_back(start)
            return blob
        header = self._header(name, blob.size)
        if len(header) != len(_NO_HEADER_YET):
            raise ValueError(f"too long for a header that is written afterwards: {name}")
        self._output.write_at(start, header)
        self._append(padding(blob.size))
        return blob

    def _add_spooled(self, stream: BlobStream, name_of: NameOf) -> Descriptor:
        with new_temporary_file(self._folder) as file:

            def keep(block: bytes) -> None:
                with storage_errors("writing a temporary file in", self._folder):
                    write_all(file.fileno(), block)

            self._copy(stream, keep)
            blob = stream.descriptor()
            if name := name_of(blob):
                self._append(self._header(name, blob.size))
                self._append_file(file.fileno(), blob.size)
                self._append(padding(blob.size))
        return blob

    def _append_file(self, fd: int, size: int) -> None:
        for offset in range(0, size, BLOCK_BYTES):
            with storage_errors("reading a temporary file in", self._folder):
                block = os.pread(fd, BLOCK_BYTES, offset)
            self._append(block)

    def _copy(self, stream: BlobStream, write: Callable[[bytes], None]) -> None:
        while block := stream.read(BLOCK_BYTES):
            write(block)
            self._check_cancelled()

    def _append(self, block: bytes) -> None:
        if self._is_broken:
            why = f": {self._broken_by}" if self._broken_by else ""
            raise StorageFailed(f"the archive was broken off, and cannot be continued{why}")
        self._is_broken = True  # until all of it is written
        self._output.write(block)
        self._is_broken = False
        self._size += len(block)

    def _take_back(self, start: int) -> None:
        if self._output.can_seek:
            self._is_broken = True  # until it is cut: that may fail as well
            self._output.cut(start)
            self._size, self._is_broken, self._broken_by = start, False, None
        elif self._size != start:
            self._is_broken = True
