"""What happens on the wire below TLS."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import pytest
import trustme

from regcopy.errors import (
    Cancelled,
    ConnectionFailed,
    Refused,
)
from regcopy.transports.base import Clocks, SideOptions
from regcopy.transports.docker.client import StreamBody
from tests.http_world import MIB, Endless, client_of, get, put
from tests.played_server import Talk, answer
from tests.tls_world import INSECURE, secured


def test_an_early_answer_is_heard_through_tls(authority: trustme.CA) -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.hear_body(MIB)
        talk.say(answer(413, b"{}"))
        done.wait(20)

    done = threading.Event()
    with (
        secured(authority, script) as server,
        client_of(server.host, options=INSECURE) as client,
    ):
        with pytest.raises(Refused, match="413"):
            client.send(put(StreamBody(Endless(), 1 << 40)))
        done.set()


def test_session_tickets_are_no_answer(authority: trustme.CA) -> None:
    """TLS 1.3 sends them unasked, so the socket can be read while nothing was answered."""

    def script(talk: Talk) -> None:
        talk.hear()
        received.append(len(talk.hear_body(4 * MIB)))
        talk.say(answer(201))

    received: list[int] = []
    with (
        secured(authority, script) as server,
        client_of(server.host, options=INSECURE) as client,
    ):
        client.send(put(StreamBody(Endless(), 4 * MIB))).close()

    assert received == [4 * MIB]


def test_abort_ends_a_handshake() -> None:
    cancelled = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        with client_of(host, options=SideOptions(), cancelled=cancelled) as client:

            def stop() -> None:
                silent.accept()[0].close() if cancelled.is_set() else accepted.append(
                    silent.accept()[0]
                )
                cancelled.set()
                client.abort()

            accepted: list[socket.socket] = []
            stopper = threading.Thread(target=stop)
            stopper.start()
            with pytest.raises(Cancelled):
                client.send(get())
            stopper.join()
            accepted[0].close()


def test_a_plain_server_that_waits_for_a_line_gets_one() -> None:
    """Python's own does: a TLS greeting would leave it waiting, and us with it."""
    heard = b""

    def serve() -> None:
        nonlocal heard
        sock, _ = listener.accept()
        with sock, suppress(OSError):
            sock.settimeout(5)
            while b"\n" not in heard:
                heard += sock.recv(4096)
            sock.sendall(b"HTTP/1.0 400 Bad\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        clocks = Clocks(connect_seconds=2.0, stall_seconds=0.2)
        with (
            client_of(host, options=INSECURE, clocks=clocks) as client,
            pytest.raises(ConnectionFailed),
        ):
            client.send(get())
        thread.join()

    assert heard[:1] == b"\x16"
    assert b"\r\n\r\n" in heard
