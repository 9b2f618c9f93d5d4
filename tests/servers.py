"""Real registries for tests and benchmarks: Debian's `docker-registry`, started and ended here.

Each runs on 127.0.0.1 and a free port, with its data in a temporary folder, and writes an
access log that can be counted.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import trustme

from tests.token_server import TokenServer

_START_SECONDS: Final = 20.0
_STARTS: Final = 5
_REST_SECONDS: Final = 0.01
_LOG_LINE: Final = re.compile(
    r'\] "(?P<method>[A-Z]+) (?P<target>\S+) HTTP/[0-9.]+" (?P<status>\d+)'
)


class ServerMissing(Exception):
    """A program that has to be installed first; the message says how."""


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One line of an access log."""

    method: str
    path: str
    query: str
    status: int

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"


@dataclass(frozen=True, slots=True)
class ServerTls:
    """A certificate for 127.0.0.1 and localhost, and the authority that signed it."""

    authority: trustme.CA = field(default_factory=trustme.CA)
    client_authority: trustme.CA | None = None

    def write(self, folder: Path) -> dict[str, object]:
        """Write the files into `folder`, and give the registry's `http.tls` section."""
        issued = self.authority.issue_cert("127.0.0.1", "localhost")
        chain, key = folder / "server.pem", folder / "server.key"
        chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        section: dict[str, object] = {"certificate": str(chain), "key": str(key)}
        if self.client_authority is not None:
            clients = folder / "clients.pem"
            self.client_authority.cert_pem.write_to_path(str(clients))
            section["clientcas"] = [str(clients)]
        return section

    def write_certs_d(self, folder: Path) -> Path:
        """Write `ca.crt` into `folder`, as `--cert-dir` wants it; give the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self.authority.cert_pem.write_to_path(str(folder / "ca.crt"))
        return folder

    def client_context(self) -> ssl.SSLContext:
        """Make a context that trusts the authority (and shows a certificate if one is asked)."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if self.client_authority is not None:
            self.client_authority.issue_cert("client@example.org").configure_cert(context)
        return context


@dataclass(frozen=True, slots=True)
class RegistrySetup:
    """How a registry is started.

    Attributes:
        tls: serve HTTPS with this certificate.
        users: names and passwords for Basic authentication; empty for none.
        tokens: token service whose tokens are needed; must be running.
        relative_locations: answer with a `Location` that is only a path.
        read_only: refuse all uploads and manifests (405).
        deletes: allow manifests and blobs to be deleted.
        schema1: take manifests of Docker's schema 1, which it refuses by default.
        folder: where data goes; None for a temporary folder.
    """

    tls: ServerTls | None = None
    users: Mapping[str, str] = field(default_factory=dict)
    tokens: TokenServer | None = None
    relative_locations: bool = False
    read_only: bool = False
    deletes: bool = True
    schema1: bool = False
    folder: Path | None = None


class Registry:
    """A running `docker-registry`; enter it to start, leave it to end.

    Raises:
        ServerMissing: `docker-registry` (or `htpasswd`, for users) is not installed.
        RuntimeError: it did not become ready in time; the message has its log.
    """

    def __init__(self, setup: RegistrySetup | None = None) -> None:
        self.setup = setup or RegistrySetup()
        self.host = ""
        self._program = program("docker-registry", package="docker-registry")
        self._stack = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self.setup.tls else 'http'}://{self.host}"

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            made = stack.enter_context(tempfile.TemporaryDirectory(prefix="test-registry-"))
            self._folder = Path(made)
            stack.callback(self._stop)
            self._start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def requests(self) -> list[LoggedRequest]:
        """Give all requests so far, in the order in which they were answered.

        The registry writes a line after it has answered, so a request of our own, which
        is left out, marks where to read to, and the log must have come to rest.
        """
        mark = uuid.uuid4().hex
        self._ask(f"/v2/?{mark}")
        deadline = time.monotonic() + _START_SECONDS
        before, text = None, ""
        while mark not in text or before != text:
            if time.monotonic() > deadline:
                raise RuntimeError("the registry wrote no access log")
            time.sleep(_REST_SECONDS)
            before, text = text, self._access_log.read_text(errors="replace")
        found = (_logged(match) for match in _LOG_LINE.finditer(text))
        return [entry for entry in found if not (entry.path == "/v2/" and entry.query)]

    @contextlib.contextmanager
    def watch(self) -> Iterator[list[LoggedRequest]]:
        """Give a list that holds, after the block, the requests made during the block."""
        before = len(self.requests())
        seen: list[LoggedRequest] = []
        yield seen
        seen.extend(self.requests()[before:])

    def _ask(self, target: str) -> int:
        name, _, port = self.host.rpartition(":")
        connection = (
            http.client.HTTPSConnection(
                name, int(port), timeout=5, context=self.setup.tls.client_context()
            )
            if self.setup.tls
            else http.client.HTTPConnection(name, int(port), timeout=5)
        )
        with contextlib.closing(connection):
            connection.request("GET", target)
            return connection.getresponse().status

    @property
    def _access_log(self) -> Path:
        return self._folder / "access.log"

    def _start(self) -> None:
        for _ in range(_STARTS):
            self.host = f"127.0.0.1:{free_port()}"
            config = self._folder / "config.yml"
            config.write_text(json.dumps(self._config()))  # JSON is YAML
            with self._access_log.open("wb") as out, (self._folder / "error.log").open("wb") as err:
                self._process = subprocess.Popen(
                    [self._program, "serve", str(config)],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    env={"PATH": os.environ.get("PATH", "")},
                )
            if self._wait_until_ready(self._process):
                return
        log = (self._folder / "error.log").read_text(errors="replace")
        raise RuntimeError(f"docker-registry did not start:\n{log[-2000:]}")

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._ask("/v2/")
                return process.poll() is None
            time.sleep(0.01)
        self._stop()
        return False

    def _stop(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _config(self) -> dict[str, object]:
        setup = self.setup
        data = setup.folder or self._folder / "data"
        web: dict[str, object] = {
            "addr": self.host,
            "secret": "of-a-test",
            "relativeurls": setup.relative_locations,
        }
        if setup.tls is not None:
            web["tls"] = setup.tls.write(self._folder)
        maintenance: dict[str, object] = {"uploadpurging": {"enabled": False}}
        if setup.read_only:
            maintenance["readonly"] = {"enabled": True}
        config: dict[str, object] = {
            "version": "0.1",
            "log": {"level": "warn", "accesslog": {"disabled": False}},
            "storage": {
                "filesystem": {"rootdirectory": str(data)},
                "delete": {"enabled": setup.deletes},
                "maintenance": maintenance,
            },
            "http": web,
            "compatibility": {"schema1": {"enabled": setup.schema1}},
        }
        if setup.users:
            path = _write_htpasswd(self._folder, setup.users)
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(path)}}
        elif setup.tokens is not None:
            config["auth"] = {"token": setup.tokens.registry_section(self._folder)}
        return config


def program(name: str, *, package: str) -> str:
    """Find a program on PATH. Raises ServerMissing."""
    found = shutil.which(name)
    if found is None:
        raise ServerMissing(f"{name} is not installed (apt-get install {package})")
    return found


def free_port() -> int:
    """Give a port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def count(requests: list[LoggedRequest]) -> Counter[str]:
    """Count requests by method."""
    return Counter(request.method for request in requests)


def _logged(match: re.Match[str]) -> LoggedRequest:
    path, _, query = match["target"].partition("?")
    return LoggedRequest(match["method"], path, query, int(match["status"]))


def _write_htpasswd(folder: Path, users: Mapping[str, str]) -> Path:
    tool = program("htpasswd", package="apache2-utils")
    lines = [
        subprocess.run(
            [tool, "-niBC", "4", name], input=password.encode(), capture_output=True, check=True
        ).stdout.strip()
        for name, password in users.items()
    ]
    path = folder / "htpasswd"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path
