"""Completion for fish."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from regcopy.cli.completion_words import CommandWords, FlagWords

_TAKES: Final = {"nothing": "", "word": " -x", "file": " -r -F", "folder": None}


def fish_script(
    program: str,
    root: tuple[FlagWords, ...],
    commands: tuple[CommandWords, ...],
    transports: tuple[str, ...],
) -> str:
    """Give the script."""
    lines = [f"# fish completion for {program}", "", f"complete -c {program} -f"]
    lines += (_flag(program, "__fish_use_subcommand", flag) for flag in root)
    for command in commands:
        told = _quote(command.summary)
        lines.append(f"complete -c {program} -n __fish_use_subcommand -a {command.name} -d {told}")
    for command in commands:
        seen = _quote(f"__fish_seen_subcommand_from {command.name}")
        lines.append("")
        lines += _names(program, seen, command, transports)
        lines += (_flag(program, seen, flag) for flag in command.flags)
    return "\n".join(lines) + "\n"


def _names(
    program: str, seen: str, command: CommandWords, transports: tuple[str, ...]
) -> Iterator[str]:
    if command.names == "files":
        yield f"complete -c {program} -n {seen} -F"
        return
    words = transports if command.names == "images" else command.words
    if words:
        yield f"complete -c {program} -n {seen} -a {_quote(' '.join(words))}"


def _flag(program: str, condition: str, flag: FlagWords) -> str:
    short = f" -s {flag.short}" if flag.short else ""
    takes = _TAKES[flag.takes]
    if takes is None:
        takes = " -x -a '(__fish_complete_directories)'"
    return (
        f"complete -c {program} -n {condition} -l {flag.long}{short}{takes} -d {_quote(flag.help)}"
    )


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
