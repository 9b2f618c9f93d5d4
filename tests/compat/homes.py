"""Two users who have the same files, one for each program."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.command_line import Ended, run_cli
from tests.credentials import write_json
from tests.programs import require_program


class Homes:
    """Two users, one for each program, who have the same files."""

    def __init__(self, root: Path, host: str) -> None:
        self.host = host
        self.theirs, self.ours = root / "theirs", root / "ours"
        self.bin = root / "bin"

    def write(self, path: str, document: object) -> None:
        for home in (self.theirs, self.ours):
            write_json(home / path, document)

    def files(self, home: Path) -> dict[str, bytes]:
        """Name and content of all files."""
        return {
            str(path.relative_to(home)): path.read_bytes()
            for path in home.rglob("*")
            if path.is_file()
        }

    def modes(self, home: Path) -> dict[str, int]:
        return {str(path.relative_to(home)): path.stat().st_mode for path in home.rglob("*")}

    def variables(self, home: Path, words: Sequence[str]) -> dict[str, str]:
        """Give the variables of a user; `words` are more of them."""
        more = dict(word.replace("~", str(home)).split("=", 1) for word in words)
        (home / "run").mkdir(parents=True, exist_ok=True)
        path = f"{self.bin}:{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(home), "XDG_RUNTIME_DIR": f"{home}/run", **more}

    def run(self, line: Sequence[str]) -> tuple[Ended, Ended]:
        """Run a line through both programs: `{host}` is the registry, `~` is the home."""
        variables = [word for word in line if "=~" in word and not word.startswith("--")]
        words = [word for word in line if word not in variables]
        return (
            self._skopeo(self._filled(words, self.theirs), self.variables(self.theirs, variables)),
            self._regcopy(self._filled(words, self.ours), self.variables(self.ours, variables)),
        )

    def _filled(self, words: Sequence[str], home: Path) -> list[str]:
        return [word.replace("{host}", self.host).replace("~", str(home)) for word in words]

    def _skopeo(self, words: Sequence[str], variables: dict[str, str]) -> Ended:
        done = subprocess.run(
            [require_program("skopeo"), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
            env=variables,
        )
        shown = done.stdout.decode().replace(str(self.theirs), "~")
        return Ended(done.returncode, shown, done.stderr.decode().replace(str(self.theirs), "~"))

    def _regcopy(self, words: Sequence[str], variables: dict[str, str]) -> Ended:
        ended = run_cli(*words, program="skopeo", variables=variables)
        home = str(self.ours)
        return Ended(ended.code, ended.out.replace(home, "~"), ended.err.replace(home, "~"))
