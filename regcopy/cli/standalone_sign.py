"""`standalone-sign`: a signature of a manifest, from and into files."""

from __future__ import annotations

from typing import Final

from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import OK
from regcopy.cli.flags import CommandLineError, Flag
from regcopy.cli.groups import environment
from regcopy.cli.named_files import read_named, read_passphrase, write_named

_DESCRIPTION: Final = """
Signs that a manifest has a name, with a secret key of yours, by the program gpg. The signature
goes into a file; to lie beside an image it belongs into signature storage.
""".strip()


def _run(call: Invocation) -> int:
    output = call.values.string("output")
    if len(call.names) != 3 or not output:
        raise CommandLineError(
            f"Usage: {call.program} standalone-sign manifest docker-reference key-fingerprint "
            "-o signature"
        )
    from regcopy.errors import RegcopyError
    from regcopy.trust.standalone import sign_manifest

    path, name, key = call.names
    manifest = read_named(path, f"Error reading {path}: ")
    file = call.values.string("passphrase-file")
    passphrase = read_passphrase(file) if file else None
    try:
        made = sign_manifest(
            manifest, name, key, environment=environment(call), passphrase=passphrase
        )
    except RegcopyError as error:
        error.message = f"Error creating signature: {error.message}"
        raise
    write_named(output, made, f"Error writing signature to {output}: ")
    return OK


COMMAND: Final = Command(
    name="standalone-sign",
    usage="[flags] MANIFEST NAME KEY-FINGERPRINT --output FILE",
    description=_DESCRIPTION,
    examples=(
        "standalone-sign dir/manifest.json example.com/team/app:1 FINGERPRINT -o dir/signature-1",
    ),
    groups=(
        FlagGroup(
            "Signing",
            (
                Flag("output", metavar="FILE", short="o", help="write the signature to this file"),
                Flag(
                    "passphrase-file",
                    metavar="FILE",
                    help="file whose first line is the passphrase of the key",
                ),
            ),
        ),
    ),
    run=_run,
)
