"""`verify`: whether an image is there whole and unharmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regcopy.cli.calls import reading
from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import FAILED, OK
from regcopy.cli.flags import CommandLineError, Flag
from regcopy.cli.groups import RETRY, TOKEN_HOST, image_flags, parse_name

if TYPE_CHECKING:
    from regcopy.checking.verify import Verification

_DESCRIPTION: Final = """
Reads every manifest and every blob of an image, or of an index with all its images, and compares
size and digest. With --quick only the last byte of each blob is asked for: that shows whether it
is there and has its size. Nothing is written, and the trust policy is not asked.

Exit code 0: the image is whole. 1: something is missing or wrong, or the place cannot be read.
2: there is no such image.
""".strip()


def _run(call: Invocation) -> int:
    from regcopy.checking.verify import verify_image

    if len(call.names) != 1:
        raise CommandLineError("Exactly one argument expected")
    (name,) = call.names
    parse_name(name, "Error parsing image name {quoted}: {problem}")
    found = verify_image(name, quick=call.values.boolean("quick"), reading=reading(call))
    text = _json(name, found) if call.values.boolean("json") else _text(name, found)
    call.console.out(text)
    return FAILED if found.problems else OK


def _text(name: str, found: Verification) -> str:
    from regcopy.text import human_bytes

    lines = [f"{part.kind} {part.digest}: {part.problem}" for part in found.problems]
    count, bad = len(found.parts), len(found.problems)
    how = "are there" if found.is_quick else "are unharmed"
    result = f"{bad} of {count} parts are missing or wrong" if bad else f"all {count} parts {how}"
    return "\n".join([*lines, f"{name}: {found.digest}: {result}, {human_bytes(found.size)}", ""])


def _json(name: str, found: Verification) -> str:
    from regcopy.cli.gojson import encode

    parts = [
        {
            "Kind": part.kind,
            "Digest": str(part.digest),
            "Size": part.size,
            **({"Problem": part.problem} if part.problem else {}),
        }
        for part in found.parts
    ]
    document = {
        "Name": name,
        "Digest": str(found.digest),
        "Whole": not found.problems,
        "Quick": found.is_quick,
        "Size": found.size,
        "Parts": parts,
    }
    return f"{encode(document)}\n"


COMMAND: Final = Command(
    name="verify",
    usage="[flags] IMAGE",
    description=_DESCRIPTION,
    examples=(
        "verify oci:layout:1",
        "verify --quick docker://registry.example.com/team/app:1",
        "verify --json dir:app",
    ),
    groups=(
        FlagGroup(
            "What is looked at",
            (
                Flag("quick", "bool", "only whether blobs are there, and their sizes"),
                Flag("json", "bool", "print JSON"),
            ),
        ),
        image_flags("", "The registry"),
        FlagGroup(RETRY.title, (TOKEN_HOST, *RETRY.flags)),
    ),
    run=_run,
)
