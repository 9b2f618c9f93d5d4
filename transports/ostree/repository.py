"""An OSTree repository, by the program `ostree`: commits with metadata and files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from regcopy.errors import ContentError, NotFound, Refused, StorageFailed
from regcopy.model.digest import Digest
from regcopy.transports.base import Context
from regcopy.transports.ostree import BRANCHES, OstreeReference
from regcopy.transports.programs import Program, ProgramOutput

MANIFEST_KEY: Final = "docker.manifest"
DIGEST_KEY: Final = "docker.digest"
SIGNATURES_KEY: Final = "signatures"
SIZE_KEY: Final = "docker.size"
PLAIN_DIGEST_KEY: Final = "docker.uncompressed_digest"
PLAIN_SIZE_KEY: Final = "docker.uncompressed_size"
NOTES_KEY: Final = "tarsplit.output"
CONTENT_FILE: Final = "content"

_SECONDS: Final = 60.0
_COMMIT_SECONDS: Final = 3600.0
_ESCAPE: Final = re.compile(r"\\(u[0-9a-f]{4}|U[0-9a-f]{8}|.)", re.DOTALL)
_ESCAPED: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def branch_of(digest: Digest) -> str:
    """Branch of a blob."""
    return f"{BRANCHES}/{digest.hex}"


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository of a reference.

    Attributes:
        program: `ostree`.
        path: its folder.
    """

    program: Program
    path: str

    @classmethod
    def find(cls, reference: OstreeReference, context: Context) -> Repository:
        """Find the program.

        Raises:
            TransportUnavailable: it is not installed.
        """
        program = Program.find(
            "ostree", context, what="ostree:", hint="install it (apt-get install ostree)"
        )
        return cls(program, reference.repository)

    def check(self) -> None:
        """Raise StorageFailed where there is no repository."""
        self._run(("refs", f"--repo={self.path}", f"--list={BRANCHES}"))

    def metadata(self, branch: str, key: str) -> str | None:
        """Give a text that belongs to the newest commit of a branch; None where it has none.

        Raises:
            NotFound: there is no such branch.
            StorageFailed: there is no repository.
            ContentError: it is no text.
        """
        try:
            printed = self._run(
                ("show", f"--repo={self.path}", f"--print-metadata-key={key}", branch)
            )
        except Refused as error:
            if "No such metadata key" in error.message:
                return None
            raise
        return unquoted(printed)

    def has(self, branch: str, key: str, value: str) -> bool:
        """Tell whether there is a branch with that text."""
        try:
            return self.metadata(branch, key) == value
        except NotFound:
            return False

    def open_metadata(self, branch: str, key: str) -> ProgramOutput:
        """Read a long text as it is printed: in quotes, with a line feed at its end."""
        return self.program.open(
            ("show", f"--repo={self.path}", f"--print-metadata-key={key}", branch)
        )

    def open_file(self, branch: str, name: str) -> ProgramOutput:
        """Read a file of the newest commit of a branch."""
        return self.program.open(("cat", f"--repo={self.path}", branch, f"/{name}"))

    def check_out(self, branch: str, folder: str) -> None:
        """Have the files of a commit written into a folder that is not there yet.

        Raises:
            NotFound: there is no such branch.
            Refused: ostree could not.
        """
        self._run(
            ("checkout", f"--repo={self.path}", "--user-mode", branch, folder),
            seconds=_COMMIT_SECONDS,
        )

    def commit(self, branch: str, folder: str, metadata: Mapping[str, str]) -> None:
        """Make a commit of a folder the newest of a branch.

        Raises:
            TransportUnavailable: a text of the metadata is too long for a command line.
            Refused: ostree could not.
        """
        self._run(
            (
                "commit",
                f"--repo={self.path}",
                f"--branch={branch}",
                f"--tree=dir={folder}",
                "--parent=none",
                "--no-xattrs",
                "--owner-uid=0",
                "--owner-gid=0",
                *(f"--add-metadata-string={key}={value}" for key, value in metadata.items()),
            ),
            seconds=_COMMIT_SECONDS,
        )

    def _run(self, arguments: Sequence[str], *, seconds: float = _SECONDS) -> bytes:
        try:
            return self.program.run(arguments, seconds=seconds)
        except Refused as error:
            if "opening repo:" in error.message:
                raise StorageFailed(
                    error.message,
                    hint=f"create it with: ostree --repo={self.path} init --mode=bare-user",
                ) from None
            if "Refspec" in error.message and "not found" in error.message:
                raise NotFound(
                    error.message, hint=f"ostree --repo={self.path} refs lists those that are there"
                ) from None
            raise


def unquoted(printed: bytes) -> str:
    """Read a string in GLib's text format for variants (g_variant_print).

    Raises:
        ContentError: it is none.
    """
    try:
        text = printed.decode().rstrip("\n")
    except UnicodeDecodeError:
        raise ContentError("ostree printed what is no UTF-8") from None
    if len(text) < 2 or text[0] not in "'\"" or text[-1] != text[0]:
        raise ContentError("ostree printed what is no string")
    return _ESCAPE.sub(_meant, text[1:-1])


def _meant(found: re.Match[str]) -> str:
    code = found[1]
    if len(code) == 1:
        return _ESCAPED.get(code, code)
    number = int(code[1:], 16)
    if number > 0x10FFFF or 0xD800 <= number < 0xE000:
        raise ContentError("ostree printed what is no character")
    return chr(number)
