"""Who signs a copy: the flags `--sign-…`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regcopy.cli.command import FlagGroup, Invocation
from regcopy.cli.flags import CommandLineError, Flag, Values
from regcopy.cli.gotext import quote
from regcopy.cli.groups import environment
from regcopy.cli.named_files import read_named, read_passphrase

if TYPE_CHECKING:
    from regcopy.cli.console import Console
    from regcopy.trust.signers import Signer

_SIGSTORE: Final = "sign-by-sigstore-private-key"

SIGNING: Final = FlagGroup(
    "Signing the copy",
    (
        Flag("sign-by", metavar="FINGERPRINT", help="sign by gpg, with this secret key of yours"),
        Flag(_SIGSTORE, metavar="FILE", help="sign with a sigstore private key in this file"),
        Flag("sign-identity", metavar="NAME", help="sign this name, instead of the destination's"),
        Flag(
            "sign-passphrase-file",
            metavar="FILE",
            help="file whose first line is the passphrase of the key",
        ),
        Flag(
            "sign-by-sigstore",
            metavar="FILE",
            help="sign as this YAML file says: privateKeyFile and privateKeyPassphraseFile",
        ),
        Flag(
            "sign-by-sq-fingerprint",
            help="it needs Sequoia-PGP, which regcopy does not use; --sign-by signs by gpg",
            later=True,
        ),
    ),
)


def signers(call: Invocation) -> tuple[Signer, ...]:
    """Say who signs the copy; nobody where no flag asks for it.

    Raises:
        CommandLineError: flags that exclude each other, or a value that means nothing.
        StorageFailed: a file cannot be read.
    """
    values = call.values
    by_gpg, by_sigstore = values.string("sign-by"), values.string(_SIGSTORE)
    if by_gpg and by_sigstore and values.string("sign-passphrase-file"):
        raise CommandLineError(
            f"Only one of --sign-by and {_SIGSTORE} can be used with sign-passphrase-file"
        )
    passphrase, identity = _passphrase(values), _identity(values)
    found: list[Signer] = []
    if by_gpg:
        from regcopy.trust.signers import GpgSigner

        found.append(GpgSigner(by_gpg, environment(call), identity, passphrase))
    if values.string("sign-by-sigstore"):
        found.append(_by_parameters(call.console, values.string("sign-by-sigstore"), identity))
    if by_sigstore:
        if passphrase is None:
            passphrase = _ask(call.console, by_sigstore, "--sign-passphrase-file")
        found.append(_by_key(by_sigstore, passphrase, identity))
    return tuple(found)


def _by_parameters(console: Console, file: str, identity: str) -> Signer:
    from regcopy.trust.signing_parameters import parse_signing_parameters

    content = read_named(file, f"reading {quote(file)}: ").decode("utf-8", "replace")
    key, secret = parse_signing_parameters(content, what=file)
    flag = f"privateKeyPassphraseFile in {file}"
    passphrase = read_passphrase(secret) if secret else _ask(console, key, flag)
    return _by_key(key, passphrase, identity)


def _ask(console: Console, key: str, flag: str) -> str:
    from regcopy.cli.prompts import ask_passphrase

    return ask_passphrase(console, key, hint=f"put it into a file, and name that with {flag}")


def _by_key(file: str, passphrase: str, identity: str) -> Signer:
    from regcopy.trust.signers import SigstoreSigner

    secret = passphrase.encode("utf-8", "surrogateescape")
    return SigstoreSigner(read_named(file, ""), secret, identity)


def _passphrase(values: Values) -> str | None:
    file = values.string("sign-passphrase-file")
    return read_passphrase(file) if file else None


def _identity(values: Values) -> str:
    text = values.string("sign-identity")
    if not text:
        return ""
    from regcopy.errors import InvalidReference
    from regcopy.model.reference import ImageName

    try:
        name = ImageName.parse(text)
    except InvalidReference as error:
        raise CommandLineError(f"Could not parse --sign-identity: {error.message}") from None
    if str(name) != text:
        raise CommandLineError(
            "Could not parse --sign-identity: repository name must be canonical",
            hint=f"write {name}",
        )
    if not name.tag and name.digest is None:
        raise CommandLineError(f"Sign identity must be a fully specified reference {text}")
    return text
