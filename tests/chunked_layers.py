"""Layers in the format zstd:chunked: tar files to make them of, and what is in them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from regcopy.model.digest import Digest
from regcopy.model.mediatypes import (
    CHUNKED_CHECKSUM,
    CHUNKED_POSITION,
    CHUNKED_REMAINS_POSITION,
)
from regcopy.streams.blob import Readable
from regcopy.streams.chunked import Chunked
from regcopy.streams.decompress import Unpacked
from regcopy.streams.tar_split import Assembled

# What Go writes for a time that is not known; some versions of skopeo write it out.
_NO_TIME: Final = "0001-01-01T00:00:00Z"
# Older versions of containers/storage had another prefix, and no notes on the tar file.
_OLD_PREFIX: Final = "io.containers.zstd-chunked."


def unpack(stored: bytes) -> bytes:
    """Unpack all frames there are."""
    return read_all(Unpacked(io.BytesIO(stored), "zstd"))


def read_all(stream: Readable) -> bytes:
    content = b"".join(iter(stream.read, b""))
    stream.close()
    return content


@dataclass(frozen=True)
class ChunkedLayer:
    """A layer, and the annotations of its descriptor."""

    stored: bytes
    annotations: Mapping[str, str]

    @classmethod
    def of(cls, tar: bytes, level: int | None = None) -> ChunkedLayer:
        """Make one of a tar file."""
        annotations: dict[str, str] = {}
        source = io.BytesIO(tar)
        stream = Chunked(source, level, folder="", annotate=annotations.update)
        return cls(read_all(stream), annotations)

    @property
    def contents(self) -> dict[str, object]:
        """The table of members, after its digest was compared."""
        old = self.annotations.get(f"{_OLD_PREFIX}manifest-position", "")
        position = self.annotations.get(CHUNKED_POSITION, old)
        checksum = self.annotations.get(CHUNKED_CHECKSUM) or self.annotations.get(
            f"{_OLD_PREFIX}manifest-checksum"
        )
        start, size, plain, kind = map(int, position.split(":"))
        compressed = self.stored[start : start + size]
        table = unpack(compressed)
        assert (str(Digest.of(compressed)), len(table), kind) == (checksum, plain, 1)
        loaded = json.loads(table)
        assert isinstance(loaded, dict)
        return loaded

    @property
    def entries(self) -> list[dict[str, object]]:
        """The members in the table, parts of files among them."""
        found = self.contents["entries"] or []  # skopeo writes null
        assert isinstance(found, list)
        return found

    def content(self, entry: Mapping[str, object]) -> bytes:
        """What the frames unpack to that a member names; b"" where it names none."""
        start, end = (entry.get(key, 0) for key in ("offset", "endOffset"))
        assert isinstance(start, int)
        assert isinstance(end, int)
        return unpack(self.stored[start:end])

    @property
    def files(self) -> dict[str, bytes]:
        """Content of each file, by its name."""
        return {str(e["name"]): self.content(e) for e in self.entries if e["type"] == "reg"}

    @property
    def notes(self) -> list[dict[str, object]]:
        """The notes on the tar file, after their digest was compared."""
        return [json.loads(line) for line in self._notes.splitlines()]

    @property
    def _notes(self) -> bytes:
        start, size, plain = map(int, self.annotations[CHUNKED_REMAINS_POSITION].split(":"))
        compressed = self.stored[start : start + size]
        notes = unpack(compressed)
        assert self.contents["tarSplitDigest"] == str(Digest.of(compressed))
        assert len(notes) == plain
        return notes

    def assembled(self) -> bytes:
        """The tar file, put together from the contents of files and the notes."""
        files = self.files
        return read_all(
            Assembled(
                io.BytesIO(self._notes),
                lambda name, offset: io.BytesIO(files[name][offset:]),
                offset=0,
                what="layer",
            )
        )

    def described(self) -> list[dict[str, object]]:
        """What the table says of each member, without where anything lies."""
        return [
            {
                key: value
                for key, value in entry.items()
                if key not in ("offset", "endOffset")
                and not key.startswith("chunk")
                and value != _NO_TIME
            }
            for entry in self.entries
            if entry["type"] != "chunk"
        ]


@dataclass(frozen=True)
class File:
    """A member of a tar file; fields are those of `tarfile.TarInfo`."""

    name: str
    content: bytes = b""
    type: bytes = tarfile.REGTYPE
    linkname: str = ""
    more: Mapping[str, int | float | str] = field(default_factory=dict)
    pax: Mapping[str, str] = field(default_factory=dict)


def tar_of(*files: File, form: int = tarfile.PAX_FORMAT) -> bytes:
    """Write a tar file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for file in files:
            info = tarfile.TarInfo(file.name)
            info.type, info.linkname, info.size = file.type, file.linkname, len(file.content)
            info.mtime = 1_234_567_890
            info.pax_headers = dict(file.pax)
            for key, value in file.more.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(file.content))
    return buffer.getvalue()


def some_bytes(size: int) -> bytes:
    """Bytes that cannot be compressed, always the same."""
    return hashlib.shake_128(b"%d" % size).digest(size)


ALL_KINDS: Final[Sequence[File]] = (
    File("etc/", type=tarfile.DIRTYPE, more={"mode": 0o755}),
    File("etc/passwd", b"root:x:0:0\n", more={"uid": 5, "gid": 6, "mode": 0o4711}),
    File("etc/empty"),
    File("etc/holes", b"a" * 5000 + bytes(9000) + b"b" * 100),
    File("etc/large", some_bytes(300_000)),
    File("etc/link", type=tarfile.SYMTYPE, linkname="passwd"),
    File("etc/same", type=tarfile.LNKTYPE, linkname="etc/passwd"),
    File("dev/null", type=tarfile.CHRTYPE, more={"devmajor": 1, "devminor": 3}),
    File("dev/sda", type=tarfile.BLKTYPE, more={"devmajor": 8}),
    File("run/pipe", type=tarfile.FIFOTYPE),
    File("a<&>b/\u00e4\u00f6\u2028", b"?"),
    File("long/" * 60 + "name", b"long", pax={"mtime": "1234567890.250"}),
    File("attributes", b"!", pax={"SCHILY.xattr.user.a": "value", "atime": "1.5"}),
)
