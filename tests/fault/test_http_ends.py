"""Calls that are ended from outside, and connections that never stand."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from regcopy.errors import (
    Cancelled,
    ConnectionFailed,
)
from regcopy.transports.docker.client import StreamBody
from tests.http_world import MANIFEST, Endless, client_of, get, put
from tests.played_server import PlayedServer, Talk, answer, says, says_and_waits


@pytest.fixture
def silent_server() -> Iterator[PlayedServer]:
    """Takes requests and says nothing."""
    with PlayedServer(says_and_waits(b"")) as server:
        yield server


def test_abort_ends_a_wait(silent_server: PlayedServer) -> None:
    cancelled = threading.Event()
    with client_of(silent_server.host, cancelled=cancelled) as client:

        def stop() -> None:
            while not silent_server.heard:
                pass
            cancelled.set()
            client.abort()

        stopper = threading.Thread(target=stop)
        stopper.start()
        with pytest.raises(Cancelled):
            client.send(get())
        stopper.join()


def test_abort_ends_an_upload() -> None:
    started = threading.Event()

    def script(talk: Talk) -> None:
        talk.hear()
        started.set()
        done.wait(20)

    done = threading.Event()
    cancelled = threading.Event()
    with PlayedServer(script) as server, client_of(server.host, cancelled=cancelled) as client:

        def stop() -> None:
            started.wait(20)
            cancelled.set()
            client.abort()

        stopper = threading.Thread(target=stop)
        stopper.start()
        try:
            with pytest.raises(Cancelled):
                client.send(put(StreamBody(Endless(), 1 << 40)))
        finally:
            done.set()
            stopper.join()


def test_a_client_can_be_used_after_abort() -> None:
    """One image of a batch may be stopped; the others use the same client."""
    with PlayedServer(says(answer(200, b"a"))) as server, client_of(server.host) as client:
        client.abort()

        assert client.send(get()).read_all(10, "it") == b"a"


def test_nothing_is_sent_after_the_run_was_cancelled(silent_server: PlayedServer) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with client_of(silent_server.host, cancelled=cancelled) as client, pytest.raises(Cancelled):
        client.send(get())

    assert silent_server.heard == []


def test_no_connection_names_host_and_path() -> None:
    with PlayedServer(says(b"")) as server:
        host = server.host
    with (
        client_of(host) as client,
        pytest.raises(ConnectionFailed, match=f"GET {host}{MANIFEST}: connection refused"),
    ):
        client.send(get(MANIFEST + "?secret=1"))


def test_a_name_that_does_not_resolve_says_so() -> None:
    with (
        client_of("registry.invalid") as client,
        pytest.raises(ConnectionFailed, match="name cannot be resolved"),
    ):
        client.send(get())
