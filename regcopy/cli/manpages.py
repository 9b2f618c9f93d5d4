"""Manual pages, from the definitions that the help texts are made of.

    python -m regcopy.cli.manpages FOLDER

writes regcopy.1 and a page for each command, such as regcopy-copy.1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from regcopy import __version__
from regcopy.cli.command import COMMANDS, Command, FlagGroup, find_command
from regcopy.cli.flags import Flag
from regcopy.cli.groups import GLOBAL, VERSION

PROGRAM: Final = "regcopy"

_EXIT_CODES: Final = (
    ("0", "done"),
    ("1", "failed"),
    ("2", "the image does not exist"),
    ("128+n", "stopped by signal n"),
)
_FILES: Final = (
    ("${XDG_RUNTIME_DIR}/containers/auth.json", "credentials (containers-auth.json(5))"),
    (
        "/etc/containers/registries.conf",
        "mirrors and blocked registries (containers-registries.conf(5))",
    ),
    ("/etc/containers/policy.json", "which images are trusted (containers-policy.json(5))"),
    ("/etc/containers/certs.d", "certificates of registries (containers-certs.d(5))"),
)


def page_names() -> tuple[str, ...]:
    """Names of all pages, without the section."""
    return (PROGRAM, *(f"{PROGRAM}-{name}" for name in COMMANDS))


def program_page() -> str:
    """Give the page of the program."""
    words = [f"[{_italic('global flags')}]", _italic("command")]
    words += [f"[{_italic(word)}]" for word in ("flags", "names")]
    lines = [
        *_head(PROGRAM, "copy container images between registries, layouts, archives and daemons"),
        *_section("SYNOPSIS"),
        " ".join((_bold(PROGRAM), *words)),
        *_section("DESCRIPTION"),
        *_paragraphs(
            "Copies container images between registries, layouts, archives and daemons, and "
            "verifies every byte. Commands, flags, output and exit codes are those of skopeo(1); "
            "called by the name skopeo, the program speaks of itself as that."
        ),
        *_section("COMMANDS"),
    ]
    for name, entry in COMMANDS.items():
        lines += [".TP", _bold(f"{PROGRAM}-{name}") + "(1)", f"{_text(entry.summary)}."]
    lines += [*_section("OPTIONS"), *_flags((*GLOBAL.flags, VERSION))]
    lines += [*_section("EXIT STATUS"), *_table(_EXIT_CODES)]
    lines += [*_section("FILES"), *_table(_FILES)]
    lines += [*_see_also(f"{PROGRAM}-{name}(1)" for name in COMMANDS)]
    return "\n".join(lines) + "\n"


def command_page(command: Command, summary: str) -> str:
    """Give the page of one command."""
    lines = [
        *_head(f"{PROGRAM}-{command.name}", summary[:1].lower() + summary[1:]),
        *_section("SYNOPSIS"),
        f"{_bold(f'{PROGRAM} {command.name}')} {_text(command.usage)}".rstrip(),
        *_section("DESCRIPTION"),
        *_paragraphs(command.description),
    ]
    groups = [group for group in command.groups if any(map(_is_listed, group.flags))]
    if groups:
        lines += _section("OPTIONS")
    for group in groups:
        lines += [*_subsection(group), *_flags(group.flags)]
    later = [f"--{flag.name}" for flag in command.flags if flag.later]
    if later:
        lines += [".PP", f"Known and refused, not supported yet: {_text(', '.join(later))}."]
    lines += [".PP", f"Flags of every command are told of in {_bold(PROGRAM)}(1)."]
    lines += [*_section("EXAMPLES"), *_examples(command.examples)]
    lines += [*_section("EXIT STATUS"), *_table(_EXIT_CODES), *_see_also((f"{PROGRAM}(1)",))]
    return "\n".join(lines) + "\n"


def write_pages(folder: Path) -> list[Path]:
    """Write all pages into a folder, which is made if need be, and name them.

    Raises:
        OSError: they cannot be written.
    """
    pages = {f"{PROGRAM}.1": program_page()}
    for name, entry in COMMANDS.items():
        command = find_command(name)
        if command is not None:
            pages[f"{PROGRAM}-{name}.1"] = command_page(command, entry.summary)
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in pages.items():
        (folder / name).write_text(page, encoding="utf-8")
    return [folder / name for name in pages]


def main(arguments: Sequence[str]) -> int:
    """Write the pages into the one folder that is named."""
    if len(arguments) != 1:
        print("Usage: python -m regcopy.cli.manpages FOLDER", file=sys.stderr)
        return 1
    for path in write_pages(Path(arguments[0])):
        print(path)
    return 0


def _head(name: str, summary: str) -> Iterator[str]:
    yield f'.TH "{name.upper()}" "1" "" "{PROGRAM} {__version__}" "User Commands"'
    yield from (".nh", ".ad l")  # flags and digests must not be broken
    yield from _section("NAME")
    yield f"{_text(name)} \\- {_text(summary)}"


def _section(title: str) -> Iterator[str]:
    yield f".SH {title}"


def _subsection(group: FlagGroup) -> Iterator[str]:
    if group.title:
        yield f".SS {_text(group.title)}"


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield from (".PP", _text(" ".join(paragraph.split())))


def _flags(flags: Sequence[Flag]) -> Iterator[str]:
    for flag in filter(_is_listed, flags):
        value = "" if flag.kind == "bool" else f" {_italic(flag.metavar or flag.kind.upper())}"
        names = [f"-{flag.short}", f"--{flag.name}"] if flag.short else [f"--{flag.name}"]
        default = f" (default: {flag.default})" if flag.default else ""
        told = flag.help[:1].upper() + flag.help[1:]
        yield from (".TP", ", ".join(map(_bold, names)) + value, _text(f"{told}{default}."))


def _is_listed(flag: Flag) -> bool:
    return not flag.hidden and not flag.later


def _examples(examples: Sequence[str]) -> Iterator[str]:
    for example in examples:
        yield from (".PP", ".RS 4", ".nf", _text(f"$ {PROGRAM} {example}"), ".fi", ".RE")


def _table(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    for name, told in rows:
        yield from (".TP", _bold(name), f"{_text(told[:1].upper() + told[1:])}.")


def _see_also(pages: Iterator[str] | Sequence[str]) -> Iterator[str]:
    yield from _section("SEE ALSO")
    yield ", ".join(f"{_bold(page.partition('(')[0])}(1)" for page in pages)


def _bold(text: str) -> str:
    return f"\\fB{_text(text)}\\fR"


def _italic(text: str) -> str:
    return f"\\fI{_text(text)}\\fR"


def _text(text: str) -> str:
    """Escape what roff takes for its own, and what is not ASCII."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    escaped = escaped.replace("`", "\\(ga").replace("~", "\\(ti").replace("^", "\\(ha")
    escaped = "".join(one if one.isascii() else f"\\[u{ord(one):04X}]" for one in escaped)
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
