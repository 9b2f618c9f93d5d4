"""Help texts, 100 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

from regcopy.cli.command import COMMANDS, Command, FlagGroup
from regcopy.cli.flags import Flag

_WIDTH: Final = 100
_COLUMN: Final = 38
_KIND_NAMES: Final = {"strings": "LIST", "ints": "LIST", "int": "N", "uint": "N"}


def program_help(program: str, global_flags: FlagGroup) -> str:
    """Help for the program: the commands, and the flags that all of them take."""
    width = max(len(name) for name in COMMANDS) + 2
    lines = [
        f"Usage: {program} [global flags] COMMAND [flags] [names]",
        "",
        *_paragraphs(
            "Copies container images between registries, layouts, archives and daemons, and "
            "verifies every byte. Commands, flags, output and exit codes are those of skopeo."
        ),
        "",
        "Commands:",
        *(f"  {name:<{width}}{entry.summary}" for name, entry in COMMANDS.items()),
        "",
        *_group(global_flags),
        "",
        "Examples:",
        f"  {program} copy docker://docker.io/library/alpine:3 oci:alpine:3",
        f"  {program} copy --all docker://quay.io/team/app:1 docker://registry.example.com/app:1",
        "",
        *_wrapped(
            "Exit codes: 0 done; 1 failed; 2 the image does not exist; 128+n stopped by signal n.",
            indent="",
        ),
        f"{program} COMMAND --help explains a command.",
    ]
    return "\n".join(lines) + "\n"


def command_help(program: str, command: Command, global_flags: FlagGroup) -> str:
    """Help for one command."""
    lines = [
        f"Usage: {program} {command.name} {command.usage}".rstrip(),
        "",
        *_paragraphs(command.description),
        "",
        "Examples:",
        *(f"  {program} {example}" for example in command.examples),
    ]
    for group in (*command.groups, global_flags):
        if any(_is_listed(flag) for flag in group.flags):
            lines += ["", *_group(group)]
    later = [f"--{flag.name}" for flag in command.flags if flag.later]
    if later:
        lines += ["", *_wrapped(f"Known and refused, not supported yet: {', '.join(later)}.", "")]
    return "\n".join(lines) + "\n"


def usage_line(program: str, command: Command) -> str:
    """What is shown where the number of names is wrong."""
    return (
        f"Usage: {program} {command.name} {command.usage}\n"
        f"{program} {command.name} --help explains it."
    )


def _group(group: FlagGroup) -> list[str]:
    listed = [flag for flag in group.flags if _is_listed(flag)]
    return [f"{group.title}:", *(line for flag in listed for line in _flag(flag))]


def _is_listed(flag: Flag) -> bool:
    return not flag.hidden and not flag.later


def _flag(flag: Flag) -> Iterable[str]:
    short = f"-{flag.short}, " if flag.short else "    "
    value = "" if flag.kind == "bool" else f" {_metavar(flag)}"
    head = f"  {short}--{flag.name}{value}"
    text = f"{flag.help} (default: {flag.default})" if flag.default else flag.help
    body = textwrap.wrap(text, _WIDTH - _COLUMN) or [""]
    if len(head) > _COLUMN - 2:
        yield head
    else:
        yield f"{head:<{_COLUMN}}{body.pop(0)}".rstrip()
    yield from (f"{'':<{_COLUMN}}{line}" for line in body)


def _metavar(flag: Flag) -> str:
    return flag.metavar or _KIND_NAMES.get(flag.kind, flag.kind.upper())


def _paragraphs(text: str) -> Sequence[str]:
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        lines += [*_wrapped(paragraph, indent=""), ""]
    return lines[:-1]


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )
