"""`untrusted-signature-dump-without-verification`: what a signature says, true or not."""

from __future__ import annotations

from typing import Final

from regcopy.cli.command import Command, Invocation
from regcopy.cli.exits import OK
from regcopy.cli.flags import CommandLineError
from regcopy.cli.groups import environment
from regcopy.cli.named_files import read_named

_NAME: Final = "untrusted-signature-dump-without-verification"


def _run(call: Invocation) -> int:
    if len(call.names) != 1:
        raise CommandLineError(f"Usage: {call.program} {_NAME} signature")
    from regcopy.cli.gojson import encode
    from regcopy.errors import RegcopyError
    from regcopy.trust.untrusted import read_untrusted

    path = call.names[0]
    content = read_named(path, f"Error reading untrusted signature from {path}: ")
    try:
        found = read_untrusted(content, environment=environment(call))
    except RegcopyError as error:
        error.message = f"Error decoding untrusted signature: {error.message}"
        raise
    document = {
        "UntrustedDockerManifestDigest": str(found.claim.digest),
        "UntrustedDockerReference": found.claim.reference,
        "UntrustedCreatorID": found.creator,
        "UntrustedTimestamp": None if found.timestamp is None else _time(found.timestamp),
        "UntrustedShortKeyIdentifier": found.key_id,
    }
    call.console.out(f"{encode(document)}\n")
    return OK


def _time(seconds: int) -> str:
    from datetime import datetime

    try:
        local = datetime.fromtimestamp(seconds).astimezone()
    except (OverflowError, OSError, ValueError):
        raise CommandLineError(
            f"Error decoding untrusted signature: no time is {seconds}"
        ) from None
    return local.isoformat(timespec="seconds").replace("+00:00", "Z")


COMMAND: Final = Command(
    name=_NAME,
    usage="SIGNATURE",
    description="Prints what a signature in a file says. Nothing is verified: do not trust it.",
    examples=(f"{_NAME} dir/signature-1",),
    groups=(),
    run=_run,
)
