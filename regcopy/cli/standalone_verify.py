"""`standalone-verify`: is this file a signature of that manifest?"""

from __future__ import annotations

from typing import Final

from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import OK
from regcopy.cli.flags import CommandLineError, Flag
from regcopy.cli.groups import environment
from regcopy.cli.named_files import read_named

_DESCRIPTION: Final = """
Verifies a signature by the program gpg: it must be about this very manifest, give it exactly
this name, and be made by one of these keys. KEY-FINGERPRINTS is a list with commas, or the word
"any" for every key in --public-key-file.
""".strip()


def _run(call: Invocation) -> int:
    if len(call.names) != 4:
        raise CommandLineError(
            f"Usage: {call.program} standalone-verify manifest docker-reference key-fingerprint "
            "signature"
        )
    from regcopy.errors import RegcopyError
    from regcopy.trust.standalone import verify_signature

    path, name, fingerprints, signature_path = call.names
    file = call.values.string("public-key-file")
    expected = fingerprints.split(",")
    if not file and expected == ["any"]:
        raise CommandLineError("Cannot use any fingerprint without a public key file")
    manifest = read_named(path, f"Error reading manifest from {path}: ")
    signature = read_named(signature_path, f"Error reading signature from {signature_path}: ")
    keys = read_named(file, f"Error reading public keys from {file}: ") if file else None
    try:
        found = verify_signature(
            signature, manifest, name, expected, environment=environment(call), keys=keys
        )
    except RegcopyError as error:
        error.message = f"Error verifying signature: {error.message}"
        raise
    call.console.out(
        f"Signature verified using fingerprint {found.fingerprint}, digest {found.digest}\n"
    )
    return OK


COMMAND: Final = Command(
    name="standalone-verify",
    usage="[flags] MANIFEST NAME KEY-FINGERPRINTS SIGNATURE",
    description=_DESCRIPTION,
    examples=(
        "standalone-verify --public-key-file team.gpg dir/manifest.json example.com/app:1 any sig",
    ),
    groups=(
        FlagGroup(
            "Keys",
            (
                Flag(
                    "public-key-file",
                    metavar="FILE",
                    help="file with public keys, instead of your own keyring",
                ),
            ),
        ),
    ),
    run=_run,
)
