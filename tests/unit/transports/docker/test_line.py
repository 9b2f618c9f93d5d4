"""The clock against slowness, and the handle by which a connection is ended."""

from __future__ import annotations

import socket

import pytest

from regcopy.errors import ConnectionFailed, Stalled
from regcopy.transports.base import Clocks
from regcopy.transports.docker.line import Line, Lines, Pace, dial

SLOWEST = Clocks(slow_window_seconds=60.0, slow_rate_bytes=1000)


def test_a_rate_below_the_slowest_ends_after_the_window() -> None:
    pace = Pace(SLOWEST, "received")
    pace.count(59.0, 100)

    with pytest.raises(Stalled, match="only 101 bytes were received in 60 s"):
        pace.count(1.0, 1)


def test_each_window_is_counted_anew() -> None:
    pace = Pace(SLOWEST, "received")
    pace.count(60.0, 1_000_000)

    with pytest.raises(Stalled):
        pace.count(60.0, 59_999)


def test_only_waiting_counts() -> None:
    """A caller that takes an hour between two reads has a fast connection all the same."""
    pace = Pace(SLOWEST, "received")

    for _ in range(3600):
        pace.count(0.001, 10)


def test_a_line_that_is_shut_down_wakes_its_reader() -> None:
    ours, theirs = socket.socketpair()
    lines = Lines()
    line = Line(ours, lines)
    with ours, theirs:
        lines.shut_down()

        assert ours.recv(1) == b""
        line.release()


def test_a_line_is_open_as_long_as_it_has_a_holder() -> None:
    ours, theirs = socket.socketpair()
    lines = Lines()
    line = Line(ours, lines)
    second = line.share()
    with ours, theirs:
        line.release()
        lines.shut_down()

        assert theirs.recv(1) == b""
        second.release()
        lines.shut_down()  # nothing is left to shut down


@pytest.mark.parametrize(
    ("family", "protocol"),
    [
        pytest.param(socket.AF_INET6, 6, id="nobody answers there"),
        pytest.param(socket.AF_DECnet, 0, id="a family that this machine lacks"),
    ],
)
def test_the_next_address_is_tried(
    monkeypatch: pytest.MonkeyPatch, family: int, protocol: int
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = [
            (family, socket.SOCK_STREAM, protocol, "", ("::1", port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

        sock, line = dial("registry.example", port, 5.0, Lines())

        assert sock.getpeername() == ("127.0.0.1", port)
        line.release()
        sock.close()


def test_a_name_that_no_resolver_takes_is_an_error_like_others() -> None:
    with pytest.raises(ConnectionFailed, match="no such host"):
        dial("a" * 64 + ".example", 443, 5.0, Lines())
