"""`sif:file`: a Singularity image file, to read from: its root file system as the one layer.

A SIF file has a header and a table of descriptors of 585 bytes each (the structures `header`
and `rawDescriptor` of github.com/sylabs/sif, pkg/sif); all numbers are little-endian. The root
file system is a squashfs, which the program `sqfs2tar` turns into the tar file of a layer. The
config has no command: the run script of Singularity is at `/.singularity.d/runscript`.
"""

from __future__ import annotations

import os
import stat
import struct
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from regcopy.errors import (
    ContentError,
    InvalidReference,
    LimitExceeded,
    StorageFailed,
    TransportUnavailable,
    UsageError,
)
from regcopy.model.platform import Platform
from regcopy.streams.files import storage_errors
from regcopy.streams.rootfs import RootfsSource, RootfsTar, spool
from regcopy.streams.tar_index import MemberReader
from regcopy.streams.tar_pipes import PipeReader, open_to_read
from regcopy.streams.tar_reading import Member
from regcopy.streams.tar_storage import (
    FileStorage,
    copy_into,
    new_temporary_file,
    temporary_folder,
)
from regcopy.text import printable
from regcopy.transports.paths import folders_around

if TYPE_CHECKING:
    from regcopy.transports.base import Context, ImageDestination, ImageSource, Transport

_PROGRAM: Final = "sqfs2tar"
# Launch script, magic, version, architecture, id; times made and changed; descriptors free, in
# all, where they begin, their bytes; where the data begin, their bytes.
_HEADER: Final = struct.Struct("<32s10s3s3s16s8q")
# Type of data, whether it is used, id, group, link, offset, size, size with padding, four
# numbers that mean nothing here, name; of a partition, file system, purpose and architecture.
_DESCRIPTOR: Final = struct.Struct("<i?3I3q4q128sii3s373x")
_MAGIC: Final = b"SIF_MAGIC\0"
_PARTITION: Final = 0x4004
_OCI_INDEX: Final = 0x400A
_PRIMARY_SYSTEM: Final = 2
_SQUASHFS: Final = 1
_FILE_SYSTEMS: Final = {2: "ext3", 3: "an archive", 4: "raw data", 5: "an encrypted squashfs"}
_ARCHITECTURES: Final = {
    b"01": "386",
    b"02": "amd64",
    b"03": "arm",
    b"04": "arm64",
    b"05": "ppc64",
    b"06": "ppc64le",
    b"07": "mips",
    b"08": "mipsle",
    b"09": "mips64",
    b"10": "mips64le",
    b"11": "s390x",
    b"12": "riscv64",
}
_MAX_DESCRIPTORS: Final = 4096
_SHOWN_BYTES: Final = 300


@dataclass(frozen=True, slots=True)
class _Partition:
    """The root file system in a file."""

    offset: int
    size: int
    architecture: str
    created_ns: int
    image_id: str


@dataclass(frozen=True, slots=True)
class SifReference:
    """The one image of a SIF file.

    Attributes:
        path: of the file, as it was written; a colon may be in it.

    Raises:
        InvalidReference: no path.
    """

    path: str

    def __post_init__(self) -> None:
        if not self.path or "\0" in self.path:
            shown = printable(self.path, limit=300)
            raise InvalidReference(f'invalid file "{shown}"', hint="write sif:image.sif")

    @property
    def transport(self) -> str:
        """`sif`."""
        return "sif"

    @property
    def policy_identity(self) -> str:
        """The file; absolute and without symbolic links."""
        return os.path.realpath(self.path)

    @property
    def policy_namespaces(self) -> Sequence[str]:
        """The folders around it, without `/`."""
        return folders_around(self.policy_identity)

    def open_source(self, context: Context, /) -> ImageSource:
        """Turn the root file system into a layer, and make an image of it.

        Raises:
            NotFound: no such file.
            TransportUnavailable: the program `sqfs2tar` is not on PATH.
            ContentError: this is no SIF file, or has no squashfs that can be read.
            StorageFailed: it cannot be read, or there is no space for temporary files.
        """
        fd = open_to_read(self.path)
        with ExitStack() as opened:
            file = FileStorage(fd, self.path)
            opened.callback(file.close)
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise StorageFailed(f"opening {self.path}: this is no regular file")
            partition = _find_partition(file, os.fstat(fd).st_size, self.path)
            layer = _unpack(file, partition, self.path, context)
            opened.callback(layer.close)
            source = RootfsSource(
                [RootfsTar(layer, f"root file system of {self.path}", partition.created_ns)],
                Platform("linux", partition.architecture),
                comment=f"imported from SIF, uuid: {partition.image_id}",
                check_cancelled=context.check_cancelled,
            )
            opened.pop_all()
            file.close()
            return source

    def open_destination(self, _context: Context, /) -> ImageDestination:
        """Refuse: only Singularity makes such files. Raises UsageError."""
        raise UsageError(
            '"sif:" locations can only be read from, not written to',
            hint="write to oci-archive:image.tar, then: singularity build image.sif "
            "oci-archive://image.tar",
        )

    def __str__(self) -> str:
        return f"sif:{self.path}"


def _find_partition(file: FileStorage, file_size: int, path: str) -> _Partition:
    """Find the root file system. Raises ContentError."""
    head = file.read_at(0, _HEADER.size)
    if len(head) < _HEADER.size or head[32:42] != _MAGIC:
        raise ContentError(f"{path} is no SIF file")
    _, _, _, machine, image_id, created, _, _, count, start, *_ = _HEADER.unpack(head)
    kinds: set[int] = set()
    for kind, used, _, _, _, offset, size, *_, system, purpose, its_machine in _descriptors(
        file, path, count, start
    ):
        if used:
            kinds.add(kind)
        if not used or kind != _PARTITION or purpose != _PRIMARY_SYSTEM:
            continue
        if system != _SQUASHFS:
            what = _FILE_SYSTEMS.get(system, "an unknown file system")
            raise ContentError(f"{path} has {what}, and only a plain squashfs can be read")
        if offset < 0 or size < 0 or offset + size > file_size:
            raise ContentError(f"{path} is cut off: its root file system is not all there")
        code = (its_machine if its_machine[0] else machine).rstrip(b"\0")
        architecture = _ARCHITECTURES.get(code, "unknown")
        identity = str(uuid.UUID(bytes=image_id))
        return _Partition(offset, size, architecture, created * 1_000_000_000, identity)
    is_oci = _OCI_INDEX in kinds
    raise ContentError(
        f"{path} has no root file system" + (", but an OCI image" if is_oci else ""),
        hint="singularity can push it to a registry" if is_oci else "",
    )


def _descriptors(
    file: FileStorage, path: str, count: int, start: int
) -> Iterator[tuple[int, bool, int, int, int, int, int, int, int, int, int, int, bytes]]:
    if not 0 <= count <= _MAX_DESCRIPTORS:
        raise LimitExceeded(f"{path} has {count} descriptors; the limit is {_MAX_DESCRIPTORS}")
    table = file.read_at(start, count * _DESCRIPTOR.size) if start >= 0 else b""
    if len(table) < count * _DESCRIPTOR.size:
        raise ContentError(f"{path} is cut off: its descriptors are not all there")
    yield from _DESCRIPTOR.iter_unpack(table)


def _find_program(context: Context) -> str:
    for folder in context.environment.get("PATH").split(os.pathsep):
        program = os.path.join(folder, _PROGRAM)
        # Empty and relative entries mean the current folder, which others may write to.
        if os.path.isabs(program) and os.path.isfile(program) and os.access(program, os.X_OK):
            return program
    raise TransportUnavailable(
        f"the program {_PROGRAM} is needed to read a SIF file, and is not on PATH",
        hint="install squashfs-tools-ng; or unpack the image elsewhere, and copy a tar file of "
        "it from tarball:",
    )


def _unpack(file: FileStorage, partition: _Partition, path: str, context: Context) -> FileStorage:
    """Give the root file system as a tar file, in a temporary file without a name."""
    program = _find_program(context)
    folder = temporary_folder(context.environment.get("TMPDIR"))
    member = Member(path, "file", partition.offset, partition.size)

    def read_at(offset: int, size: int) -> bytes:
        context.check_cancelled()
        return file.read_at(offset, size)

    # The program takes a file that begins with the squashfs, and nothing in front of it.
    with new_temporary_file(folder) as squashfs, new_temporary_file(folder) as said:
        copy_into(squashfs, MemberReader(read_at, member, 0), folder)
        with storage_errors("starting", program):
            process = subprocess.Popen(  # noqa: S603 — no shell, and the program was looked up
                [program, "--no-skip", "--root-becomes", ".", f"/proc/self/fd/{squashfs.fileno()}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                pass_fds=(squashfs.fileno(),),
                env={"PATH": context.environment.get("PATH"), "LC_ALL": "C"},
            )
        with process:
            layer = _spool_output(process, folder, path, context)
        if process.returncode == 0:
            return layer
        layer.close()
        words = os.pread(said.fileno(), _SHOWN_BYTES, 0).decode(errors="replace").strip()
        raise ContentError(
            f"{path} cannot be unpacked: {_PROGRAM} ended with {process.returncode}: "
            + printable(words, limit=_SHOWN_BYTES)
        )


def _spool_output(
    process: subprocess.Popen[bytes], folder: str, path: str, context: Context
) -> FileStorage:
    """Read what the program writes, to its end; it does not outlive a failure."""
    if process.stdout is None:
        raise RuntimeError("the program has no output")
    output = os.dup(process.stdout.fileno())
    try:
        with closing(PipeReader(output, path, context.check_cancelled)) as pipe:
            return spool(pipe, folder, path)
    except BaseException:
        process.kill()
        raise


class SifTransport:
    """The transport `sif`."""

    @property
    def name(self) -> str:
        """`sif`."""
        return "sif"

    def parse(self, text: str, /) -> SifReference:
        """Parse the path of a file.

        Raises:
            InvalidReference: there is none.
        """
        return SifReference(text)


TRANSPORT: Final[Transport] = SifTransport()
