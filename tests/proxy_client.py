"""A client of the image proxy, which drives skopeo and regcopy alike."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.programs import require_program

_PACKET: Final = 32 * 1024
_SECONDS: Final = 30
_ROOT: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Replied:
    """An answer; `files` are what came with it, and belong to the receiver."""

    success: bool
    value: object
    pipe: int
    error: str
    code: str
    files: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Piped:
    """What came through a pipe, and how it ended."""

    value: object
    content: bytes
    finished: Replied


class ProxyClient:
    """Makes calls over one socket."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def send(self, packet: bytes) -> Replied:
        """Send a packet as it is, and give the answer."""
        self.connection.sendall(packet)
        return self.receive()

    def receive(self) -> Replied:
        """Give the next answer."""
        packet, files, _, _ = socket.recv_fds(self.connection, _PACKET, 4)
        answer = json.loads(packet)
        return Replied(
            answer["success"],
            answer["value"],
            answer["pipeid"],
            answer["error"],
            answer.get("error_code", ""),
            tuple(files),
        )

    def call(self, method: str, *arguments: object) -> Replied:
        """Call a method; only failures come back as answers without success."""
        return self.send(json.dumps({"method": method, "args": arguments}).encode())

    def open(self, reference: str) -> int:
        """Initialize, and open an image."""
        assert self.call("Initialize").success
        opened = self.call("OpenImage", reference)
        assert opened.success, opened.error
        assert isinstance(opened.value, int)
        return opened.value

    def fetch(self, method: str, *arguments: object) -> Piped:
        """Call a method that answers through a pipe; read all, and finish the pipe."""
        replied = self.call(method, *arguments)
        assert replied.success, replied.error
        (reading,) = replied.files
        content, finished = self.finish(reading, replied.pipe)
        return Piped(replied.value, content, finished)

    def finish(self, reading: int, pipe: int) -> tuple[bytes, Replied]:
        """Read a pipe, which is closed once FinishPipe was called and all was written."""
        self.connection.sendall(json.dumps({"method": "FinishPipe", "args": [pipe]}).encode())
        return read_to_end(reading), self.receive()


def read_to_end(reading: int) -> bytes:
    """Read a pipe that ends by itself."""
    with open(reading, "rb") as stream:
        return stream.read()


@contextmanager
def started(
    command: Sequence[str], home: Path
) -> Iterator[tuple[ProxyClient, subprocess.Popen[bytes]]]:
    """Run a program with one end of a socket pair as its standard input."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(_SECONDS)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(_ROOT)}
    with ours, theirs:
        process = subprocess.Popen(
            list(command), stdin=theirs.fileno(), stderr=subprocess.PIPE, env=environment
        )
        theirs.close()
        try:
            yield ProxyClient(ours), process
        finally:
            ours.close()
            process.communicate(timeout=_SECONDS)


def skopeo_command() -> list[str]:
    """Command line of skopeo's proxy."""
    return [require_program("skopeo"), "--insecure-policy", "experimental-image-proxy"]


def regcopy_command(*flags: str) -> list[str]:
    """Command line of ours."""
    return [sys.executable, "-m", "regcopy", *flags, "experimental-image-proxy"]
