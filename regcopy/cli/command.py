"""What a command is, what it is given, and the table of commands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from regcopy.cli.console import Console
from regcopy.cli.exits import NOT_FOUND
from regcopy.cli.flags import Flag, Values

if TYPE_CHECKING:
    from regcopy.config.environment import Environment


@dataclass(frozen=True, slots=True, eq=False)
class FlagGroup:
    """Flags that help texts show together."""

    title: str
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Invocation:
    """One call of a command, taken apart; commands touch the outside only through it.

    Attributes:
        program: name that the program was called by, `regcopy` or `skopeo`.
        cancelled: set once the run is to stop.
    """

    program: str
    values: Values
    names: tuple[str, ...]
    console: Console
    environment: Environment
    cancelled: threading.Event


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """One command; `run` gives the exit code.

    Attributes:
        usage: what follows the command's name.
        examples: complete commands, each after the word `regcopy`.
        stops_itself: it looks at `Invocation.cancelled` and cleans up; other commands are
            interrupted where they are by an exception in the main thread.
        not_found: exit code where what is named does not exist.
    """

    name: str
    usage: str
    description: str
    examples: tuple[str, ...]
    groups: tuple[FlagGroup, ...]
    run: Callable[[Invocation], int]
    stops_itself: bool = False
    not_found: int = NOT_FOUND

    @property
    def flags(self) -> tuple[Flag, ...]:
        """All flags of all groups."""
        return tuple(flag for group in self.groups for flag in group.flags)


class Entry(NamedTuple):
    """A line of the table; the module has `COMMAND` and is imported when it is chosen."""

    module: str
    summary: str


COMMANDS: Final[Mapping[str, Entry]] = MappingProxyType(
    {
        "copy": Entry("regcopy.cli.copy", "Copy an image from one place to another"),
        "sync": Entry("regcopy.cli.sync", "Copy all images of repositories or folders"),
        "batch": Entry("regcopy.cli.batch", "Copy all images of a list"),
        "plan": Entry("regcopy.cli.plan", "Divide a list among several machines"),
        "report": Entry("regcopy.cli.report", "Merge reports of lists"),
        "tekton": Entry("regcopy.cli.tekton", "Be the step of the Tekton Task"),
        "inspect": Entry("regcopy.cli.inspect", "Show what an image is"),
        "list-tags": Entry("regcopy.cli.list_tags", "List the tags of a repository"),
        "delete": Entry("regcopy.cli.delete", "Delete an image"),
        "login": Entry("regcopy.cli.login", "Keep a user name and password for a registry"),
        "logout": Entry("regcopy.cli.logout", "Forget what login has kept"),
        "layers": Entry("regcopy.cli.layers", "Write the layers of an image into a new folder"),
        "manifest-digest": Entry(
            "regcopy.cli.manifest_digest", "Compute the digest of a manifest in a file"
        ),
        "standalone-sign": Entry("regcopy.cli.standalone_sign", "Sign a manifest in a file"),
        "standalone-verify": Entry(
            "regcopy.cli.standalone_verify", "Verify the signature of a manifest in a file"
        ),
        "generate-sigstore-key": Entry(
            "regcopy.cli.generate_sigstore_key", "Make a key pair for sigstore signatures"
        ),
        "tree": Entry("regcopy.cli.tree", "Show what an image is made of"),
        "diff": Entry("regcopy.cli.diff", "Show how two images differ"),
        "verify": Entry("regcopy.cli.verify", "Check that an image is there whole and unharmed"),
        "experimental-image-proxy": Entry(
            "regcopy.cli.experimental_image_proxy", "Read images for another process"
        ),
        "auth": Entry("regcopy.cli.auth", "Explain which credentials are used for an image"),
        "serve": Entry(
            "regcopy.cli.serve", "Run a small registry, for tests and for moving images"
        ),
        "completion": Entry("regcopy.cli.completion", "Print a script for a shell's completion"),
        "demo": Entry("regcopy.cli.demo", "Copy an image through all kinds of places, offline"),
    }
)


UNLISTED: Final[Mapping[str, Entry]] = MappingProxyType(
    {
        "untrusted-signature-dump-without-verification": Entry(
            "regcopy.cli.untrusted_signature_dump_without_verification",
            "Show what a signature says, true or not",
        )
    }
)
"""Commands that no help text lists."""


def find_command(name: str) -> Command | None:
    """Import and give the command of that name."""
    entry = COMMANDS.get(name) or UNLISTED.get(name)
    if entry is None:
        return None
    import importlib

    command: object = importlib.import_module(entry.module).COMMAND
    if not isinstance(command, Command):
        raise TypeError(f"{entry.module}.COMMAND is no command")
    return command
