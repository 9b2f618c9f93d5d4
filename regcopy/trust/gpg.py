"""OpenPGP signatures by the program gpg; nothing is believed that it does not say outright.

What gpg found is read from its status lines (GnuPG, doc/DETAILS) and its exit code together:
one good, valid signature over one text, and nothing bad beside it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from regcopy.config.environment import Environment
from regcopy.errors import SignatureInvalid, StorageFailed
from regcopy.text import printable
from regcopy.trust.programs import SECRET, STATUS, Ended, Limits, find_program, run

PACKAGE: Final = "GnuPG (the package gnupg of Debian and Ubuntu, gnupg2 of Fedora and RHEL)"
_PREFIX: Final = b"[GNUPG:] "
_BASE: Final = ("--batch", "--no-tty", "--no-options", "--status-fd", STATUS)
_QUIET: Final = ("--disable-dirmngr", "--no-auto-check-trustdb")

# Whatever else gpg says, a signature with one of these is not accepted. The same message
# holds no other: what is encrypted, or signed by several, is no container signature.
_BAD: Final = frozenset(
    {
        "BADSIG",
        "ERRSIG",
        "EXPSIG",
        "EXPKEYSIG",
        "REVKEYSIG",
        "NO_PUBKEY",
        "NODATA",
        "UNEXPECTED",
        "FAILURE",
        "TRUST_NEVER",
        "BEGIN_DECRYPTION",
        "DECRYPTION_OKAY",
        "DECRYPTION_FAILED",
        "ENC_TO",
    }
)
_WORDS: Final = {
    "BADSIG": "the signature is bad",
    "EXPSIG": "the signature is expired",
    "EXPKEYSIG": "the key is expired",
    "REVKEYSIG": "the key is revoked",
    "NO_PUBKEY": "it was made by a key that is not trusted",
    "TRUST_NEVER": "it was made by a key that is never trusted",
    "NODATA": "it is no OpenPGP message",
    "UNEXPECTED": "it is no signed OpenPGP message",
}
_FINGERPRINTS: Final = frozenset({40, 64})
_PRIMARY: Final = 9


@dataclass(frozen=True, slots=True)
class Signed:
    """What a message says, and which key signed it.

    Attributes:
        fingerprint: of the key, or subkey, that made the signature.
        primary: of the key that it belongs to.
    """

    content: bytes = field(repr=False)
    fingerprint: str
    primary: str


class Gpg:
    """gpg with a keyring: the user's own, or one made of a few trusted keys.

    Safe for use by several threads.
    """

    def __init__(self, environment: Environment, *, home: str = "") -> None:
        """Use the user's own keyring, or the one in the folder `home`.

        Raises:
            TransportUnavailable: there is no gpg.
        """
        path = environment.get("PATH") or os.defpath
        self._program = find_program("gpg", path, package=PACKAGE)
        self._home = home
        self._variables = {"PATH": path, "LC_ALL": "C"}
        if not home:
            names = ("HOME", "GNUPGHOME", "GPG_TTY", "XDG_RUNTIME_DIR", "TMPDIR")
            self._variables |= {n: environment.get(n) for n in names if environment.get(n)}

    def import_keys(self, keys: bytes, *, limits: Limits) -> tuple[str, ...]:
        """Add public keys to the keyring, and give their fingerprints.

        Raises:
            TimedOut, LimitExceeded: gpg does not come to an end.
        """
        ended = self._run(["--import"], keys, limits)
        imported = (line for line in _status(ended) if line[0] == "IMPORT_OK")
        return tuple(line[2] for line in imported if len(line) > 2 and _is_fingerprint(line[2]))

    def verify(self, message: bytes, *, limits: Limits) -> Signed:
        """Verify a signed message, and give what it says.

        Raises:
            SignatureInvalid: it is not good, or there is anything odd about it.
            TimedOut, LimitExceeded: gpg does not come to an end.
        """
        ended = self._read(message, limits)
        lines = _status(ended)
        words = [line[0] for line in lines]
        for word in words:
            if word in _BAD:
                told = next((w for w in words if w in _WORDS), word)
                raise SignatureInvalid(f"Invalid GPG signature: {_WORDS.get(told, told)}")
        for word in ("NEWSIG", "GOODSIG", "VALIDSIG", "PLAINTEXT"):
            if words.count(word) != 1:
                raise SignatureInvalid(f"Invalid GPG signature: {words.count(word)} × {word}")
        if ended.code != 0:
            raise SignatureInvalid(f"Invalid GPG signature: gpg ended with {ended.code}")
        valid = next(line for line in lines if line[0] == "VALIDSIG")
        fingerprint = valid[1] if len(valid) > 1 else ""
        primary = valid[_PRIMARY + 1] if len(valid) > _PRIMARY + 1 else ""
        if not (_is_fingerprint(fingerprint) and _is_fingerprint(primary)):
            raise SignatureInvalid("Invalid GPG signature: gpg does not say by which key")
        return Signed(ended.output, fingerprint, primary)

    def read(self, message: bytes, *, limits: Limits) -> tuple[bytes, str]:
        """Give what a message says, and the ID of the key that it names; nothing is verified.

        Raises:
            SignatureInvalid: it is no message with one signature, or the key is in the keyring.
            TimedOut, LimitExceeded: gpg does not come to an end.
        """
        ended = self._read(message, limits)
        lines = _status(ended)
        named = [line[1] for line in lines if line[0] == "ERRSIG" and len(line) > 1]
        if len(named) != 1 or [line[0] for line in lines].count("PLAINTEXT") != 1:
            raise SignatureInvalid("it is no OpenPGP message with one signature")
        return ended.output, named[0]

    def _read(self, message: bytes, limits: Limits) -> Ended:
        most = ("--max-output", str(limits.output_bytes))
        # Armour, and with it clear text, is not how these signatures are made.
        return self._run(["--no-armor", *most, "--output", "-", "--verify", "-"], message, limits)

    def sign(
        self, content: bytes, key: str, *, passphrase: str | None = None, limits: Limits
    ) -> bytes:
        """Make a signed message.

        Args:
            content: what it says.
            key: fingerprint, or anything else that gpg finds exactly one secret key by.
            passphrase: of that key; None leaves it to the user's agent.
            limits: on time and output.

        Raises:
            SignatureInvalid: gpg did not sign, and why.
        """
        asked: list[str] = []
        if passphrase is not None:
            asked = ["--pinentry-mode", "loopback", "--passphrase-fd", SECRET]
        ended = self._run(
            [*asked, "--no-armor", "--local-user", key, "--output", "-", "--sign", "-"],
            content,
            limits,
            secret=None if passphrase is None else f"{passphrase}\n".encode(),
        )
        made = [line for line in _status(ended) if line[0] == "SIG_CREATED"]
        if ended.code != 0 or len(made) != 1 or not ended.output:
            raise SignatureInvalid(f"gpg did not sign: {_last_words(ended)}")
        return ended.output

    def _run(
        self, arguments: Sequence[str], stdin: bytes, limits: Limits, secret: bytes | None = None
    ) -> Ended:
        base = list(_BASE)
        if self._home:
            base += [*_QUIET, "--homedir", self._home, "--trust-model", "always", "--no-autostart"]
        return run(
            [self._program, *base, *arguments],
            self._variables,
            stdin=stdin,
            secret=secret,
            limits=limits,
        )


class TrustedKeys:
    """A keyring of its own, in a folder that is gone when this is closed.

    Attributes:
        fingerprints: of the primary keys in it.
    """

    def __init__(self, environment: Environment, keys: Iterable[bytes], *, limits: Limits) -> None:
        """Make a keyring of these keys. Errors as `Gpg` and `Gpg.import_keys`."""
        self._stack = ExitStack()
        self._limits = limits
        try:
            folder = self._stack.enter_context(_temporary_folder(environment))
            self._gpg = Gpg(environment, home=folder)
            found: list[str] = []
            for content in keys:
                found.extend(self._gpg.import_keys(content, limits=limits))
            self.fingerprints = frozenset(found)
        except BaseException:
            self._stack.close()
            raise

    def verify(self, message: bytes) -> Signed:
        """Verify a message by one of these keys. Errors as `Gpg.verify`."""
        signed = self._gpg.verify(message, limits=self._limits)
        if signed.primary not in self.fingerprints:
            raise SignatureInvalid(f"Signature by key {signed.primary} is not accepted")
        return signed

    def close(self) -> None:
        """Remove the keyring; may be called twice."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()


def read_unverified(
    message: bytes, *, environment: Environment, limits: Limits
) -> tuple[bytes, str]:
    """Do `Gpg.read` with a keyring that has no keys; errors as `Gpg` and `Gpg.read`."""
    with _temporary_folder(environment) as nobody:
        return Gpg(environment, home=nobody).read(message, limits=limits)


def _temporary_folder(environment: Environment) -> tempfile.TemporaryDirectory[str]:
    parent = environment.get("TMPDIR") or None
    try:
        # Others must not see it: mode 0700 is what mkdtemp gives.
        return tempfile.TemporaryDirectory(prefix="regcopy-keys-", dir=parent)
    except OSError as error:
        place = printable(parent or tempfile.gettempdir(), limit=300)
        raise StorageFailed(f"creating a folder in {place}: {error.strerror}") from None


def _status(ended: Ended) -> list[list[str]]:
    """Status lines, each as its words; at least one word a line."""
    lines = (line.removeprefix(_PREFIX) for line in ended.status.split(b"\n"))
    words = (line.decode("utf-8", "replace").split(" ") for line in lines if line.strip())
    return [line for line in words if line[0]]


def _is_fingerprint(text: str) -> bool:
    return len(text) in _FINGERPRINTS and set(text) <= set("0123456789ABCDEF")


def _last_words(ended: Ended) -> str:
    lines = ended.errors.decode("utf-8", "replace").strip().splitlines()
    told = lines[-1].removeprefix("gpg: ") if lines else f"it ended with {ended.code}"
    return printable(told, limit=300)
