"""`layers`: layers and config of an image in a new folder; `copy` to `dir:` is the newer way."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from regcopy.cli.calls import surroundings
from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import OK
from regcopy.cli.flags import CommandLineError
from regcopy.cli.groups import (
    RETRY,
    TOKEN_HOST,
    image_flags,
    parse_name,
    platform,
    trust_options,
)

if TYPE_CHECKING:
    from regcopy.model.digest import Digest

_DESCRIPTION: Final = """
Writes layers, config and manifest of an image into a new folder layers-… of the current one; of an
index, those of the image for this machine. With digests of layers, only these are written. It
is deprecated: `copy IMAGE dir:FOLDER` does the same, in a folder that you choose.
""".strip()


def _run(call: Invocation) -> int:
    program = call.program
    call.console.err(f"DEPRECATED: {program} layers is deprecated in favor of {program} copy")
    if not call.names:
        raise CommandLineError("Usage: layers imageReference [layer...]")
    name, *layers = call.names
    parse_name(name, "{problem}")
    _write(call, name, [_digest(layer) for layer in layers])
    return OK


def _digest(text: str) -> Digest:
    from regcopy.errors import InvalidDigest
    from regcopy.model.digest import Digest

    try:
        return Digest.parse(text if text.startswith("sha256:") else f"sha256:{text}")
    except InvalidDigest as error:
        raise CommandLineError(error.message, hint=error.hint) from None


def _write(call: Invocation, name: str, layers: list[Digest]) -> None:
    import tempfile

    from regcopy.copying.options import CopyOptions
    from regcopy.session import Session
    from regcopy.streams.files import storage_errors

    around = surroundings(call)
    session = Session(
        environment=around["environment"],
        cancelled=around["cancelled"],
        observer=around["observer"],
        trust=trust_options(call.values),
    )
    with storage_errors("creating a folder in", os.curdir):
        folder = tempfile.mkdtemp(prefix="layers-", dir=os.curdir)
    try:
        with session:
            options = CopyOptions(platform=platform(call.values))
            session.copy_layers(
                name, f"dir:{folder}", layers, options=options, source_access=around["access"]
            )
    finally:
        with suppress(OSError):
            os.rmdir(folder)  # which is refused once there is something in it


COMMAND: Final = Command(
    name="layers",
    usage="[flags] IMAGE [LAYER...]",
    description=_DESCRIPTION,
    examples=("layers docker://docker.io/library/alpine:3",),
    groups=(
        image_flags("", "The registry"),
        FlagGroup(RETRY.title, (TOKEN_HOST, *RETRY.flags)),
    ),
    run=_run,
)
