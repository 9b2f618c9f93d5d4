"""`auth explain`: which credentials are used for an image, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import FAILED, OK
from regcopy.cli.flags import CommandLineError, Flag
from regcopy.cli.groups import environment
from regcopy.text import printable

if TYPE_CHECKING:
    from regcopy.auth.chain import Explanation
    from regcopy.model.reference import ImageName

_DESCRIPTION: Final = """
Tells which files were looked at for credentials of a registry, what was in each, and what is
used. Nothing secret is shown, and the registry is not asked.
""".strip()


def _run(call: Invocation) -> int:
    if len(call.names) != 2 or call.names[0] != "explain":
        raise CommandLineError(f"Usage: {call.program} auth explain IMAGE")
    from regcopy.auth.chain import FileKeychain

    name = _image_name(call.names[1])
    keychain = FileKeychain(environment(call), call.values.string("authfile"))
    explanation = keychain.explain(name.registry, name.repository)
    call.console.out("".join(f"{line}\n" for line in _lines(name, explanation)))
    if explanation.kind == "error":
        call.console.log("fatal", explanation.problem)
        return FAILED
    return OK


def _image_name(text: str) -> ImageName:
    from regcopy.errors import InvalidReference
    from regcopy.model.reference import ImageName

    try:
        return ImageName.parse(text.removeprefix("docker://"))
    except InvalidReference as error:
        raise CommandLineError(f"Invalid image name {text}: {error.message}") from None


def _lines(name: ImageName, explanation: Explanation) -> Iterator[str]:
    yield f"Credentials for {name.name}:"
    for lookup in explanation.lookups:
        entry = f": {lookup.entry}" if lookup.entry else ""
        notes = f" ({'; '.join(printable(note) for note in lookup.notes)})" if lookup.notes else ""
        yield f"  {lookup.path}: {lookup.state}{entry}{notes}"
    if explanation.kind == "anonymous":
        yield "No credentials: access is anonymous."
    elif explanation.kind != "error":
        yield f"Used: {explanation.kind} from {explanation.origin}"


COMMAND: Final = Command(
    name="auth",
    usage="explain [flags] IMAGE",
    description=_DESCRIPTION,
    examples=("auth explain docker://registry.example.com/team/app:1",),
    groups=(
        FlagGroup(
            "Where to look",
            (
                Flag(
                    "authfile",
                    metavar="FILE",
                    help="file with credentials, instead of looking in the usual places",
                ),
            ),
        ),
    ),
    run=_run,
)
