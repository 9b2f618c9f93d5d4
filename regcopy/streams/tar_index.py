"""Finding members of a tar file by name, without ever extracting one.

A name is only compared with other names. One that is absolute or that leads upwards out of
the archive finds nothing and is found by nothing, and links are followed by name, inside the
archive alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Self

from regcopy.errors import ContentError, LimitExceeded, NotFound
from regcopy.streams.blob import BLOCK_BYTES
from regcopy.streams.tar_reading import Member, ReadAt, read_members
from regcopy.text import printable

_MAX_LINKS: Final = 16


class TarIndex:
    """The members of a tar file by name; they can be read from several threads at once."""

    def __init__(self, read_at: ReadAt, members: Iterator[Member], *, what: str) -> None:
        """Take the members; of two with one name the first is kept, and both are remembered.

        Args:
            read_at: reads the tar file.
            members: all of them, in order.
            what: the file, as messages call it.
        """
        self._read_at = read_at
        self._what = what
        self._members: dict[str, Member] = {}
        self._repeated: set[str] = set()
        for member in members:
            name = clean_name(member.name)
            if not name or member.kind == "folder":
                continue
            if self._members.setdefault(name, member) is not member:
                self._repeated.add(name)

    @classmethod
    def read(
        cls, read_at: ReadAt, *, what: str, check_cancelled: Callable[[], None] = lambda: None
    ) -> Self:
        """Read all headers. Arguments and errors as `read_members`."""
        return cls(
            read_at, read_members(read_at, what=what, check_cancelled=check_cancelled), what=what
        )

    def __contains__(self, name: str) -> bool:
        return clean_name(name) in self._members

    def find(self, name: str, *, unique: bool = False) -> Member:
        """Give the file of that name, or the one that a link of that name leads to.

        Args:
            name: as `clean_name` takes it.
            unique: refuse a name that several members have, of which programs take different
                ones.

        Raises:
            NotFound: there is none.
            ContentError: it is no file, leads out of the archive or in a circle, or there
                are several.
        """
        at = clean_name(name)
        for _ in range(_MAX_LINKS):
            member = self._members.get(at)
            if member is None:
                raise NotFound(f"{self._what} has no {_shown(name)}")
            if unique and at in self._repeated:
                raise ContentError(f"{self._what} has {_shown(at)} more than once")
            if member.kind == "file":
                return member
            at = self._follow(at, member)
        raise ContentError(f"{self._what} has a link {_shown(name)} that leads in a circle")

    def _follow(self, at: str, member: Member) -> str:
        if member.kind == "symbolic link":
            target = _join(at.rpartition("/")[0], member.target)
        elif member.kind == "hard link":
            target = clean_name(member.target)
        else:
            raise ContentError(f"{self._what} has {_shown(at)} as a {member.kind}")
        if not target:
            raise ContentError(f"{self._what} has a link {_shown(at)} that leads out of it")
        return target

    def content(self, name: str, *, limit: int, unique: bool = True) -> bytes:
        """Read a small file whole.

        Raises:
            NotFound, ContentError: as `find`.
            LimitExceeded: it has more than `limit` bytes.
        """
        member = self.find(name, unique=unique)
        if member.size > limit:
            raise LimitExceeded(
                f"{_shown(name)} in {self._what} has {member.size} bytes; the limit is {limit}"
            )
        return self._read_at(member.offset, member.size)

    def open(self, member: Member, *, offset: int = 0) -> MemberReader:
        """Read the bytes of a file from `offset` on."""
        return MemberReader(self._read_at, member, offset)


class MemberReader:
    """The bytes of one member; keeps nothing open."""

    def __init__(self, read_at: ReadAt, member: Member, offset: int) -> None:
        self._read_at = read_at
        self._position = member.offset + offset
        self._end = member.offset + member.size

    def read(self, size: int = -1, /) -> bytes:
        """Give at most `size` bytes, b"" at the end. Raises what `read_at` raises."""
        wanted = BLOCK_BYTES if size < 0 else size
        wanted = min(wanted, self._end - self._position)
        if wanted <= 0:
            return b""
        block = self._read_at(self._position, wanted)
        self._position += len(block)
        return block

    def close(self) -> None:
        """Nothing to give back."""


def clean_name(name: str) -> str:
    """Write a name without `.` and doubled `/`; "" where it cannot be a name in an archive."""
    if name.startswith("/") or "\0" in name:
        return ""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    clean = "" if ".." in parts else "/".join(parts)
    return name if clean == name else clean  # the same text is not kept twice


def _join(folder: str, target: str) -> str:
    """Name that a symbolic link in a folder leads to; "" where that is outside."""
    if target.startswith("/"):
        return ""
    parts = folder.split("/") if folder else []
    for part in target.split("/"):
        if part == "..":
            if not parts:
                return ""
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _shown(name: str) -> str:
    return printable(name, limit=200)
