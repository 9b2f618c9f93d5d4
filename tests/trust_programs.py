"""The same copy through regcopy and through skopeo, under the same policy."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.command_line import Ended, run_cli
from tests.programs import require_program


def skopeo_with(variables: Mapping[str, str], *arguments: str) -> Ended:
    """Run skopeo in an environment of its own."""
    done = subprocess.run(
        [require_program("skopeo"), *arguments],
        capture_output=True,
        timeout=60,
        check=False,
        env=dict(variables),
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def both_copy(
    variables: Mapping[str, str], policy: Path, source: str, folder: Path, *flags: str
) -> tuple[Ended, Ended]:
    """Copy an image into a folder of its own each, by regcopy and by skopeo."""
    ended = []
    for number, program in enumerate(("regcopy", "skopeo")):
        line = ("--policy", str(policy), "copy", *flags, source, f"dir:{folder / program}")
        ended.append(
            skopeo_with(variables, *line) if number else run_cli(*line, variables=variables)
        )
    return ended[0], ended[1]
