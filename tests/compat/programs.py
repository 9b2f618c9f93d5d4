"""Both programs on one command line, in a folder with images."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
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


def words(line: str, who: str) -> list[str]:
    """Take a command line apart; {0} in it is a name of each program's own."""
    return [word.replace("{0}", who) for word in shlex.split(line)]


def skopeo_says(line: str) -> Said:
    """Run skopeo; {0} in the line is a folder of its own."""
    done = subprocess.run(
        [require_program("skopeo"), "--insecure-policy", *words(line, "theirs")],
        capture_output=True,
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.getcwd()},
    )
    ended = Ended(done.returncode, done.stdout.decode(), done.stderr.decode())
    return _said(ended, Path("theirs"))


def regcopy_says(line: str) -> Said:
    """Run regcopy under the name of skopeo; {0} in the line is a folder of its own."""
    ended = run_cli("--insecure-policy", *words(line, "ours"), program="skopeo")
    return _said(ended, Path("ours"))


def _said(ended: Ended, folder: Path) -> Said:
    # What the old version calls otherwise than the one that is followed.
    four = "Copying 4 images generated from 4 images in list"
    out = ended.out.replace("Copying 4 of 4 images in list", four).splitlines()
    log = tuple((one.level, one.message.replace(folder.name, "{0}")) for one in ended.log)
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [(str(path.relative_to(folder)), written(path)) for path in found]
    lines = sorted(line for line in out if line not in ("", "Storing signatures"))
    return Said(ended.code, tuple(lines), log, (*files, *_layers()))


def written(path: Path) -> bytes:
    """Content of a file; of the JSON that makes a folder a layout, only what it means counts."""
    content = path.read_bytes()
    if path.name in ("index.json", "oci-layout"):
        return json.dumps(json.loads(content), sort_keys=True).encode()
    return content


def _layers() -> Iterator[tuple[str, bytes]]:
    """Take away what `layers` has written, in a folder of a name that it chose."""
    for folder in Path().glob("layers-*"):
        for path in sorted(folder.iterdir()):
            yield path.name, path.read_bytes()
        shutil.rmtree(folder)
