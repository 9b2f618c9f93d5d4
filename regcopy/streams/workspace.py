"""A folder that a run writes an image into, beside other runs that may do the same.

From its first look until it is closed, a run holds a shared lock on the folder. So whoever
gets the exclusive lock knows that no other run is between finding a blob and naming the
image that needs it: only then is anything removed.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Final

from regcopy.errors import (
    Cancelled,
    ConnectionFailed,
    Forbidden,
    NotFound,
    RateLimited,
    RegcopyError,
    ServerFault,
    StorageFailed,
    Unauthorized,
)
from regcopy.model.descriptor import Descriptor
from regcopy.streams.begun import BlobFile, can_be_gone_on_with
from regcopy.streams.blob import BlobStream
from regcopy.streams.files import Folder, NewFile, storage_errors
from regcopy.streams.locks import lock, try_lock
from regcopy.streams.temporary_names import new_name

_ATTEMPTS: Final = 20


def may_pass(error: BaseException | None) -> bool:
    """Tell whether the same run may well succeed later, so that whole blobs are worth keeping."""
    return error is None or isinstance(
        error, (ConnectionFailed, ServerFault, RateLimited, Unauthorized, Forbidden)
    )


class Workspace:
    """The folder, what was created in it, and the lock that keeps others from removing it."""

    def __init__(
        self,
        path: str,
        inner: str = "",
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare to work in `path`; nothing is opened yet.

        Args:
            path: absolute; the user's own, so it may lead through symbolic links.
            inner: folder inside it that files go to and that is locked; "" for `path` itself.
            sleep: waits for others' locks; raises where the run was cancelled.
        """
        self.path = path
        self._inner = inner
        self._locked_path = os.path.join(path, inner) if inner else path
        self._sleep = sleep
        self._mutex = threading.Lock()
        self._root: Folder | None = None
        self._folder: Folder | None = None
        self._subs: dict[str, Folder] = {}
        self._placed: list[tuple[Folder, str]] = []
        self._made: list[str] = []
        self._wrote = False
        self._left_begun = False
        self._closed = False

    @property
    def root(self) -> Folder:
        """The user's folder; only once it is open."""
        return _opened(self._root)

    @property
    def placed(self) -> tuple[str, ...]:
        """Names of the files that were not there before."""
        return tuple(name for _, name in self._placed)

    def open(self, *, create: bool) -> bool:
        """Open and lock the folder, and create it first if so wanted.

        Returns:
            whether it is there; False only without `create`.

        Raises:
            StorageFailed: it cannot be opened, created or locked.
        """
        with self._mutex:
            if self._closed:
                # A thread of a run that was given up: it must not begin anything anew.
                raise StorageFailed(f"writing to {self.path}: the run is over")
            self._wrote = self._wrote or create
            for _ in range(_ATTEMPTS):
                if self._folder is not None:
                    return True
                try:
                    self._attach(create=create)
                except NotFound:
                    # Another run that failed has just removed what it had created.
                    if not create:
                        return False
            if self._folder is None:
                raise StorageFailed(
                    f"creating {self.path}: it does not stay, or is a link that leads nowhere"
                )
            return True

    def _attach(self, *, create: bool) -> None:
        if create:
            self._make_path()
        root = Folder.open(self.path)
        try:
            if create and self._inner and root.make(self._inner):
                self._made.append(root.path_of(self._inner))
            folder = root.sub(self._inner) if self._inner else root
        except BaseException:
            root.close()
            raise
        try:
            lock(folder, shared=True, sleep=self._sleep)
            if folder.is_in_place():
                self._root, self._folder = root, folder
        finally:
            if self._folder is None:
                folder.close()
                root.close()

    def _make_path(self) -> None:
        missing: list[str] = []
        place = self.path
        while not os.path.exists(place):
            missing.append(place)
            place = os.path.dirname(place)
        for path in reversed(missing):
            with storage_errors("creating", path):
                try:
                    os.mkdir(path, 0o755)
                except FileExistsError:
                    continue
                except FileNotFoundError:
                    raise NotFound(f"{path} has just gone") from None
            self._made.append(path)

    def sub(self, name: str = "") -> Folder | None:
        """Give the folder, or one inside it; None where it is not there.

        It stays open as long as the workspace. Errors as `open`.
        """
        try:
            return self._sub(name, create=False) if self.open(create=False) else None
        except NotFound:
            return None

    def make(self, name: str = "") -> Folder:
        """Give the folder, or one inside it, and create it first if need be. Errors as `open`."""
        self.open(create=True)
        try:
            return self._sub(name, create=True)
        except NotFound as error:
            # Nobody who keeps to the locks does that.
            raise StorageFailed(f"{error.message}: it was removed while in use") from None

    def _sub(self, name: str, *, create: bool) -> Folder:
        with self._mutex:
            folder = _opened(self._folder)
            if not name:
                return folder
            if name not in self._subs:
                if create and folder.make(name):
                    self._made.append(folder.path_of(name))
                self._subs[name] = folder.sub(name)
            return self._subs[name]

    def put_blob(
        self,
        stream: BlobStream,
        sub: str = "",
        *,
        check_cancelled: Callable[[], None],
    ) -> Descriptor:
        """Write a blob under the hex digits of its digest, once all its bytes have passed.

        Raises:
            StorageFailed: it could not be written.
            ContentError: the bytes are not those that were promised.
        """
        folder = self.make(sub)
        place = BlobFile(self._place_to_grow(folder), stream.expected)
        with place.file as file:
            try:
                place.fill(stream, check_cancelled)
            except RegcopyError as error:
                if _is_worth_keeping(error, check_cancelled) and file.keep():
                    self._left_begun = True
                raise
            blob = stream.descriptor()
            self._publish(folder, file, blob.digest.hex)
        return blob

    @property
    def left_begun(self) -> bool:
        """Whether part of a blob was left for a later run to go on with."""
        return self._left_begun

    def put_file(self, name: str, content: bytes, sub: str = "") -> None:
        """Write a small whole file. Raises StorageFailed."""
        self._put(self.make(sub), name, content)

    def put_root_file(self, name: str, content: bytes) -> None:
        """Write a small whole file into the user's folder itself. Raises StorageFailed."""
        self.open(create=True)
        self._put(self.root, name, content)

    def _place_to_grow(self, folder: Folder) -> Folder:
        """Where files of a folder are until they have their names.

        Not beside blobs: programs that go through these take every file there for one.
        """
        outer = _opened(self._folder)
        return outer if _can_move(outer, folder) else folder

    def _put(self, folder: Folder, name: str, content: bytes) -> None:
        with NewFile(self._place_to_grow(folder)) as file:
            file.write(content)
            self._publish(folder, file, name)

    def _publish(self, folder: Folder, file: NewFile, name: str) -> None:
        is_new = folder.size_of(name) is None
        file.publish(name, folder)
        if is_new:
            with self._mutex:
                self._placed.append((folder, name))

    def sync(self) -> None:
        """Make durable what was written so far; the last thing before the image is named.

        Files are synced one by one when they are written, and their folders only here: that
        is once for each folder, and not for each blob.
        """
        if not self._wrote:
            return
        with self._mutex:
            folders = [_opened(self._folder), *self._subs.values()]
            parents = dict.fromkeys(os.path.dirname(path) for path in self._made)
        for folder in folders:
            folder.sync()
        for path in parents:
            with Folder.open(path) as parent:
                parent.sync()

    def finish(self, tidy: Callable[[], None] = lambda: None) -> None:
        """Clear away what is left over, and close; after a success.

        Args:
            tidy: called while no other run works here; removes what is no longer needed.
        """
        with suppress(RegcopyError):  # the image is there: rubbish is no reason to fail
            if self._wrote and self._take_over():
                self._remove_temporary_files()
                tidy()
        self.close()

    def abandon(self, *, drop: bool, needed: Callable[[], Collection[str]]) -> None:
        """Undo what this run created, as far as nobody needs it, and close; after a failure.

        Args:
            drop: remove the files too, not only empty folders.
            needed: names of files that images need by now; files of others may be ours.
        """
        # The error that ended the run is the one to show, not one of clearing up.
        with suppress(RegcopyError, OSError):
            if self._folder is None and not self._closed:
                # It failed on the way there: others may have a lock on the folder by now.
                self._remove_made_folders(keep=self._locked_path)
            elif self._wrote and self._take_over():
                self._remove_temporary_files(keep_begun=not drop)
                if drop and self._placed:
                    self._remove_placed(needed())
                self._remove_made_folders()
        self.close()

    def _take_over(self) -> bool:
        """Tell whether no other run works here now, and keep others out if so.

        The shared lock is gone afterwards: only for the end of a run. Where the file system
        has no locks the answer is no.
        """
        return self._folder is not None and try_lock(self._folder) == "held"

    def _remove_temporary_files(self, *, keep_begun: bool = True) -> None:
        folders = (_opened(self._folder), *self._subs.values())
        for folder in folders:
            if keep_begun:
                folder.remove_temporary_files(partial(can_be_gone_on_with, folder, blobs=folders))
            else:
                folder.remove_temporary_files()

    def _remove_placed(self, needed: Collection[str]) -> None:
        for folder, name in self._placed:
            if name not in needed:
                folder.remove(name)

    def _remove_made_folders(self, *, keep: str = "") -> None:
        for path in reversed(self._made):
            with suppress(OSError):  # not empty, or gone
                if path != keep:
                    os.rmdir(path)

    def close(self) -> None:
        """Close everything, and release the lock; may be called twice, and is final."""
        with self._mutex:
            self._closed = True
            for folder in (*self._subs.values(), self._folder, self._root):
                if folder is not None:
                    folder.close()
            self._subs.clear()
            self._root = self._folder = None


def _is_worth_keeping(error: RegcopyError, check_cancelled: Callable[[], None]) -> bool:
    """Tell whether the blob may be asked for again: its source was lost, or that of another one.

    Once the first blob has failed, the others of its image are told to stop.
    """
    if not isinstance(error, Cancelled):
        return may_pass(error)
    try:
        check_cancelled()
    except Cancelled:
        return False  # the run itself was stopped
    return True


def _can_move(outer: Folder, folder: Folder) -> bool:
    """Tell whether files can be renamed from one folder into the other.

    They cannot from one mount to another, even where both are of one file system (a volume of
    which a part was mounted once more).
    """
    name = new_name()
    try:
        os.rename(name, name, src_dir_fd=outer.fd, dst_dir_fd=folder.fd)
    except OSError as error:
        return error.errno != errno.EXDEV  # there is no such file, and that is told later
    return True


def _opened(folder: Folder | None) -> Folder:
    if folder is None:
        raise RuntimeError("the workspace is not open")
    return folder
