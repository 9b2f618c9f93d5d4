"""The server as a thing that is started and stopped."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from regcopy.errors import ConfigurationError, UsageError
from regcopy.serving import RegistryServer, ServedRequest, parse_listen
from tests.registry_tools import ask
from tests.served import serving


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("127.0.0.1:5000", ("127.0.0.1", 5000)),
        ("localhost:0", ("localhost", 0)),
        (":5000", ("127.0.0.1", 5000)),
        ("[::1]:5000", ("::1", 5000)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
    ],
)
def test_an_address_is_host_and_port(text: str, parsed: tuple[str, int]) -> None:
    assert parse_listen(text) == parsed


@pytest.mark.parametrize(
    "text", ["", "5000", "x", "x:", "x:y", "x:70000", "::1:5000", "x:-1", "x:²"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not host:port"):
        parse_listen(text)


def test_a_free_port_is_found_and_told(tmp_path: Path) -> None:
    with RegistryServer(tmp_path) as server:
        host, _, port = server.address.partition(":")

        assert (host, int(port) > 0, server.is_loopback) == ("127.0.0.1", True, True)
        assert ask("GET", f"http://{server.address}/v2/").status == 200


def test_an_address_for_everybody_is_not_loopback(tmp_path: Path) -> None:
    with RegistryServer(tmp_path, host="0.0.0.0") as server:
        assert not server.is_loopback


def test_ipv6_is_written_in_brackets(tmp_path: Path) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with RegistryServer(tmp_path, host="::1") as server:
        assert server.address.startswith("[::1]:")
        assert ask("GET", f"http://{server.address}/v2/").status == 200


def test_an_address_that_is_taken_is_one_clear_error(tmp_path: Path) -> None:
    with RegistryServer(tmp_path / "a") as server:
        port = int(server.address.rpartition(":")[2])

        with (
            pytest.raises(ConfigurationError, match=f"127.0.0.1, port {port}: Address already"),
            RegistryServer(tmp_path / "b", port=port),
        ):
            pass


def test_a_host_that_does_not_exist_is_one_clear_error(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigurationError, match="listening on 256"),
        RegistryServer(tmp_path, host="256.0.0.1"),
    ):
        pass


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    stop = threading.Event()
    server = RegistryServer(tmp_path)
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(stop,))
        thread.start()
        address = server.address
        assert ask("GET", f"http://{address}/v2/").status == 200

        stop.set()
        thread.join(20)

    with pytest.raises(OSError):
        ask("GET", f"http://{address}/v2/")


def test_it_can_be_started_by_serving(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()

    RegistryServer(tmp_path).serve_forever(stop)

    assert (tmp_path / "oci-layout").exists()


def test_a_client_in_the_middle_of_something_does_not_keep_it(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        location = served.begin("app")
        host, _, port = served.address.rpartition(":")
        connection = socket.create_connection((host, int(port)), timeout=20)
        head = f"PATCH {location} HTTP/1.1\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")

    with connection:
        assert connection.recv(100) == b""


def test_stopping_leaves_no_thread_and_no_open_file(tmp_path: Path) -> None:
    before = threading.active_count(), len(os.listdir("/proc/self/fd"))

    with serving(tmp_path) as served:
        served.tools.push_blob(b"content", "app")

    assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == before


def test_it_tells_what_it_answered(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        digest = served.tools.push_blob(b"content", "app")
        served.tools.get_blob("app", digest)

    put, get = served.requests[1:]
    assert (put.method, put.status, put.received, put.sent) == ("PUT", 201, 7, 0)
    assert get == ServedRequest("GET", f"/v2/app/blobs/{digest}", 200, 0, 7)


def test_its_module_is_light() -> None:
    import subprocess
    import sys

    heavy = "{'http.client', 'socketserver', 'tempfile', 'requests'}"
    code = f"import sys, regcopy.serving; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert done.stdout == "set()\n"
