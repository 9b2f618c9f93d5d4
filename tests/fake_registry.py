"""A registry in this process, whose every answer can be replaced by a fault.

It follows the distribution specification as far as a client needs it, keeps all in memory,
and writes to the socket itself, so that a test can break an answer at any byte.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.testing.samples import SampleImage

_BLOCK: Final = 64 * 1024
_RANGE: Final = re.compile(r"bytes=([0-9]+)-([0-9]*)")
_CONTENT_RANGE: Final = re.compile(r"(?:bytes )?([0-9]+)-([0-9]+)(?:/.*)?")


Fault = Callable[["Exchange"], bool]
"""Answers a request in place of the registry; False leaves it to the registry after all."""


@dataclass(slots=True)
class _Rule:
    method: str
    path: re.Pattern[str]
    faults: list[Fault]
    forever: bool


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that a test has broken."""


class FakeRegistry:
    """A registry on 127.0.0.1; enter it to start, leave it to end."""

    def __init__(self, *, min_chunk: int = 0) -> None:
        self.blobs: dict[tuple[str, Digest], bytes] = {}
        self.manifests: dict[tuple[str, str], RawManifest] = {}
        self.uploads: dict[str, bytearray] = {}
        self.seen: list[Exchange] = []
        self.min_chunk = min_chunk
        self.lock = threading.RLock()
        self._rules: list[_Rule] = []
        self._server = _Server(("127.0.0.1", 0), _handler_for(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def on(self, method: str, path: str, *faults: Fault, forever: bool = False) -> None:
        """Answer requests like this with the faults, one after another, and then normally.

        Args:
            method: of the request.
            path: pattern that is searched in its path and query.
            faults: each is used once.
            forever: the last one is used again and again.
        """
        self._rules.append(_Rule(method, re.compile(path), list(faults), forever))

    def hold(self, image: SampleImage, repository: str, tag: str = "latest") -> None:
        """Have an image, without any request."""
        for digest, content in image.blobs.items():
            self.blobs[repository, digest] = content
        for manifest in image.manifests:
            self.manifests[repository, str(manifest.digest)] = manifest
        self.manifests[repository, tag] = image.top

    def hold_blob(self, content: bytes, repository: str) -> Digest:
        """Have a blob, without any request."""
        digest = Digest.of(content)
        self.blobs[repository, digest] = content
        return digest

    def counts(self) -> Counter[str]:
        """Count requests by method."""
        return Counter(entry.method for entry in self.seen)

    def asked(self, method: str, path: str = "") -> list[Exchange]:
        """Give the requests of a method whose path has `path` in it."""
        return [e for e in self.seen if e.method == method and path in e.path]

    def fault_for(self, method: str, target: str) -> Iterator[Fault]:
        """Give the fault whose turn it is, if there is one."""
        fault = self._next_fault(method, target)
        if fault is not None:
            yield fault

    def _next_fault(self, method: str, target: str) -> Fault | None:
        with self.lock:
            for rule in self._rules:
                if rule.method == method and rule.faults and rule.path.search(target):
                    last = len(rule.faults) == 1 and rule.forever
                    return rule.faults[0] if last else rule.faults.pop(0)
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
        self._server.server_close()
        self._thread.join(timeout=5)


class Exchange:
    """One request and its answer, for faults and for the registry's own answers.

    Attributes:
        status: of the answer; None where the connection was broken instead.
        body_bytes: of the request, as far as they were read.
        cut: the answer's body is ended after so many bytes, and the connection with it.
        replaced: headers that the answer has in place of its own.
        ignores_range: the answer is the whole blob, whatever part was asked for.
    """

    def __init__(self, handler: BaseHTTPRequestHandler, registry: FakeRegistry) -> None:
        parts = urlsplit(handler.path)
        self.registry = registry
        self.method = handler.command
        self.path = parts.path
        self.query = {k: v[-1] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.status: int | None = None
        self.body_bytes = 0
        self.cut: int | None = None
        self.replaced: dict[str, str] = {}
        self.ignores_range = False
        self._handler = handler
        self._body_left = not ("content-length" in self.headers or self._is_chunked)

    @property
    def _is_chunked(self) -> bool:
        return self.headers.get("transfer-encoding", "").lower() == "chunked"

    def body(self) -> Iterator[bytes]:
        """Give the body in blocks."""
        self._body_left = True
        raw = self._handler.rfile
        if self._is_chunked:
            while size := int(raw.readline(100).split(b";")[0] or b"0", 16):
                block = raw.read(size)
                raw.readline(10)
                self.body_bytes += len(block)
                yield block
            raw.readline(10)
            return
        left = int(self.headers.get("content-length", "0"))
        while left > 0:
            block = raw.read1(min(left, _BLOCK))
            if not block:
                raise ConnectionResetError("the body ended early")
            left -= len(block)
            self.body_bytes += len(block)
            yield block

    def answer(
        self,
        status: int,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer, after what is left of the request's body was read."""
        if not self._body_left:
            for _ in self.body():
                pass
        handler = self._handler
        self.status = status
        handler.send_response_only(status)
        own = {"Content-Length": str(len(body)), **(headers or {})}
        own["Connection"] = self.headers.get("connection", "")
        for name, value in {**own, **self.replaced}.items():
            if value:
                handler.send_header(name, value)
        handler.end_headers()
        if self.method != "HEAD":
            handler.wfile.write(body[: self.cut])
        if self.cut is not None:
            self.hang_up()

    def error(self, status: int, code: str, headers: Mapping[str, str] | None = None) -> None:
        """Answer with an error document of the specification."""
        body = json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode()
        self.answer(status, body, {"Content-Type": "application/json", **(headers or {})})

    def raw(self, data: bytes) -> None:
        """Write bytes to the socket as they are, and hang up."""
        self._handler.wfile.write(data)
        self.hang_up()

    def hang_up(self) -> None:
        """End the connection after what was written."""
        self._handler.wfile.flush()
        self._handler.close_connection = True

    def reset(self) -> None:
        """Break the connection at once."""
        linger = struct.pack("ii", 1, 0)
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._handler.close_connection = True
        self._handler.connection.close()

    def go_on(self) -> None:
        """Answer as the registry does."""
        _Answers(self).answer()


class _Answers:
    """What the specification says."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._registry = exchange.registry

    def answer(self) -> None:
        exchange = self._exchange
        if exchange.path == "/v2/":
            exchange.answer(200, b"{}")
            return
        for pattern, handle in (
            (r"/v2/(.+)/blobs/uploads/([^/]*)", self._upload),
            (r"/v2/(.+)/blobs/([^/]+)", self._blob),
            (r"/v2/(.+)/manifests/([^/]+)", self._manifest),
            (r"/v2/(.+)/tags/list()", self._tags),
        ):
            found = re.fullmatch(pattern, exchange.path)
            if found:
                handle(found[1], found[2])
                return
        exchange.error(404, "NOT_FOUND")

    def _blob(self, repository: str, name: str) -> None:
        content = self._registry.blobs.get((repository, Digest.parse(name)))
        if content is None:
            self._exchange.error(404, "BLOB_UNKNOWN")
            return
        asked = _RANGE.fullmatch(self._exchange.headers.get("range", ""))
        if asked is None or self._exchange.ignores_range:
            self._exchange.answer(200, content, {"Docker-Content-Digest": name})
            return
        start = int(asked[1])
        if start >= len(content):
            self._exchange.answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            return
        part = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._exchange.answer(206, content[start:], {"Content-Range": part})

    def _upload(self, repository: str, session: str) -> None:
        method = self._exchange.method
        if method == "POST":
            self._begin(repository)
        elif session not in self._registry.uploads:
            self._exchange.error(404, "BLOB_UPLOAD_UNKNOWN")
        elif method == "PATCH":
            self._patch(repository, session)
        elif method == "PUT":
            self._finish(repository, session)
        elif method == "DELETE":
            del self._registry.uploads[session]
            self._exchange.answer(204)
        else:
            self._progress(204, repository, session)

    def _begin(self, repository: str) -> None:
        query, registry = self._exchange.query, self._registry
        if "mount" in query:
            digest = Digest.parse(query["mount"])
            content = registry.blobs.get((query.get("from", ""), digest))
            if content is not None:
                registry.blobs[repository, digest] = content
                self._exchange.answer(201, b"", {"Docker-Content-Digest": str(digest)})
                return
        session = uuid.uuid4().hex
        registry.uploads[session] = bytearray()
        self._progress(202, repository, session)

    def _progress(self, status: int, repository: str, session: str) -> None:
        reached = max(len(self._registry.uploads[session]) - 1, 0)
        headers = {
            "Location": f"/v2/{repository}/blobs/uploads/{session}?state={reached}",
            "Range": f"0-{reached}",
        }
        if self._registry.min_chunk:
            headers["OCI-Chunk-Min-Length"] = str(self._registry.min_chunk)
        self._exchange.answer(status, b"", headers)

    def _patch(self, repository: str, session: str) -> None:
        upload = self._registry.uploads[session]
        part = _CONTENT_RANGE.fullmatch(self._exchange.headers.get("content-range", ""))
        if part is not None and int(part[1]) != len(upload):
            self._exchange.answer(416, b"", {"Range": f"0-{max(len(upload) - 1, 0)}"})
            return
        for block in self._exchange.body():
            upload += block
        self._progress(202, repository, session)

    def _finish(self, repository: str, session: str) -> None:
        upload = self._registry.uploads[session]
        for block in self._exchange.body():
            upload += block
        digest = Digest.parse(self._exchange.query["digest"])
        if Digest.of(bytes(upload), digest.algorithm) != digest:
            self._exchange.error(400, "DIGEST_INVALID")
            return
        self._registry.blobs[repository, digest] = bytes(upload)
        del self._registry.uploads[session]
        self._exchange.answer(201, b"", {"Docker-Content-Digest": str(digest)})

    def _manifest(self, repository: str, name: str) -> None:
        exchange, registry = self._exchange, self._registry
        if exchange.method == "PUT":
            content = b"".join(exchange.body())
            made = RawManifest(content, exchange.headers.get("content-type", ""))
            registry.manifests[repository, name] = made
            registry.manifests[repository, str(made.digest)] = made
            exchange.answer(201, b"", {"Docker-Content-Digest": str(made.digest)})
            return
        found = registry.manifests.get((repository, name))
        if found is None:
            exchange.error(404, "MANIFEST_UNKNOWN")
        elif exchange.method == "DELETE":
            for key in [k for k, m in registry.manifests.items() if m == found]:
                del registry.manifests[key]
            exchange.answer(202)
        else:
            headers = {
                "Content-Type": found.media_type,
                "Docker-Content-Digest": str(found.digest),
            }
            exchange.answer(200, found.content, headers)

    def _tags(self, repository: str, _: str) -> None:
        names = [n for r, n in self._registry.manifests if r == repository and ":" not in n]
        if not names:
            self._exchange.error(404, "NAME_UNKNOWN")
            return
        body = json.dumps({"name": repository, "tags": sorted(names)}).encode()
        self._exchange.answer(200, body)


def _handler_for(registry: FakeRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20
        # Head and body are written apart; the second would wait for the first's receipt.
        disable_nagle_algorithm = True

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self._serve
            raise AttributeError(name)

        def _serve(self) -> None:
            exchange = Exchange(self, registry)
            registry.seen.append(exchange)
            with suppress(OSError):
                for fault in registry.fault_for(self.command, self.path):
                    if fault(exchange):
                        return
                exchange.go_on()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    return Handler
