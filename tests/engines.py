"""Real container engines for tests: Debian's Podman, with a store of its own for each run.

Nothing of it touches the machine's own images: store, state and socket are in one temporary
folder, with the storage driver that works everywhere.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.servers import ServerMissing, program

_START_SECONDS: Final = 20.0


class Podman:
    """Podman with an empty store; enter it to make it, leave it to remove it.

    Args:
        driver: of its store. `vfs` works everywhere, and copies the whole image for each container.

    Raises:
        ServerMissing: podman is not installed, or this is not root.
    """

    def __init__(self, driver: str = "vfs") -> None:
        self.driver = driver
        self._program = program("podman", package="podman")
        if os.geteuid() != 0:
            raise ServerMissing("podman needs root for a store of its own")
        self._stack = contextlib.ExitStack()
        self._folder = Path()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            # Short: the path of a socket has a limit.
            self._folder = Path(tempfile.mkdtemp(prefix="pod-", dir="/tmp"))
            stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
            for name in ("home", "run", "state", "tmp"):
                (self._folder / name).mkdir()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def graph_root(self) -> Path:
        """Folder of the store."""
        return self._folder / "store"

    @property
    def run_root(self) -> Path:
        """Folder of the store's state."""
        return self._folder / "run"

    @property
    def store_spec(self) -> str:
        """The store as `containers-storage:` names it."""
        return f"[{self.driver}@{self.graph_root}+{self.run_root}]"

    @property
    def environment(self) -> dict[str, str]:
        """Environment that podman runs in."""
        return {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self._folder / "home"),
            "TMPDIR": str(self._folder / "tmp"),
        }

    def command(self, *arguments: str) -> list[str]:
        """Give the command line for podman with this store."""
        return [
            self._program,
            f"--root={self.graph_root}",
            f"--runroot={self.run_root}",
            f"--tmpdir={self._folder / 'state'}",
            f"--storage-driver={self.driver}",
            "--cgroup-manager=cgroupfs",
            "--events-backend=file",
            *arguments,
        ]

    def run(self, *arguments: str, content: bytes = b"") -> str:
        """Run podman to its end, and give what it prints. Fails with what it complains of."""
        done = subprocess.run(
            self.command(*arguments),
            input=content,
            capture_output=True,
            env=self.environment,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            shown = done.stderr.decode(errors="replace").strip()
            raise RuntimeError(f"podman {' '.join(arguments)}: {shown}")
        return done.stdout.decode()

    def serve(self) -> str:
        """Start the service that speaks Docker's API, and give its address; ended with this."""
        path = self._folder / "api.sock"
        log = self._stack.enter_context((self._folder / "service.log").open("wb"))
        process = subprocess.Popen(
            self.command("system", "service", "--time=0", f"unix://{path}"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=self.environment,
        )
        self._stack.callback(_stop, process)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if _answers(path):
                return f"unix://{path}"
            time.sleep(0.02)
        shown = (self._folder / "service.log").read_text(errors="replace")
        raise RuntimeError(f"podman's service did not start:\n{shown[-2000:]}")


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
