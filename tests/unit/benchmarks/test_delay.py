"""The proxy that adds distance: when bytes arrive, and that all of them do."""

from __future__ import annotations

import asyncio

from benchmarks.delay import DelayedServer, arrival, port_of


def test_what_is_sent_at_once_waits_for_the_connection_to_be_set_up() -> None:
    accepted, one_way = 10.0, 0.25
    connected = accepted + 2 * one_way
    assert arrival(accepted, connected=connected, one_way=one_way) == accepted + 3 * one_way


def test_what_is_sent_later_waits_one_way() -> None:
    assert arrival(20.0, connected=10.5, one_way=0.25) == 20.25


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send everything back, but only once the client has ended."""
    writer.write(await reader.read(-1))
    await writer.drain()
    writer.close()


async def _through_the_proxy(sent: bytes) -> bytes:
    target = await asyncio.start_server(_echo, "127.0.0.1", 0)
    proxy = await DelayedServer("127.0.0.1", port_of(target), one_way=0.001).start()
    async with target, proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(proxy))
        writer.write(sent)
        writer.write_eof()
        received = await reader.read(-1)
        writer.close()
        await writer.wait_closed()
    return received


def test_every_byte_and_the_end_pass_in_both_directions() -> None:
    sent = bytes(range(256)) * 20_000
    assert asyncio.run(_through_the_proxy(sent)) == sent


async def _to_a_target_that_is_not_there() -> bytes:
    closed = await asyncio.start_server(_echo, "127.0.0.1", 0)
    port = port_of(closed)
    closed.close()
    await closed.wait_closed()
    proxy = await DelayedServer("127.0.0.1", port, one_way=0.001).start()
    async with proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(proxy))
        try:
            return await reader.read(-1)
        except ConnectionError:
            return b"reset"
        finally:
            writer.close()


def test_a_target_that_is_not_there_closes_the_connection() -> None:
    assert asyncio.run(_to_a_target_that_is_not_there()) in {b"", b"reset"}
