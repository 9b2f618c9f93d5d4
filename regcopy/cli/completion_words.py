"""What can be completed: commands, flags and the kinds of words, from the flags' definitions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from regcopy.cli.command import COMMANDS, Command, find_command
from regcopy.cli.flags import Flag
from regcopy.cli.groups import GLOBAL, VERSION

Kind = Literal["nothing", "word", "file", "folder"]
"""What follows a flag; "nothing" for flags that stand alone."""

Names = Literal["words", "files", "images"]

_KINDS: Final[dict[str, Kind]] = {"FILE": "file", "DIR": "folder", "FOLDER": "folder"}
_IMAGES: Final = frozenset({"IMAGE", "SOURCE", "DESTINATION", "REPOSITORY"})
_FILES: Final = frozenset({"FILE", "FILE|-", "MANIFEST", "REPORT…"})

PATHS: Final = (
    "dir:",
    "docker-archive:",
    "docker-tar:",
    "oci:",
    "oci-archive:",
    "sif:",
    "tarball:",
)
"""Beginnings of names of images that a path follows."""


@dataclass(frozen=True, slots=True)
class FlagWords:
    """A flag: its long and short name, its help, and what follows it."""

    long: str
    short: str
    help: str
    takes: Kind

    @property
    def spellings(self) -> tuple[str, ...]:
        """The ways to write it."""
        return (f"--{self.long}", f"-{self.short}") if self.short else (f"--{self.long}",)


@dataclass(frozen=True, slots=True)
class CommandWords:
    """A command: its flags, and its names, which `words` lists where there are only a few."""

    name: str
    summary: str
    flags: tuple[FlagWords, ...]
    names: Names
    words: tuple[str, ...] = ()


def root_flags() -> tuple[FlagWords, ...]:
    """Flags that may stand before the command."""
    return _flags((*GLOBAL.flags, VERSION))


def transports() -> tuple[str, ...]:
    """Beginnings of the names of images."""
    from regcopy.transports import names

    return tuple("docker://" if name == "docker" else f"{name}:" for name in names())


def commands() -> tuple[CommandWords, ...]:
    """All commands, `help` included."""
    found = tuple(_commands())
    helped = tuple(command.name for command in found)
    return (*found, CommandWords("help", "Explain a command", (), "words", helped))


def _commands() -> Iterator[CommandWords]:
    for name, entry in COMMANDS.items():
        command = find_command(name)
        if command is not None:
            names, words = _names(command)
            flags = _flags((*command.flags, *GLOBAL.flags))
            yield CommandWords(name, entry.summary, flags, names, words)


def _names(command: Command) -> tuple[Names, tuple[str, ...]]:
    """Tell from the usage what a command's names are."""
    usage = command.usage.removeprefix("[flags]").split()
    if usage and usage[0].islower():
        return "words", tuple(usage[0].split("|"))
    if _IMAGES.intersection(usage):
        return "images", ()
    return ("files" if _FILES.intersection(usage) else "words"), ()


def _flags(flags: tuple[Flag, ...]) -> tuple[FlagWords, ...]:
    return tuple(
        FlagWords(flag.name, flag.short, flag.help, _kind(flag))
        for flag in flags
        if not flag.hidden and not flag.later
    )


def _kind(flag: Flag) -> Kind:
    return "nothing" if flag.kind == "bool" else _KINDS.get(flag.metavar, "word")
