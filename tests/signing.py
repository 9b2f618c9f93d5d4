"""Keys that exist for one run of the tests, signatures by them, and policies that trust them."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from regcopy.config.environment import Environment
from regcopy.model.digest import Digest
from tests.programs import require_program

Json = dict[str, object]

SIMPLE: Final = "atomic container signature"
SIGSTORE: Final = "cosign container image signature"


class GpgHome:
    """A folder with a keyring and secret keys, and the agent that gpg starts for it."""

    def __init__(self) -> None:
        """Make an empty one; its path is short, as sockets need it."""
        require_program("gpg")
        self.folder = Path(tempfile.mkdtemp(prefix="rg-"))

    @property
    def variables(self) -> dict[str, str]:
        """Environment of programs that use these keys."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GNUPGHOME": str(self.folder)}

    @property
    def environment(self) -> Environment:
        """The same for the library."""
        return Environment(self.variables)

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run gpg, and give its output."""
        done = subprocess.run(
            ["gpg", "--batch", "--yes", "--quiet", "--no-tty", *arguments],
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
            env=self.variables,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def make_key(self, name: str, *before: str, kind: str = "ed25519", expire: str = "0") -> str:
        """Make a key that signs, and give its fingerprint."""
        person = f"{name} <{name}@example.com>"
        unlocked = ("--pinentry-mode", "loopback", "--passphrase", "")
        self.run(*before, *unlocked, "--quick-gen-key", person, kind, "sign", expire)
        return self.fingerprint(name)

    def fingerprint(self, name: str) -> str:
        """Fingerprint of the primary key of a name."""
        listed = self.run("--with-colons", "--list-keys", f"{name}@example.com").decode()
        line = next(line for line in listed.splitlines() if line.startswith("fpr:"))
        return line.split(":")[9]

    def export(self, *names: str) -> bytes:
        """Public keys."""
        return self.run("--export", *(f"{name}@example.com" for name in names))

    def sign(self, content: bytes, name: str, *more: str) -> bytes:
        """Make a signed message."""
        signer = ("--local-user", f"{name}@example.com")
        return self.run(*more, *signer, "--output", "-", "--sign", stdin=content)

    def close(self) -> None:
        """End the agent of this folder, and remove it."""
        subprocess.run(
            ["gpgconf", "--kill", "all"],
            env=self.variables,
            capture_output=True,
            timeout=60,
            check=False,
        )
        shutil.rmtree(self.folder, ignore_errors=True)

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


def payload(digest: Digest | str, reference: str, *, kind: str = SIMPLE) -> Json:
    """What a signature says, as a document that a test can spoil."""
    return {
        "critical": {
            "identity": {"docker-reference": reference},
            "image": {"docker-manifest-digest": str(digest)},
            "type": kind,
        },
        "optional": {"creator": "a test", "timestamp": 1_700_000_000},
    }


def encode(document: Mapping[str, object]) -> bytes:
    """Write JSON as signers do."""
    return json.dumps(document, separators=(",", ":")).encode()


def signed_by(keys: bytes | Path, identity: Json | None = None) -> Json:
    """The requirement of a signature by one of these OpenPGP keys."""
    where: Json = {"keyPath": str(keys)} if isinstance(keys, Path) else {"keyData": _base64(keys)}
    wanted: Json = {} if identity is None else {"signedIdentity": identity}
    return {"type": "signedBy", "keyType": "GPGKeys", **where, **wanted}


def sigstore_signed(key: bytes, identity: Json | None = None) -> Json:
    """The requirement of a sigstore signature by this key."""
    wanted: Json = {} if identity is None else {"signedIdentity": identity}
    return {"type": "sigstoreSigned", "keyData": _base64(key), **wanted}


def exact_reference(name: str) -> Json:
    """The identity that is this name, wherever the image lies."""
    return {"type": "exactReference", "dockerReference": name}


def write_policy(
    path: Path, default: Json | Literal["reject", "accept"], **transports: Mapping[str, Json]
) -> Path:
    """Write a policy with one requirement for each scope.

    Args:
        path: where to.
        default: requirement for all that no scope is about.
        transports: for each transport, requirements by scope.
    """
    simple: dict[str, Json] = {
        "reject": {"type": "reject"},
        "accept": {"type": "insecureAcceptAnything"},
    }
    document: Json = {
        "default": [simple[default] if isinstance(default, str) else default],
        "transports": {
            transport.replace("_", "-"): {scope: [one] for scope, one in scopes.items()}
            for transport, scopes in transports.items()
        },
    }
    path.write_text(json.dumps(document))
    return path


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
