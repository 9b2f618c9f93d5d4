"""A balancer in front of a registry that ends every connection after so many bytes."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

_BLOCK: Final = 64 * 1024


class CuttingFront:
    """A running balancer; enter it to start, leave it to end.

    Attributes:
        cuts: how many connections were ended.
    """

    def __init__(self, behind: str, *, after: int) -> None:
        """Stand before `behind` (host and port); each direction may carry `after` bytes."""
        host, _, port = behind.rpartition(":")
        self.cuts = 0
        self._behind = (host, int(port))
        self._after = after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in tuple(self._threads):
            thread.join(timeout=5)
        for one in (self._listener, *self._open):
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._behind)
                self._open += [client, server]
                for one, other in ((client, server), (server, client)):
                    thread = threading.Thread(target=self._carry, args=(one, other), daemon=True)
                    self._threads.append(thread)
                    thread.start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        left = self._after
        with suppress(OSError):
            while block := one.recv(_BLOCK):
                other.sendall(block[:left])
                left -= len(block)
                if left < 0:
                    self.cuts += 1
                    break
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
