"""`tarball:a.tar[:b.tar…]`: an image made of tar files of root file systems, to read from.

Each file is a layer as it is, the first one the lowest; `-` is what comes on standard input.
The image is the one that containers/image makes of the same files: it says that it runs on
this machine, and that it was created when the newest of its files was changed.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from regcopy.errors import InvalidReference, UsageError
from regcopy.text import printable

if TYPE_CHECKING:
    from regcopy.streams.rootfs import RootfsTar
    from regcopy.transports.base import Context, ImageDestination, ImageSource, Transport

_STDIN: Final = "-"
_COMMENT: Final = "imported from tarball"


@dataclass(frozen=True, slots=True)
class TarballReference:
    """An image made of tar files.

    Attributes:
        paths: of the files, as they were written, the lowest layer first; `-` is standard
            input.

    Raises:
        InvalidReference: no file, a path that cannot be one, or standard input twice.
    """

    paths: tuple[str, ...]

    def __post_init__(self) -> None:
        for path in self.paths or ("",):
            if not path or "\0" in path or ":" in path:
                raise InvalidReference(
                    f'invalid file "{printable(path, limit=300)}"',
                    hint="write tarball:a.tar, or tarball:a.tar:b.tar for two layers",
                )
        if self.paths.count(_STDIN) > 1:
            raise InvalidReference('standard input "-" can be read only once')

    @property
    def transport(self) -> str:
        """`tarball`."""
        return "tarball"

    @property
    def policy_identity(self) -> str:
        """None: policy.json knows no scopes here but the default."""
        return ""

    @property
    def policy_namespaces(self) -> Sequence[str]:
        """None."""
        return ()

    def open_source(self, context: Context, /) -> ImageSource:
        """Read all files once, and make an image of them.

        Raises:
            NotFound: one of them is not there.
            ContentError: it is no tar file, or is broken.
            StorageFailed: it cannot be read.
        """
        from regcopy.model.platform import Platform
        from regcopy.streams.rootfs import RootfsSource

        with ExitStack() as opened:
            tars: list[RootfsTar] = []
            for path in self.paths:
                tar = _open(path, context)
                opened.callback(tar.storage.close)
                tars.append(tar)
            source = RootfsSource(
                tars,
                Platform.local(),
                comment=_COMMENT,
                check_cancelled=context.check_cancelled,
            )
            opened.pop_all()
            return source

    def open_destination(self, _context: Context, /) -> ImageDestination:
        """Refuse: an image is more than its layers. Raises UsageError."""
        raise UsageError(
            '"tarball:" locations can only be read from, not written to',
            hint="an image in one file is written to oci-archive: or docker-archive:",
        )

    def __str__(self) -> str:
        return f"tarball:{':'.join(self.paths)}"


def _open(path: str, context: Context) -> RootfsTar:
    from regcopy.streams.rootfs import RootfsTar, spool
    from regcopy.streams.tar_pipes import PipeReader, open_to_read
    from regcopy.streams.tar_storage import FileStorage, temporary_folder

    fd = open_to_read("/dev/stdin" if path == _STDIN else path)
    found = os.fstat(fd)
    name = "standard input" if path == _STDIN else path
    if stat.S_ISREG(found.st_mode):
        return RootfsTar(FileStorage(fd, path), name, found.st_mtime_ns)
    folder = temporary_folder(context.environment.get("TMPDIR"))
    with closing(PipeReader(fd, path, context.check_cancelled)) as raw:
        return RootfsTar(spool(raw, folder, path), name, time.time_ns())


class TarballTransport:
    """The transport `tarball`."""

    @property
    def name(self) -> str:
        """`tarball`."""
        return "tarball"

    def parse(self, text: str, /) -> TarballReference:
        """Parse `file[:file…]`; no file has a colon in its name.

        Raises:
            InvalidReference: anything else.
        """
        return TarballReference(tuple(text.split(":")))


TRANSPORT: Final[Transport] = TarballTransport()
