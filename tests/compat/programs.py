"""Both programs on one command line, in a folder with images."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from regcopy.testing.samples import multi_platform_image, single_image, write_dir, write_layout
from tests.command_line import Ended, run_cli
from tests.programs import require_program


def write_images(folder: Path) -> None:
    """Write `oci:one:t`, `oci:four:t`, `dir:docker` and `dir:list`."""
    write_layout(single_image(), folder / "one", "t")
    write_layout(multi_platform_image(), folder / "four", "t")
    write_dir(single_image(family="v2s2"), folder / "docker")
    write_dir(multi_platform_image(), folder / "list")


@dataclass(frozen=True, slots=True)
class Said:
    """What a program made of a command line, in a form that can be compared.

    Attributes:
        lines: of standard output, sorted: blobs are copied in no fixed order.
        log: level and message of each line.
        files: what was written to the folder that {0} stands for.
    """

    code: int
    lines: tuple[str, ...]
    log: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, bytes], ...]


def skopeo_says(line: str) -> Said:
    """Run skopeo; {0} in the line is a folder of its own."""
    done = subprocess.run(
        [require_program("skopeo"), "--insecure-policy", *line.format("theirs").split()],
        capture_output=True,
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.getcwd()},
    )
    ended = Ended(done.returncode, done.stdout.decode(), done.stderr.decode())
    return _said(ended, Path("theirs"))


def regcopy_says(line: str) -> Said:
    """Run regcopy under the name of skopeo; {0} in the line is a folder of its own."""
    ended = run_cli("--insecure-policy", *line.format("ours").split(), program="skopeo")
    return _said(ended, Path("ours"))


def _said(ended: Ended, folder: Path) -> Said:
    # What the old version calls otherwise than the one that is followed.
    four = "Copying 4 images generated from 4 images in list"
    out = ended.out.replace("Copying 4 of 4 images in list", four).splitlines()
    log = tuple((one.level, one.message.replace(folder.name, "{0}")) for one in ended.log)
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    files = tuple((str(path.relative_to(folder)), path.read_bytes()) for path in found)
    lines = sorted(line for line in out if line not in ("", "Storing signatures"))
    return Said(ended.code, tuple(lines), log, files)
