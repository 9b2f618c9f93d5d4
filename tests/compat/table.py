"""The compatibility table of README.md: `python -m tests.compat.table` writes it anew.

It is made of the table of skopeo's flags, our commands, and the list of differences.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from regcopy.cli.command import COMMANDS, find_command
from regcopy.cli.flags import Flag
from regcopy.cli.groups import GLOBAL
from tests.compat.difference import Kind
from tests.compat.differences import DIFFERENCES
from tests.unit.cli.test_flag_table import SKOPEO, table

README: Final = Path(__file__).resolve().parents[2] / "README.md"
BEGIN: Final = "<!-- compatibility: begin -->"
END: Final = "<!-- compatibility: end -->"

SKOPEO_COMMANDS: Final = (
    "copy",
    "sync",
    "inspect",
    "list-tags",
    "delete",
    "login",
    "logout",
    "layers",
    "manifest-digest",
    "standalone-sign",
    "standalone-verify",
    "generate-sigstore-key",
    "experimental-image-proxy",
    "completion",
)


def make_table() -> str:
    """Give the lines between the markers."""
    rows = "\n".join(_row(command) for command in SKOPEO_COMMANDS)
    ours = ", ".join(f"`{name}`" for name in COMMANDS if name not in SKOPEO_COMMANDS)
    later = ", ".join(f"`--{flag.name}`" for flag in GLOBAL.flags if flag.later) or "none"
    return (
        "| command | same | better, or more | not supported |\n"
        "|---|---|---|---|\n"
        f"{rows}\n\n"
        f"Flags of every command that are not supported: {later}. What is not supported ends with\n"
        f"an error; nothing is ever ignored. Commands that skopeo does not have:\n{ours}."
    )


def _row(command: str) -> str:
    found = find_command(command)
    if found is None:
        return f"| `{command}` | | | all of it |"
    flags = {flag.name: flag for flag in found.flags}
    same = "flags, output, exit codes" if flags else "output, exit codes"
    more = [*_told(command, "better"), *_more_flags(command, flags)]
    lacking = [
        *_told(command, "unsupported"),
        *(f"`--{flag.name}`" for flag in flags.values() if flag.later),
    ]
    return f"| `{command}` | {same} | {'; '.join(more)} | {', '.join(lacking)} |"


def _told(command: str, kind: Kind) -> Iterator[str]:
    for one in DIFFERENCES:
        if one.command == command and one.kind == kind and one.what:
            yield one.what


def _more_flags(command: str, flags: dict[str, Flag]) -> Iterator[str]:
    known = {name for name, _, _ in table(SKOPEO.get(command, ""))}
    if not known:
        return
    more = [f.name for f in flags.values() if f.name not in known and not (f.hidden or f.later)]
    if more:
        yield ", ".join(f"`--{name}`" for name in more)


def with_table(page: str) -> str:
    """Give the page with the table as it is now.

    Raises:
        ValueError: the markers are not there.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{make_table()}\n\n{END}{after}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
