"""A Docker daemon in this process, on a unix socket, that can be made to misbehave."""

from __future__ import annotations

import io
import json
import socketserver
import tarfile
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from regcopy.errors import InvalidReference
from regcopy.model.reference import ImageName


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that a test has broken."""


class FakeDaemon:
    """Holds archives by name; enter it to start, leave it to end.

    Attributes:
        address: as DOCKER_HOST has it.
        images: archives as `load` got them, by full name.
        seen: requests, as `GET /v1.41/images/app:1/json`.
        versions: what it tells about its API.
        load_answer: status and body for every archive that was sent whole; None to take it.
        answers_after: give `load_answer` after so many bytes already, and hang up.
        forgets: take an archive, and not have the image.
        export_bytes: send only so many bytes of an archive, and hang up; None for all.
    """

    def __init__(self, folder: Path) -> None:
        self.address = f"unix://{folder}/docker.sock"
        self.images: dict[str, bytes] = {}
        self.seen: list[str] = []
        self.versions: dict[str, str] = {"ApiVersion": "1.41", "MinAPIVersion": "1.12"}
        self.load_answer: tuple[int, bytes] | None = None
        self.answers_after: int | None = None
        self.forgets = False
        self.export_bytes: int | None = None
        self._server = _Server(f"{folder}/docker.sock", _handler_for(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def take(self, archive: bytes) -> None:
        """Have the image of an archive under all its names."""
        for name in _contents(archive).names:
            self.images[str(ImageName.parse(name))] = archive

    def find(self, name: str) -> bytes | None:
        """Give the archive of that name or ID."""
        if name.startswith("sha256:"):
            config = f"{name.removeprefix('sha256:')}.json"
            found = (one for one in self.images.values() if _contents(one).config == config)
            return next(found, None)
        try:
            return self.images.get(str(ImageName.parse(name)))
        except InvalidReference:
            return None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join(timeout=5)
        self._server.server_close()


@dataclass(frozen=True, slots=True)
class _Contents:
    config: str
    names: tuple[str, ...]


def _contents(archive: bytes) -> _Contents:
    (found,) = json.loads(_member(archive, "manifest.json"))
    return _Contents(found["Config"], tuple(found["RepoTags"]))


def _member(archive: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        file = tar.extractfile(name)
        assert file is not None
        return file.read()


def _handler_for(daemon: FakeDaemon) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            daemon.seen.append(f"GET {self.path}")
            if url.path == "/version":
                self.reply(200, json.dumps(daemon.versions).encode())
            elif url.path.endswith("/images/get"):
                self.export(parse_qs(url.query)["names"][0])
            else:
                self.show(unquote(url.path.partition("/images/")[2].removesuffix("/json")))

        def do_POST(self) -> None:
            daemon.seen.append(f"POST {self.path}")
            archive = self.chunks()
            if daemon.load_answer is not None:
                self.reply(*daemon.load_answer)
                return
            if not daemon.forgets:
                daemon.take(archive)
            self.reply(200, b'{"stream":"Loaded image"}\r\n')

        def chunks(self) -> bytes:
            archive = b""
            while size := int(self.rfile.readline(), 16):
                archive += self.rfile.read(size)
                self.rfile.readline()
                if daemon.answers_after is not None and len(archive) > daemon.answers_after:
                    self.close_connection = True
                    return archive
            self.rfile.readline()
            return archive

        def show(self, name: str) -> None:
            archive = daemon.find(name)
            if archive is None:
                self.missing(404, name)
                return
            config = json.loads(_member(archive, _contents(archive).config))
            layers = config["rootfs"]["diff_ids"]
            self.reply(200, json.dumps({"RootFS": {"Layers": layers or None}}).encode())

        def export(self, name: str) -> None:
            archive = daemon.find(name)
            if archive is None:
                self.missing(500, name)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(archive)))
            self.end_headers()
            self.wfile.write(archive[: daemon.export_bytes])
            self.close_connection = True

        def missing(self, status: int, name: str) -> None:
            self.reply(status, json.dumps({"message": f"No such image: {name}"}).encode())

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Write no log."""

    return Handler
