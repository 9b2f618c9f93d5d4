"""Daemons that refuse, break off, fall silent or never end: each ends in one clear error."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from regcopy.api import Access, copy
from regcopy.errors import (
    Cancelled,
    ConnectionFailed,
    LimitExceeded,
    NotFound,
    Refused,
    RegcopyError,
    ServerFault,
    TimedOut,
    TlsFailed,
    TransportUnavailable,
)
from regcopy.testing.samples import single_image, write_dir
from regcopy.transports.base import Clocks, SideOptions
from tests.fake_daemon import FakeDaemon
from tests.played_server import PlayedServer, Talk, answer, says, says_and_waits

SHORT = Clocks(connect_seconds=0.3, stall_seconds=0.3)
VERSION = says(answer(200, b'{"ApiVersion":"1.41"}'))
SHOWN = says(answer(200, b"{}"))


def access(host: str) -> Access:
    return Access(options=SideOptions(daemon_host=host), clocks=SHORT)


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., None]:
    """Copy an image into a daemon."""

    def run(host: str, *, layers: int = 3, layer_bytes: int = 2000) -> None:
        image = single_image(family="v2s2", layers=layers, layer_bytes=layer_bytes)
        write_dir(image, tmp_path / "image")
        copy(f"dir:{tmp_path}/image", "docker-daemon:app:1", destination_access=access(host))

    return run


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], None]:
    """Copy an image out of a daemon."""

    def run(host: str) -> None:
        copy("docker-daemon:app:1", f"dir:{tmp_path}/out", source_access=access(host))
        raise AssertionError("that should have failed")

    return run


def test_an_error_within_a_200_is_an_error(daemon: FakeDaemon, load: Callable[..., None]) -> None:
    daemon.load_answer = (200, b'{"stream":"x"}\r\n{"errorDetail":{"message":"disk full"}}\r\n')
    with pytest.raises(Refused, match='docker engine reported: "disk full"'):
        load(daemon.address)


def test_an_error_with_a_status_is_told_in_the_daemons_words(
    daemon: FakeDaemon, load: Callable[..., None]
) -> None:
    daemon.load_answer = (500, b'{"message":"no space left on device"}')
    with pytest.raises(ServerFault, match="no space left on device"):
        load(daemon.address)


def test_a_daemon_that_answers_early_is_heard(
    daemon: FakeDaemon, load: Callable[..., None]
) -> None:
    daemon.load_answer = (403, b'{"message":"not by you"}')
    daemon.answers_after = 3_000_000
    with pytest.raises(RegcopyError, match="not by you"):
        load(daemon.address, layer_bytes=5_000_000)


def test_a_daemon_that_hangs_up_early_is_named(load: Callable[..., None]) -> None:
    def hangs_up(talk: Talk) -> None:
        talk.hear()
        talk.hear_body(100_000)

    with (
        PlayedServer(VERSION, hangs_up) as server,
        pytest.raises(ConnectionFailed, match=r"the daemon hung up|images/load"),
    ):
        load(f"http://{server.host}", layer_bytes=5_000_000)


def test_an_image_that_is_not_there_afterwards_is_an_error(
    daemon: FakeDaemon, load: Callable[..., None]
) -> None:
    daemon.forgets = True
    with pytest.raises(Refused, match="the daemon took the image, and does not have app:1"):
        load(daemon.address)


def test_another_image_under_the_name_afterwards_is_an_error(
    daemon: FakeDaemon, load: Callable[..., None], tmp_path: Path
) -> None:
    load(daemon.address)
    daemon.forgets = True
    with pytest.raises(Refused, match="has another one as app:1"):
        load(daemon.address, layers=2)


def test_a_source_that_breaks_leaves_nothing_in_the_daemon(
    daemon: FakeDaemon, tmp_path: Path
) -> None:
    image = single_image(family="v2s2")
    write_dir(image, tmp_path / "image")
    last = next(reversed(list(image.blobs)[:-1]))
    (tmp_path / "image" / last.hex).unlink()
    with pytest.raises(NotFound):
        copy(
            f"dir:{tmp_path}/image",
            "docker-daemon:app:1",
            destination_access=access(daemon.address),
        )
    assert daemon.images == {}


def test_no_socket_names_what_to_do(load: Callable[..., None], tmp_path: Path) -> None:
    with pytest.raises(TransportUnavailable, match="Is the docker daemon running") as caught:
        load(f"unix://{tmp_path}/none.sock")
    assert "DOCKER_HOST" in caught.value.hint
    assert "--dest-daemon-host" in caught.value.hint


def test_nobody_at_a_port_is_a_failed_connection(read: Callable[[str], None]) -> None:
    with PlayedServer(VERSION) as server:
        host = server.host
    with pytest.raises(ConnectionFailed, match="Cannot connect to the Docker daemon"):
        read(f"http://{host}")


def test_plain_http_behind_tcp_is_told(read: Callable[[str], None]) -> None:
    with PlayedServer(VERSION) as server, pytest.raises(TlsFailed, match="TLS failed"):
        read(f"tcp://{server.host}")


def test_silence_ends(read: Callable[[str], None]) -> None:
    with (
        PlayedServer(says_and_waits(b"HTTP/1.1 200 OK\r\n")) as server,
        pytest.raises(TimedOut, match=r"did nothing for 0.3 s"),
    ):
        read(f"http://{server.host}")


def test_silence_within_an_archive_ends(read: Callable[[str], None]) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    with (
        PlayedServer(VERSION, SHOWN, says_and_waits(head + b"x" * 100)) as server,
        pytest.raises(TimedOut, match="images/get"),
    ):
        read(f"http://{server.host}")


def test_an_archive_that_breaks_off_is_an_error(
    daemon: FakeDaemon, load: Callable[..., None], read: Callable[[str], None]
) -> None:
    load(daemon.address)
    daemon.export_bytes = 20_000
    with pytest.raises(ConnectionFailed, match="broke off"):
        read(daemon.address)


@pytest.mark.parametrize(
    "endless", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000]
)
def test_heads_that_never_end_have_a_limit(read: Callable[[str], None], endless: bytes) -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.say_while_heard(endless)

    with PlayedServer(script) as server, pytest.raises((LimitExceeded, ConnectionFailed)):
        read(f"http://{server.host}")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"ApiVersion":1}', b"x" * 1000])
def test_a_version_that_is_none_is_refused(read: Callable[[str], None], body: bytes) -> None:
    with (
        PlayedServer(says(answer(200, body))) as server,
        pytest.raises(RegcopyError, match="/version"),
    ):
        read(f"http://{server.host}")


def test_what_is_no_http_is_told(read: Callable[[str], None]) -> None:
    with (
        PlayedServer(says(b"SSH-2.0-OpenSSH\r\n")) as server,
        pytest.raises(ConnectionFailed, match="no answer in HTTP"),
    ):
        read(f"http://{server.host}")


def test_a_daemon_that_ends_before_it_answers_is_told(read: Callable[[str], None]) -> None:
    with (
        PlayedServer(says(b"")) as server,
        pytest.raises(ConnectionFailed, match="hung up without an answer"),
    ):
        read(f"http://{server.host}")


def test_a_wait_for_the_daemon_can_be_cancelled(tmp_path: Path) -> None:
    cancelled = threading.Event()

    def script(talk: Talk) -> None:
        talk.hear()
        cancelled.set()
        talk.wait_for_the_end()

    with PlayedServer(script) as server, pytest.raises(Cancelled):
        copy(
            "docker-daemon:app:1",
            f"dir:{tmp_path}/out",
            source_access=Access(options=SideOptions(daemon_host=f"http://{server.host}")),
            cancelled=cancelled,
        )
