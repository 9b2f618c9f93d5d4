"""The container image, built from nothing by Debian's tools, and containers of it.

The base is a minimal Debian that debootstrap makes, so that no registry is needed; the rest is the
project's own Containerfile. All that is fetched are Debian's packages, and two from PyPI.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.command_line import Ended
from tests.engines import Podman
from tests.servers import ServerMissing, program
from tests.tekton_runner import ROOT, Container, as_node

BASE: Final = "localhost/regcopy-test/base:trixie"
IMAGE: Final = "localhost/regcopy-test/regcopy:1"
_SUITE: Final = "trixie"
_MIRROR: Final = "http://deb.debian.org/debian"
_BUILD_SECONDS: Final = 600
_RUN_SECONDS: Final = 100
# This machine has no cgroups to write to, and its own limits are too high for runc.
_LIMITS: Final = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")
_NOT_IN_IMAGES: Final = ("var/cache/apt", "var/lib/apt/lists", "var/log", "dev", "proc", "sys")


@dataclass(frozen=True)
class Image:
    """The image, in podman's store.

    Attributes:
        engine: has the store.
        name: of the image.
    """

    engine: Podman
    name: str

    def size(self, name: str = "") -> int:
        """Bytes of all layers, not compressed."""
        shown = self.engine.run("image", "inspect", "--format={{.Size}}", name or self.name)
        return int(shown)

    def run(self, container: Container, *, user: str = "") -> Ended:
        """Run a container to its end."""
        done = subprocess.run(
            self.command(container, user=user),
            capture_output=True,
            env=self.engine.environment,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=_RUN_SECONDS,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def start(self, container: Container, name: str) -> Iterator[subprocess.Popen[str]]:
        """Start a container with a name, and remove it at the end."""
        with subprocess.Popen(
            self.command(container, name=name),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.engine.environment,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                self.engine.run("rm", "--force", "--ignore", name)

    def command(self, container: Container, *, user: str = "", name: str = "") -> list[str]:
        """Give podman's command line; `user` goes before the manifest's."""
        flags = [
            *("--rm", "--runtime=runc", "--network=host", "--unsetenv=HOME", *_LIMITS),
            *_security_flags(container.security, user),
            *(f"--env={name}={value}" for name, value in container.variables.items()),
            *_mount_flags(container.mounts, container.read_only),
        ]
        if name:
            flags.append(f"--name={name}")
        if container.folder:
            flags.append(f"--workdir={container.folder}")
        words = list(container.arguments)
        if container.command:
            flags.append(f"--entrypoint={container.command[0]}")
            words = [*container.command[1:], *words]
        return self.engine.command("run", *flags, self.name, *words)


def _security_flags(security: Mapping[str, object], user: str) -> Iterator[str]:
    """Do what a `securityContext` asks for; podman filters system calls by itself."""
    yield f"--user={user or security.get('runAsUser', '')}"
    if security.get("readOnlyRootFilesystem"):
        yield from ("--read-only", "--read-only-tmpfs=false")
    if security.get("allowPrivilegeEscalation") is False:
        yield "--security-opt=no-new-privileges"
    if as_node(security.get("capabilities") or {}).get("drop") == ["ALL"]:
        yield "--cap-drop=ALL"


def _mount_flags(mounts: Mapping[str, Path], read_only: frozenset[str]) -> Iterator[str]:
    for inside, outside in mounts.items():
        yield f"--volume={outside}:{inside}:{'ro' if inside in read_only else 'rw'}"


def shell(script: str, *, mounts: Mapping[str, Path] | None = None) -> Container:
    """A container that runs a script as a Tekton step with `script:` does."""
    restricted = {"runAsUser": 65532, "readOnlyRootFilesystem": True}
    return Container(("/bin/sh",), ("-c", script), {}, "", mounts or {}, frozenset(), restricted)


def build(engine: Podman, folder: Path) -> Image:
    """Build the image with its base; `folder` takes what is only needed meanwhile.

    Raises:
        ServerMissing: a program is not installed, or there is no way to Debian's packages.
        RuntimeError: a step failed; the message has the end of its log.
    """
    buildah = program("buildah", package="buildah")
    program("runc", package="runc")
    _import_base(engine, folder)
    _run(
        [
            *(buildah, f"--root={engine.graph_root}", f"--runroot={engine.run_root}"),
            *(f"--storage-driver={engine.driver}", "build", "--isolation=chroot", "--network=host"),
            *("--layers=false", f"--build-arg=BASE={BASE}", *_secrets(folder)),
            *("--tag", IMAGE, str(ROOT)),
        ],
        engine.environment,
    )
    return Image(engine, IMAGE)


def load(engine: Podman, archive: Path) -> Image:
    """Take image and base from a file that `podman save --multi-image-archive` wrote."""
    engine.run("load", "--quiet", "--input", str(archive))
    return Image(engine, IMAGE)


def _import_base(engine: Podman, folder: Path) -> None:
    root, archive = folder / "base", folder / "base.tar"
    debootstrap = program("debootstrap", package="debootstrap")
    try:
        _run([debootstrap, "--variant=minbase", _SUITE, str(root), _MIRROR], dict(os.environ))
    except RuntimeError as error:  # Debian's packages are out of reach
        raise ServerMissing(str(error)) from None
    with tarfile.open(archive, "w") as tar:
        tar.add(root, ".", filter=_kept)
    shutil.rmtree(root)
    engine.run("import", "--quiet", str(archive), BASE)
    archive.unlink()


def _kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out what no image has: the package manager's caches and logs, and devices."""
    inside = any(member.name.startswith(f"./{folder}/") for folder in _NOT_IN_IMAGES)
    return None if inside else member


def _secrets(folder: Path) -> Sequence[str]:
    """Hand on how this machine reaches PyPI: pip's certificates, where they are its own."""
    certificates = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    if not certificates:
        return ()
    config = folder / "pip.conf"
    config.write_text("[global]\ncert = /run/secrets/ca.pem\n")
    return (f"--secret=id=pip.conf,src={config}", f"--secret=id=ca.pem,src={certificates}")


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
        timeout=_BUILD_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name} failed:\n{done.stdout[-3000:]}")
