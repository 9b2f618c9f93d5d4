"""The files of the served layout: blobs, manifests, and what is being uploaded.

A blob gets its name by rename once its digest is checked. It is made durable later, right
before the first manifest that needs it is entered into index.json: until then nothing on
disk names it, and after a restart nobody is told that it is there. So an upload does not
wait for the disk, and what index.json names is always on it.
"""

from __future__ import annotations

import io
import os
import secrets
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from regcopy.errors import ContentError, ManifestInvalid, NotFound, StorageFailed, UsageError
from regcopy.model._json import JsonObject, load_object
from regcopy.model.digest import Digest
from regcopy.model.layout import BLOBS_FOLDER, INDEX_FILE, LAYOUT_CONTENT, LAYOUT_FILE
from regcopy.streams.files import (
    Folder,
    read_file,
    storage_errors,
    write_file,
)
from regcopy.streams.locks import lock, locked, try_lock
from regcopy.streams.temporary_names import is_temporary

LOCK_SECONDS: Final = 20.0

_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_NONBLOCK: Final = getattr(os, "O_NONBLOCK", 0)


class Storage:
    """An open layout. Only values of type `Digest` become names of content.

    From its start to its end it holds the shared lock on `blobs` that every writer of a
    layout holds: so nobody removes blobs or half-written files from under it.
    """

    def __init__(self, path: str, *, durable: bool = True) -> None:
        """Open the layout in a folder; make one where the folder is missing or empty.

        Args:
            path: the folder.
            durable: make files durable before index.json names them.

        Raises:
            UsageError: the folder holds something else.
            ManifestInvalid: it is a layout of another version.
            StorageFailed: it cannot be used, or another process is cleaning it.
        """
        self._durable = durable
        self._mutex = threading.Lock()
        self._folders: dict[str, Folder] = {}
        self._volatile: set[Digest] = set()
        with ExitStack() as opened:
            self.root = opened.enter_context(_open_root(os.path.abspath(path)))
            _check_layout(self.root)
            self.root.make(BLOBS_FOLDER)
            self._blobs = opened.enter_context(self.root.sub(BLOBS_FOLDER))
            if try_lock(self._blobs) == "held":
                self._blobs.remove_temporary_files()
            lock(self._blobs, shared=True, timeout_seconds=LOCK_SECONDS)
            self._opened = opened.pop_all()

    def _folder(self, algorithm: str, *, create: bool = False) -> Folder:
        """Give the folder of one algorithm. Raises NotFound, unless it is to be created."""
        with self._mutex:
            folder = self._folders.get(algorithm)
            if folder is None:
                if create:
                    self._blobs.make(algorithm)
                folder = self._opened.enter_context(self._blobs.sub(algorithm))
                self._folders[algorithm] = folder
            return folder

    def size_of(self, digest: Digest) -> int | None:
        """Size of a blob or manifest in bytes; None where it is not there."""
        try:
            return self._folder(digest.algorithm).size_of(digest.hex)
        except NotFound:
            return None

    def open(self, digest: Digest) -> io.FileIO:
        """Open a blob for reading.

        Raises:
            NotFound: it is not there.
            StorageFailed: it is no regular file, or cannot be read.
        """
        folder = self._folder(digest.algorithm)
        path = folder.path_of(digest.hex)
        with storage_errors("reading", path):
            try:
                fd = os.open(digest.hex, os.O_RDONLY | _NOFOLLOW | _NONBLOCK, dir_fd=folder.fd)
            except FileNotFoundError:
                raise NotFound(f"{digest} is not in the layout") from None
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                os.close(fd)
                raise StorageFailed(f"reading {path}: this is no regular file")
            return io.FileIO(fd)

    def read(self, digest: Digest, limit: int) -> bytes:
        """Read a small whole file.

        Raises:
            NotFound, StorageFailed: as `open`.
            LimitExceeded: it is larger than `limit`.
            DigestMismatch: the file is not what it should be.
        """
        content = read_file(self._folder(digest.algorithm), digest.hex, limit=limit)
        digest.check(content)
        return content

    @contextmanager
    def appending(self, name: str) -> Iterator[int]:
        """Open an unfinished file for a while, to append to; it is made first if need be."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | _NOFOLLOW
        with storage_errors("writing to", self._blobs.path):
            fd = os.open(name, flags, 0o644, dir_fd=self._blobs.fd)
        try:
            yield fd
        finally:
            os.close(fd)

    def append(self, fd: int, block: memoryview) -> None:
        """Write a block. Raises StorageFailed (disk full, quota, …)."""
        with storage_errors("writing to", self._blobs.path):
            while block:
                block = block[os.write(fd, block) :]

    def discard(self, name: str) -> None:
        """Remove an unfinished file, if it is there."""
        self._blobs.remove(name)

    def place(self, name: str, digest: Digest) -> None:
        """Give an unfinished file, whose digest was checked, its name. Raises StorageFailed."""
        folder = self._folder(digest.algorithm, create=True)
        if self._durable and folder.size_of(digest.hex) is not None:
            # index.json may name the file that is replaced, and that one is on the disk.
            with self.appending(name) as fd, storage_errors("writing", str(digest)):
                os.fsync(fd)
        with self._mutex:
            self._volatile.add(digest)
        with storage_errors("writing", folder.path_of(digest.hex)):
            os.replace(name, digest.hex, src_dir_fd=self._blobs.fd, dst_dir_fd=folder.fd)

    def put(self, digest: Digest, content: bytes) -> None:
        """Write a small whole file, unless it is there as it should be. Raises StorageFailed."""
        with suppress(NotFound, ContentError):  # missing or damaged: then it is written
            self.read(digest, len(content))
            return
        name = new_name()
        try:
            with self.appending(name) as fd:
                self.append(fd, memoryview(content))
            self.place(name, digest)
        except StorageFailed:
            with suppress(StorageFailed):
                self.discard(name)
            raise

    def make_durable(self, digests: Iterable[Digest]) -> None:
        """Wait until files are on the disk, as far as they are new. Raises StorageFailed."""
        with self._mutex:
            fresh = self._volatile.intersection(digests)
        if self._durable:
            for digest in fresh:
                writing = storage_errors("writing", str(digest))
                with suppress(NotFound), self.open(digest) as file, writing:
                    os.fsync(file.fileno())
            for algorithm in {digest.algorithm for digest in fresh}:
                self._folder(algorithm).sync()
        with self._mutex:
            self._volatile -= fresh

    @contextmanager
    def locked_index(self) -> Iterator[None]:
        """Keep other processes from changing index.json for a while.

        Raises:
            StorageFailed: another process holds it for too long.
        """
        with locked(self.root, timeout_seconds=LOCK_SECONDS):
            yield

    def write_index(self, content: bytes) -> None:
        """Replace index.json in one step. Raises StorageFailed."""
        if self._durable:
            write_file(self.root, INDEX_FILE, content)
            return
        name = new_name()
        with storage_errors("writing", self.root.path_of(INDEX_FILE)):
            here = self.root.fd
            fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=here)
            with open(fd, "wb") as file:
                file.write(content)
            os.replace(name, INDEX_FILE, src_dir_fd=here, dst_dir_fd=here)

    def remove(self, digest: Digest) -> None:
        """Remove a blob, unless another process is between finding it and naming it."""
        if try_lock(self._blobs) == "held":
            self._folder(digest.algorithm).remove(digest.hex)
        # An exclusive lock that was got, or a shared one that was lost, is shared again.
        lock(self._blobs, shared=True, timeout_seconds=LOCK_SECONDS)

    def close(self) -> None:
        """Close everything, and release the lock; may be called twice."""
        self._opened.close()


def new_name() -> str:
    """A name that no content has, and that every writer of layouts takes for rubbish."""
    return f".regcopy-{secrets.token_hex(8)}.tmp"


def _open_root(path: str) -> Folder:
    with storage_errors("creating", path):
        os.makedirs(path, exist_ok=True)
    return Folder.open(path)


def _check_layout(root: Folder) -> None:
    try:
        found = JsonObject(load_object(read_file(root, LAYOUT_FILE, limit=4096), what=LAYOUT_FILE))
    except NotFound:
        if any(not is_temporary(name) for name in root.names()):
            raise UsageError(
                f"{root.path} is neither empty nor an image layout",
                hint="name an empty or new folder, or one that has a file oci-layout",
            ) from None
        write_file(root, LAYOUT_FILE, LAYOUT_CONTENT)
        write_file(root, INDEX_FILE, b'{"schemaVersion":2,"manifests":[]}')
        return
    version = found.string("imageLayoutVersion")
    if not version.startswith("1."):
        raise ManifestInvalid(f"{root.path} is a layout of version {version[:20] or '(none)'}")
