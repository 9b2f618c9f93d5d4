"""Two registries with images, and `sync` between them by both programs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from regcopy.model.digest import Digest
from regcopy.testing.samples import single_image
from tests.command_line import Ended, LogLine, run_cli
from tests.compat.programs import written
from tests.programs import require_program
from tests.registry_tools import RegistryTools
from tests.servers import Registry

# What the old one says, and the new one does not, or in other words.
NEWER: Final = {
    "Error determining repository tags for image": "Error determining repository tags for repo",
    "Error parsing regex, skipping": "Error processing repo, skipping",
}
GONE: Final = "Start filtering using the regular expression"


@dataclass(frozen=True)
class Ran:
    """How both programs ended."""

    theirs: Ended
    ours: Ended


@dataclass(frozen=True)
class World:
    """A source registry, and for each program a folder and a place in another registry."""

    source: Registry
    destination: Registry
    repository: str
    folder: Path

    @property
    def tools(self) -> RegistryTools:
        """The tests' own way into the source."""
        return RegistryTools(self.source.url)

    def run(self, line: str) -> Ran:
        """Run a line of `sync` twice.

        In it, {src} is the source with its repository, {host} the source alone, and {dst} and
        {out} are the program's own place and folder.
        """
        # One after another, as skopeo does it, so that the lines can be compared.
        one = "--jobs=1 " if len(line.split()) > 3 else ""
        return Ran(self.skopeo(f"sync {line}"), self.regcopy(f"sync {one}{line}"))

    def skopeo(self, line: str) -> Ended:
        """Run any command line through skopeo."""
        done = subprocess.run(
            [require_program("skopeo"), "--insecure-policy", *self._words(line, "theirs")],
            capture_output=True,
            timeout=60,
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def regcopy(self, line: str) -> Ended:
        """Run any command line through regcopy."""
        return run_cli("--insecure-policy", *self._words(line, "ours"), program="skopeo")

    def filled(self, text: str, who: str) -> str:
        """Fill in a text what `run` fills in."""
        where = {
            "src": f"{self.source.host}/{self.repository}",
            "host": self.source.host,
            "repository": self.repository,
            "dst": f"{self.destination.host}/{self.repository}/{who}",
            "out": f"{who}-out",
            "digest": str(single_image(seed="1").digest),
        }
        for name, value in where.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def _words(self, line: str, who: str) -> list[str]:
        return [self.filled(word, who) for word in line.split()]

    def files(self, who: str) -> dict[str, Digest]:
        """All files in a program's folder."""
        root = self.folder / f"{who}-out"
        return {
            str(path.relative_to(root)): Digest.of(written(path))
            for path in root.rglob("*")
            if path.is_file()
        }

    def manifests(self, who: str, names: Sequence[str]) -> list[bytes]:
        """Manifests at a program's place: `app:1`, …."""
        tools = RegistryTools(self.destination.url)
        parts = (name.rpartition(":") for name in names)
        found = [
            tools.get_manifest(f"{self.repository}/{who}/{path}", tag) for path, _, tag in parts
        ]
        return [manifest.content if manifest else b"" for manifest in found]


def told(ended: Ended, who: str) -> list[LogLine]:
    """The log, without what only says which program it was, in the newer words."""
    lines = []
    for line in ended.log:
        message = line.message.replace(f"/{who}/", "/who/").replace(f"{who}-out", "who-out")
        for old, new in NEWER.items():
            message = message.replace(old, new)
        fields = {
            name: value.replace(f"/{who}/", "/who/").replace(f"{who}-out", "who-out")
            for name, value in line.fields.items()
            if name != "regex"
        }
        if not message.startswith(GONE):
            lines.append(LogLine(line.level, message, "", fields))
    return lines


def lines_of(ended: Ended) -> list[str]:
    """Standard output; blobs are copied in any order, and newer versions say one line less."""
    return sorted(
        line.replace(
            "Copying 4 of 4 images in list", "Copying 4 images generated from 4 images in list"
        )
        for line in ended.out.splitlines()
        if line != "Storing signatures"
    )
