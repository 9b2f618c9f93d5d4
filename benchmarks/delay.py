"""A TCP proxy that adds distance: `python -m benchmarks.delay --one-way-ms 25 HOST:PORT …`.

It prints one line, the ports of 127.0.0.1 on which it listens, in the order of the targets,
and runs until it is ended. Each byte arrives `one way` later than it was sent, in both
directions, and what a client sends first waits for the round trip that setting up a
connection costs. Bandwidth is not limited: bytes wait in memory, up to a bound.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

# What may be under way on one connection and direction: far above what 50 ms of loopback
# fill in practice, so that the bound keeps memory and not time.
_UNDER_WAY: Final = 64 * 1024 * 1024


def arrival(now: float, *, connected: float, one_way: float) -> float:
    """When bytes that came at `now` arrive, where sending began at `connected`; in seconds."""
    return max(now, connected) + one_way


class _Direction:
    """Bytes on their way from one end to the other, in order, each with its time of arrival.

    `None` stands for the end of what is sent. Once both directions of a connection have
    ended, it is closed.
    """

    def __init__(self, *, one_way: float, connected: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._one_way = one_way
        self._connected = connected
        self._waiting: deque[tuple[float, bytes | None]] = deque()
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writable = True
        self.ended = False
        self.origin: asyncio.Transport | None = None
        self.target: asyncio.Transport | None = None
        self.opposite: _Direction | None = None

    def send(self, data: bytes | None) -> None:
        """Put bytes on their way."""
        due = arrival(self._loop.time(), connected=self._connected, one_way=self._one_way)
        self._waiting.append((due, data))
        if data is not None:
            self._bytes += len(data)
            if self._bytes > _UNDER_WAY and self.origin is not None:
                self.origin.pause_reading()
        self._schedule()

    def attach(self, target: asyncio.Transport) -> None:
        """Name the far end, once it is connected."""
        self.target = target
        self._schedule()

    def set_writable(self, *, writable: bool) -> None:
        """Hear whether the far end takes more."""
        self._writable = writable
        self._schedule()

    def stop(self) -> None:
        """Forget what is under way."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _schedule(self) -> None:
        if self._waiting and self._timer is None and self._writable and self.target is not None:
            self._timer = self._loop.call_at(self._waiting[0][0], self._deliver)

    def _deliver(self) -> None:
        self._timer = None
        target = self.target
        if target is None or target.is_closing():
            return
        now = self._loop.time()
        while self._waiting and self._writable and self._waiting[0][0] <= now:
            _, data = self._waiting.popleft()
            if data is None:
                self._end(target)
                return
            self._bytes -= len(data)
            target.write(data)
        if self._bytes <= _UNDER_WAY and self.origin is not None and not self.origin.is_closing():
            self.origin.resume_reading()
        self._schedule()

    def _end(self, target: asyncio.Transport) -> None:
        self.ended = True
        if self.opposite is None or not self.opposite.ended:
            with suppress(OSError):  # it has gone by itself
                target.write_eof()
            return
        target.close()
        if self.origin is not None:
            self.origin.close()


class _End(asyncio.Protocol):
    """One end of a connection: it sends into `outgoing` and gets what is in `incoming`."""

    def __init__(self, outgoing: _Direction, incoming: _Direction) -> None:
        self._outgoing = outgoing
        self._incoming = incoming

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._outgoing.origin = transport
            self._incoming.attach(transport)

    def data_received(self, data: bytes) -> None:
        self._outgoing.send(data)

    def eof_received(self) -> bool:
        self._outgoing.send(None)
        return True  # the other direction stays open

    def pause_writing(self) -> None:
        self._incoming.set_writable(writable=False)

    def resume_writing(self) -> None:
        self._incoming.set_writable(writable=True)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._incoming.stop()
        if self._outgoing.target is not None:
            self._outgoing.target.close()


class DelayedServer:
    """Listens on a free port of 127.0.0.1 and passes connections on to one target."""

    def __init__(self, host: str, port: int, *, one_way: float) -> None:
        self._target = (host, port)
        self._one_way = one_way
        self._dialling: set[asyncio.Task[None]] = set()

    async def start(self) -> asyncio.Server:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        return await loop.create_server(self._accept, "127.0.0.1", 0)

    def _accept(self) -> _End:
        now = asyncio.get_running_loop().time()
        upward = _Direction(one_way=self._one_way, connected=now + 2 * self._one_way)
        downward = _Direction(one_way=self._one_way, connected=now)
        upward.opposite, downward.opposite = downward, upward
        near = _End(outgoing=upward, incoming=downward)
        task = asyncio.get_running_loop().create_task(self._dial(upward, downward))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)
        return near

    async def _dial(self, upward: _Direction, downward: _Direction) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: _End(downward, upward), *self._target)
        except OSError:
            if upward.origin is not None:
                upward.origin.abort()


def port_of(server: asyncio.Server) -> int:
    """Give the port on which the server listens."""
    port: int = server.sockets[0].getsockname()[1]
    return port


async def _serve(targets: Sequence[str], one_way: float) -> None:
    servers = []
    for target in targets:
        host, _, port = target.rpartition(":")
        servers.append(await DelayedServer(host, int(port), one_way=one_way).start())
    print(*(port_of(server) for server in servers), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main() -> None:
    """Run until ended."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.delay")
    parser.add_argument("--one-way-ms", type=float, default=25.0)
    parser.add_argument("targets", nargs="+", metavar="HOST:PORT")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.targets, arguments.one_way_ms / 1000))


if __name__ == "__main__":
    main()
