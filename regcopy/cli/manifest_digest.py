"""`manifest-digest`: the digest of a manifest in a file."""

from __future__ import annotations

import hashlib
from typing import Final

from regcopy.cli.command import Command, Invocation
from regcopy.cli.exits import OK
from regcopy.cli.flags import CommandLineError
from regcopy.errors import LimitExceeded, StorageFailed

_MAX_BYTES: Final = 4 * 1024 * 1024


def _run(call: Invocation) -> int:
    if len(call.names) != 1:
        raise CommandLineError(f"Usage: {call.program} manifest-digest manifest")
    content = _read(call.names[0])
    if b"signatures" in content:  # hardly ever; json is not needed else
        from regcopy.model.jws import payload_of_any

        content = payload_of_any(content)
    call.console.out(f"sha256:{hashlib.sha256(content).hexdigest()}\n")
    return OK


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "invalid path"
        raise StorageFailed(
            f"Error reading manifest from {path}: open {path}: {reason[:1].lower()}{reason[1:]}"
        ) from error
    if len(content) > _MAX_BYTES:
        raise LimitExceeded(f"{path} is over {_MAX_BYTES} bytes, and no manifest is that large")
    return content


COMMAND: Final = Command(
    name="manifest-digest",
    usage="FILE",
    description="Computes the digest that a registry gives to the manifest in a file.",
    examples=("manifest-digest dir/manifest.json",),
    groups=(),
    run=_run,
)
