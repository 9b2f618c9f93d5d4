"""The programs that are compared, and how each is told to copy."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.processes import CHECKOUT, clean_environment

# The script that pip makes of `[project.scripts]`, for the code of this checkout.
_CONSOLE_SCRIPT: Final = """#!{python}
import sys
from regcopy.__main__ import run
if __name__ == "__main__":
    sys.exit(run())
"""
_PLAIN: Final = ("--src-tls-verify=false", "--dest-tls-verify=false")


@dataclass(frozen=True, slots=True)
class CopyJob:
    """One copy: two images as `host:port/repository:tag`, on registries that speak plain HTTP.

    Attributes:
        platforms: the source is an index, and all of it is copied.
    """

    source: str
    destination: str
    platforms: bool


@dataclass(frozen=True, slots=True)
class FileJob:
    """One copy from or to a file or folder: two names, each with its transport."""

    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A program on this machine.

    Attributes:
        program: absolute path.
        copy_arguments: what follows the program's name to do a job.
        file_arguments: the same for files and folders; None where it does not know them.
        list_arguments: what follows its name, and comes before the file, to copy a list in one
            process; None where it has to be run once a line.
        environment: variables that it needs.
        bare: arguments for runs in which it does nothing.
    """

    name: str
    version: str
    program: str
    copy_arguments: Callable[[CopyJob], list[str]] = field(repr=False)
    file_arguments: Callable[[FileJob], list[str]] | None = field(default=None, repr=False)
    list_arguments: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    bare: tuple[tuple[str, ...], ...] = (("--version",), ("--help",))

    def command(self, job: CopyJob) -> list[str]:
        """Program and arguments for one copy."""
        return [self.program, *self.copy_arguments(job)]

    def file_command(self, job: FileJob) -> list[str]:
        """Program and arguments for one copy from or to a file.

        Raises:
            ValueError: it does not know files.
        """
        if self.file_arguments is None:
            raise ValueError(f"{self.name} copies between registries only")
        return [self.program, *self.file_arguments(job)]

    def list_command(self, jobs: Sequence[CopyJob], folder: Path) -> list[str]:
        """Program and arguments for one copy after the other; the list is written to `folder`."""
        if self.list_arguments is None:
            script = folder / "each.sh"
            script.write_text("".join(f"{shlex.join(self.command(job))}\n" for job in jobs))
            return ["/bin/sh", "-e", str(script)]
        lines = folder / "url.txt"
        lines.write_text("".join(f"{' '.join(_named(job))}\n" for job in jobs))
        return [self.program, *self.list_arguments, str(lines)]


def find_tools(folder: Path, only: Sequence[str] = ()) -> list[Tool]:
    """Find regcopy and the peers that are installed.

    Args:
        folder: where regcopy's console script is written; outlives the measurements.
        only: names of the wanted tools; empty for all.
    """
    found = [_regcopy(folder), *filter(None, (_skopeo(), _crane(), _regctl()))]
    return [tool for tool in found if not only or tool.name in only]


def _regcopy(folder: Path) -> Tool:
    script = folder / "regcopy"
    script.write_text(_CONSOLE_SCRIPT.format(python=sys.executable))
    script.chmod(0o755)
    environment = {"PYTHONPATH": str(CHECKOUT)}
    version = _version([str(script), "--version"], folder, environment)
    return Tool(
        "regcopy",
        version,
        str(script),
        _copy_like_skopeo,
        _copy_files_like_skopeo,
        ("batch", *_PLAIN),
        environment,
    )


def _skopeo() -> Tool | None:
    program = shutil.which("skopeo")
    if program is None:
        return None

    def copy(job: CopyJob) -> list[str]:
        return ["--insecure-policy", *_copy_like_skopeo(job)]

    def copy_files(job: FileJob) -> list[str]:
        return ["--insecure-policy", *_copy_files_like_skopeo(job)]

    # Its cache of where blobs were seen is the system's when it runs as root, and would turn
    # uploads into mounts from one run to the next; as another user's it lies in XDG_DATA_HOME.
    environment = {"_CONTAINERS_ROOTLESS_UID": "65534"}
    version = _version([program, "--version"])
    return Tool("skopeo", version, program, copy, copy_files, environment=environment)


def _copy_like_skopeo(job: CopyJob) -> list[str]:
    every = ["--all"] if job.platforms else []
    return ["copy", *every, *_PLAIN, *_named(job)]


def _copy_files_like_skopeo(job: FileJob) -> list[str]:
    return ["copy", *_PLAIN, job.source, job.destination]


def _named(job: CopyJob) -> tuple[str, str]:
    return f"docker://{job.source}", f"docker://{job.destination}"


def _crane() -> Tool | None:
    program = shutil.which("crane")
    if program is None:
        return None

    def copy(job: CopyJob) -> list[str]:
        return ["copy", "--insecure", job.source, job.destination]

    version = _version([program, "version"])
    return Tool("crane", version, program, copy, bare=(("version",), ("--help",)))


def _regctl() -> Tool | None:
    program = shutil.which("regctl")
    if program is None:
        return None

    def copy(job: CopyJob) -> list[str]:
        hosts = dict.fromkeys(name.partition("/")[0] for name in (job.source, job.destination))
        plain = [part for host in hosts for part in ("--host", f"reg={host},tls=disabled")]
        return [*plain, "image", "copy", job.source, job.destination]

    version = _version([program, "version"])
    return Tool("regctl", version, program, copy, bare=(("version",), ("--help",)))


def _version(
    command: Sequence[str], home: Path = Path("/"), environment: Mapping[str, str] | None = None
) -> str:
    """Ask a program for its version; "unknown" where it does not say one."""
    done = subprocess.run(
        command,
        env={**clean_environment(home), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    found = re.search(r"v?(\d+\.\d+\S*)", done.stdout) if done.returncode == 0 else None
    return found[1] if found else "unknown"
