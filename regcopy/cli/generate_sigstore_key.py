"""`generate-sigstore-key`: a new pair of keys for sigstore signatures."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import OK
from regcopy.cli.flags import CommandLineError, Flag
from regcopy.cli.gotext import quote
from regcopy.cli.named_files import read_passphrase, reason_of
from regcopy.errors import StorageFailed

if TYPE_CHECKING:
    from regcopy.cli.console import Console

_DESCRIPTION: Final = """
Makes a key pair (ECDSA P-256) and writes it to PREFIX.private and PREFIX.pub. The private key is
encrypted with a passphrase; cosign, skopeo and podman can use it. Nothing is ever overwritten.
""".strip()


def _run(call: Invocation) -> int:
    prefix = call.values.string("output-prefix")
    if call.names or not prefix:
        from regcopy.cli.help import usage_line

        call.console.err(usage_line(call.program, COMMAND))
        raise CommandLineError(
            "no arguments expected" if call.names else "--output-prefix must be specified"
        )
    from regcopy.trust.sigstore_keys import check_libraries, generate_key_pair

    private, public = f"{prefix}.private", f"{prefix}.pub"
    for path in (public, private):
        _check_free(path)
    check_libraries()
    file = call.values.string("passphrase-file")
    passphrase = read_passphrase(file) if file else _ask(call.console, private)
    keys = generate_key_pair(passphrase.encode("utf-8", "surrogateescape"))
    _create(private, keys.private, 0o600)
    _create(public, keys.public, 0o644)
    call.console.out(f"Key written to {quote(private)} and {quote(public)}\n")
    return OK


def _check_free(path: str) -> None:
    if os.path.lexists(path):
        raise StorageFailed(f"refusing to overwrite existing {quote(path)}")


def _ask(console: Console, path: str) -> str:
    from regcopy.cli.prompts import ask_passphrase, ask_secret

    hint = "put it into a file, and name that with --passphrase-file"
    first = ask_passphrase(console, path, hint=hint)
    if first != ask_secret(console, "Repeat passphrase: "):
        raise CommandLineError("passphrases did not match")
    return first


def _create(path: str, content: bytes, mode: int) -> None:
    """Write a file that was not there, so that nobody's link or file is written through."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with open(os.open(path, flags, mode), "wb") as file:
            file.write(content)
    except (OSError, ValueError) as error:
        told = f"writing key to {quote(path)}: open {path}: {reason_of(error)}"
        raise StorageFailed(told) from None


COMMAND: Final = Command(
    name="generate-sigstore-key",
    usage="[flags] --output-prefix PREFIX",
    description=_DESCRIPTION,
    examples=("generate-sigstore-key --output-prefix my-key",),
    groups=(
        FlagGroup(
            "Keys",
            (
                Flag(
                    "output-prefix",
                    metavar="PREFIX",
                    help="write the keys to PREFIX.pub and PREFIX.private",
                ),
                Flag(
                    "passphrase-file",
                    metavar="FILE",
                    help="file whose first line is the passphrase for the private key",
                ),
            ),
        ),
    ),
    run=_run,
)
