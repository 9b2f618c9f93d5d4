"""The embedded registry and a way to talk to it, for tests of both."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from regcopy.model.digest import Digest
from regcopy.serving import RegistryServer, ServedRequest
from tests.registry_tools import Answered, RegistryTools, ask

BINARY = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True, slots=True)
class Served:
    """A running server.

    Attributes:
        root: the layout that it serves.
        requests: what it has answered, in order.
    """

    address: str
    root: Path
    requests: list[ServedRequest] = field(default_factory=list)

    @property
    def tools(self) -> RegistryTools:
        """Push and read whole images."""
        return RegistryTools(f"http://{self.address}")

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Make one request below `/v2/`."""
        return ask(method, f"http://{self.address}/v2/{path}", body=body, headers=headers)

    def follow(
        self, method: str, location: str, body: bytes | None = None, **headers: str
    ) -> Answered:
        """Make one request to a `Location`; `content_range` is `Content-Range`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(method, f"http://{self.address}{location}", body=body, headers=sent)

    def begin(self, repository: str) -> str:
        """Begin an upload and give its location."""
        answered = self.ask("POST", f"{repository}/blobs/uploads/", b"")
        assert answered.status == 202
        return answered.headers["location"]

    def raw(self, request: bytes) -> bytes:
        """Send bytes on a connection of their own, and give all that comes back."""
        host, _, port = self.address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            found = b""
            while block := connection.recv(65536):
                found += block
            return found

    def index_names(self) -> list[str]:
        """Names of the entries of index.json."""
        index = json.loads((self.root / "index.json").read_bytes())
        key = "org.opencontainers.image.ref.name"
        return [entry.get("annotations", {}).get(key, "") for entry in index["manifests"]]

    def blob_path(self, digest: Digest) -> Path:
        """Where a blob lies."""
        return self.root / "blobs" / digest.algorithm / digest.hex


@contextmanager
def serving(root: Path) -> Iterator[Served]:
    """Serve a folder."""
    requests: list[ServedRequest] = []
    with RegistryServer(root, on_request=requests.append) as server:
        yield Served(server.address, root, requests)


def code_of(answered: Answered) -> str:
    """The first error code of an answer."""
    return str(json.loads(answered.body)["errors"][0]["code"])
