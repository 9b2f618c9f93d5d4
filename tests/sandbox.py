"""The command line in a process of its own, and a search for secrets in all it leaves behind."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

USER: Final = "robot"

# One canary for each way in which a secret can come in, so that a leak tells where it is from.
PASSWORD: Final = "canaryPassword5d1f0c"
IDENTITY_TOKEN: Final = "canaryIdentity8b2e7a"
REGISTRY_TOKEN: Final = "canaryRegistry3c9d4e"
ANSWERED_TOKEN: Final = "canaryAnswered6f0a1b"
SIGNATURE: Final = "canarySignature2e8c5d"
SECRETS: Final = (PASSWORD, IDENTITY_TOKEN, REGISTRY_TOKEN, ANSWERED_TOKEN, SIGNATURE)

_ROOT: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ended:
    """What a run of the command line has shown."""

    status: int
    shown: bytes


class Sandbox:
    """A machine with a home, a temporary and a runtime folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.variables = {"PATH": f"{root}/bin:/usr/bin:/bin", "PYTHONPATH": str(_ROOT)}
        for name in ("HOME", "TMPDIR", "XDG_RUNTIME_DIR"):
            folder = root / name.lower()
            folder.mkdir()
            self.variables[name] = str(folder)
        self.work = root / "work"
        self.work.mkdir()

    def run(self, *arguments: str, **variables: str) -> Ended:
        """Run `regcopy --debug` to its end, and give all that it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "regcopy", "--debug", *arguments],
            cwd=self.work,
            env={**self.variables, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stdout)

    def files(self) -> set[Path]:
        """All files in the sandbox."""
        return {path for path in self.root.rglob("*") if path.is_file()}

    def leaks(self, ended: Ended, planted: Iterable[Path]) -> list[str]:
        """Tell where secrets are to be seen: in the output, and in files but the planted ones."""
        places = {"the output": ended.shown}
        for path in self.files() - set(planted):
            places[f"the file {path.relative_to(self.root)}"] = path.read_bytes()
            places[f"the name {path.name}"] = str(path).encode()
        return [
            f"{secret} in {place}"
            for place, content in places.items()
            for secret in SECRETS
            if any(spelling in content for spelling in spellings(secret))
        ]


def spellings(secret: str) -> list[bytes]:
    """A secret as it is, and within base64 of something, whatever stands before it."""
    found = [secret.encode()]
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + secret.encode())
        # The first and last characters depend on the neighbours.
        found.append(encoded[4 if before else 0 : -4])
    return found
