"""`verify`: whether images are there whole and unharmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regcopy.cli.calls import reading
from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import FAILED, NOT_FOUND, OK
from regcopy.cli.flags import CommandLineError, Flag
from regcopy.cli.groups import RETRY, TOKEN_HOST, image_flags, parse_name
from regcopy.errors import NotFound, RegcopyError

if TYPE_CHECKING:
    from regcopy.checking.verify import Verification, Verified

_DESCRIPTION: Final = """
Reads every manifest of an image, or of an index with all its images, compares size and digest,
and asks for the last byte of each blob: that shows whether it is there and has its size. With
--deep every blob is read, and its digest compared. With --file the images are the destinations of
a list, as batch takes it. Nothing is written, and the trust policy is not asked.

Exit code 0: all is whole. 1: something is missing or wrong, or a place cannot be read. 2: there is
no such image. 5: the list is bad. An image that cannot be checked stops no other.
""".strip()


def _run(call: Invocation) -> int:
    from regcopy.checking.verify import verify_image

    _check_names(call)
    try:
        names = _names(call)
    except RegcopyError as error:
        from regcopy.cli.batch_list import tell_bad_list

        return tell_bad_list(call.console, error)
    if len(names) != 1:
        return _Several(call).run(names)
    found = verify_image(names[0], deep=call.values.boolean("deep"), reading=reading(call))
    call.console.out(_told(call, names[0], found))
    return FAILED if found.problems else OK


def _check_names(call: Invocation) -> None:
    if not call.names and not call.values.string("file"):
        raise CommandLineError(
            "At least one argument expected", hint="name images, or a list of copies with --file"
        )
    for name in call.names:
        parse_name(name, "Error parsing image name {quoted}: {problem}")


def _names(call: Invocation) -> tuple[str, ...]:
    """All images that were named, each once. Errors are about the list."""
    path = call.values.string("file")
    if not path:
        return tuple(dict.fromkeys(call.names))
    from regcopy.cli.batch_list import read_named_list

    listed = (line.destination for line in read_named_list(path))
    return tuple(dict.fromkeys((*call.names, *listed)))


class _Several:
    """Several images: each is told as soon as it was checked, and counted."""

    def __init__(self, call: Invocation) -> None:
        self._call = call
        self._whole = 0
        self._broken = 0
        self._missing = 0
        self._unknown = 0

    def run(self, names: tuple[str, ...]) -> int:
        from regcopy.checking.verify import verify_images

        deep = self._call.values.boolean("deep")
        verify_images(names, self._take, deep=deep, reading=reading(self._call))
        if not self._call.values.boolean("json"):
            self._call.console.out(self._summary(len(names)))
        if self._broken or self._unknown:
            return FAILED
        return NOT_FOUND if self._missing else OK

    def _take(self, image: Verified) -> None:
        match image.error:
            case None:
                pass
            case NotFound():
                self._missing += 1
            case _:
                self._unknown += 1
        if image.error is not None:
            self._call.console.log("error", str(image.error), hint=image.error.hint)
        if image.found is not None:
            self._broken += bool(image.found.problems)
            self._whole += not image.found.problems
            self._call.console.out(_told(self._call, image.reference, image.found))

    def _summary(self, count: int) -> str:
        counts = (
            (self._whole, "whole"),
            (self._broken, "with parts that are missing or wrong"),
            (self._missing, "not there"),
            (self._unknown, "could not be checked"),
        )
        told = ", ".join(f"{number} {what}" for number, what in counts if number)
        return f"{count} {'image' if count == 1 else 'images'}: {told or 'nothing to check'}\n"


def _told(call: Invocation, name: str, found: Verification) -> str:
    return _json(name, found) if call.values.boolean("json") else _text(name, found)


def _text(name: str, found: Verification) -> str:
    from regcopy.text import human_bytes

    lines = [f"{part.kind} {part.digest}: {part.problem}" for part in found.problems]
    count, bad = len(found.parts), len(found.problems)
    how = "are unharmed" if found.is_deep else "are there"
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
        "Deep": found.is_deep,
        "Size": found.size,
        "Parts": parts,
    }
    return f"{encode(document)}\n"


COMMAND: Final = Command(
    name="verify",
    usage="[flags] [IMAGE...]",
    description=_DESCRIPTION,
    examples=(
        "verify oci:layout:1",
        "verify --deep docker://registry.example.com/team/app:1 docker://registry.example.com/b:2",
        "verify --file url.txt",
        "verify --json dir:app",
    ),
    groups=(
        FlagGroup(
            "What is looked at",
            (
                Flag("deep", "bool", "read every blob, and compare its digest"),
                Flag(
                    "file",
                    "string",
                    "check the destinations of a list of copies too; - is standard input",
                    metavar="LIST",
                ),
                Flag("json", "bool", "print JSON, one document for each image"),
            ),
        ),
        image_flags("", "The registry"),
        FlagGroup(RETRY.title, (TOKEN_HOST, *RETRY.flags)),
    ),
    run=_run,
)
