"""Uploads that are under way: their files, their hashes, and their end."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from regcopy.errors import RegcopyError, StorageFailed
from regcopy.model.digest import Digest, new_hasher
from regcopy.serving.messages import Body
from regcopy.serving.refusals import Refusal, digest_invalid, upload_unknown
from regcopy.serving.storage import Storage, new_name
from regcopy.streams.files import storage_errors

BLOCK_BYTES: Final = 256 * 1024
MAX_UPLOADS: Final = 4096
IDLE_SECONDS: Final = 3600.0
SWEEP_SECONDS: Final = 60.0
# A client that comes back after its connection broke may be faster than the news of it.
_TURN_SECONDS: Final = 10.0


class Upload:
    """One upload: so many bytes have come, and this is their hash.

    It has a file from its first byte on, so one that is only begun costs next to nothing.
    """

    def __init__(self, storage: Storage, repository: str) -> None:
        self.id = secrets.token_hex(16)
        self.repository = repository
        self.size = 0
        self.touched = time.monotonic()
        self._storage = storage
        self._name = new_name()
        self._algorithm = "sha256"
        self._hasher = new_hasher()
        self._turn = threading.Lock()

    @property
    def is_busy(self) -> bool:
        """Whether a request works on it at this moment."""
        return self._turn.locked()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Be the only request that works on it.

        Raises:
            Refusal: another one does, and does not end.
        """
        if not self._turn.acquire(timeout=_TURN_SECONDS):
            raise Refusal(
                503,
                "TOOMANYREQUESTS",
                "another request writes here",
                headers=(("Retry-After", "1"),),
            )
        try:
            yield
        finally:
            self.touched = time.monotonic()
            self._turn.release()

    def append(self, body: Body, *, algorithm: str = "sha256") -> None:
        """Take all of a body; what has come stays when the client goes away in between.

        Args:
            body: of a request.
            algorithm: of the digest that will be asked for, where it is known already.

        Raises:
            ClientGone, BadRequest: the body is not complete.
            StorageFailed: the file has as many bytes as `size` says no longer.
        """
        if not self.size and algorithm != self._algorithm:
            self._algorithm, self._hasher = algorithm, new_hasher(algorithm)
        length = BLOCK_BYTES if body.length is None else min(body.length, BLOCK_BYTES)
        buffer = memoryview(bytearray(max(length, 1)))
        with self._storage.appending(self._name) as fd:
            while count := body.read_into(buffer):
                block = buffer[:count]
                self._storage.append(fd, block)
                self._hasher.update(block)
                self.size += count

    def check(self, expected: Digest) -> None:
        """Raise Refusal unless this is the digest of what has come."""
        actual = self._digest(expected.algorithm)
        if actual != expected:
            raise digest_invalid(f"the content has digest {actual}, not {expected}")

    def finish(self, checked: Digest) -> None:
        """Make a blob of it. Raises StorageFailed."""
        self._storage.place(self._name, checked)

    def _digest(self, algorithm: str) -> Digest:
        if algorithm == self._algorithm:
            return Digest(algorithm, self._hasher.hexdigest())
        # The chunks were hashed by the usual algorithm before this one was asked for.
        hasher = new_hasher(algorithm)
        buffer = memoryview(bytearray(BLOCK_BYTES))
        with self._storage.appending(self._name) as fd, storage_errors("reading", "an upload"):
            os.lseek(fd, 0, os.SEEK_SET)
            while count := os.readv(fd, [buffer]):
                hasher.update(buffer[:count])
        return Digest(algorithm, hasher.hexdigest())

    def discard(self) -> None:
        """Remove its file, if there is one."""
        with suppress(RegcopyError):
            self._storage.discard(self._name)


class Uploads:
    """All uploads under way. They live as long as the server, and not longer."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._mutex = threading.Lock()
        self._uploads: dict[str, Upload] = {}
        self._swept = time.monotonic()

    def start(self, repository: str) -> Upload:
        """Begin an upload; those that nobody has touched for an hour end.

        So does the one that was not touched for longest where there are too many.
        """
        upload = Upload(self._storage, repository)
        with self._mutex:
            stale = self._take_stale()
            self._uploads[upload.id] = upload
        for old in stale:
            old.discard()
        return upload

    def find(self, repository: str, identifier: str) -> Upload:
        """Give an upload of that repository. Raises Refusal."""
        with self._mutex:
            upload = self._uploads.get(identifier)
        if upload is None or upload.repository != repository:
            raise upload_unknown()
        return upload

    def receive(self, upload: Upload, body: Body, *, algorithm: str = "sha256") -> None:
        """Append a body to an upload; errors and arguments as `Upload.append`."""
        try:
            upload.append(body, algorithm=algorithm)
        except StorageFailed:
            # How many bytes are in the file is not known any more.
            self.end(upload)
            raise

    def check(self, upload: Upload, expected: Digest) -> None:
        """Check what has come, and end the upload if it is something else. Raises Refusal."""
        try:
            upload.check(expected)
        except (Refusal, StorageFailed):
            self.end(upload)
            raise

    def finish(self, upload: Upload, checked: Digest) -> None:
        """Make a blob of an upload, which is over either way. Raises StorageFailed."""
        try:
            upload.finish(checked)
        finally:
            self.end(upload)

    def end(self, upload: Upload) -> None:
        """Forget an upload, and remove what is left of it."""
        with self._mutex:
            self._uploads.pop(upload.id, None)
        upload.discard()

    def _take_stale(self) -> list[Upload]:
        now = time.monotonic()
        is_full = len(self._uploads) >= MAX_UPLOADS
        if now < self._swept + SWEEP_SECONDS and not is_full:
            return []
        self._swept = now
        idle = [upload for upload in self._uploads.values() if not upload.is_busy]
        stale = [upload for upload in idle if upload.touched < now - IDLE_SECONDS]
        if is_full and not stale and idle:
            stale = [min(idle, key=lambda upload: upload.touched)]
        for upload in stale:
            del self._uploads[upload.id]
        return stale

    def close(self) -> None:
        """End all."""
        with self._mutex:
            uploads, self._uploads = list(self._uploads.values()), {}
        for upload in uploads:
            upload.discard()
