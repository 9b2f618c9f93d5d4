"""The image proxy: skopeo's and ours give one client the same answers and the same bytes.

Debian's skopeo speaks 0.2.4; what came later has its tests in tests/unit/proxy.
"""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from regcopy.model.descriptor import Descriptor
from regcopy.model.manifest import ImageManifest, parse_manifest
from regcopy.testing.samples import (
    SampleImage,
    multi_platform_image,
    single_image,
    write_dir,
    write_layout,
)
from tests.proxy_client import ProxyClient, regcopy_command, skopeo_command, started

IMAGES: Final = ("oci:one:t", "oci:four:t", "dir:docker")
_ONE: Final = single_image()


@pytest.fixture
def both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[ProxyClient, ProxyClient]]:
    """Clients of skopeo and of regcopy, in a folder with images."""
    write_layout(_ONE, tmp_path / "one", "t")
    write_layout(multi_platform_image(), tmp_path / "four", "t")
    write_dir(single_image(family="v2s2"), tmp_path / "docker")
    monkeypatch.chdir(tmp_path)
    with started(skopeo_command(), tmp_path) as theirs, started(regcopy_command(), tmp_path) as us:
        yield theirs[0], us[0]


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("method", ["GetManifest", "GetFullConfig", "GetConfig"])
def test_manifest_and_config_are_the_same(
    both: tuple[ProxyClient, ProxyClient], image: str, method: str
) -> None:
    theirs, ours = (client.fetch(method, client.open(image)) for client in both)
    assert json.loads(ours.content) == json.loads(theirs.content)
    assert (ours.value, ours.finished.success) == (theirs.value, theirs.finished.success)


@pytest.mark.parametrize("image", IMAGES)
def test_the_manifest_has_the_same_bytes(both: tuple[ProxyClient, ProxyClient], image: str) -> None:
    theirs, ours = (client.fetch("GetManifest", client.open(image)) for client in both)
    assert ours.content == theirs.content


def test_a_blob_has_the_same_bytes(both: tuple[ProxyClient, ProxyClient]) -> None:
    layer = _layer(_ONE)
    theirs, ours = (
        client.fetch("GetBlob", client.open("oci:one:t"), str(layer.digest), layer.size)
        for client in both
    )
    assert ours.content == theirs.content == _ONE.blobs[layer.digest]
    assert (ours.value, ours.finished.success) == (theirs.value, theirs.finished.success)


def _layer(image: SampleImage) -> Descriptor:
    parsed = parse_manifest(image.top)
    assert isinstance(parsed, ImageManifest)
    return parsed.layers[0]


@pytest.mark.parametrize(
    "calls",
    [
        [("OpenImage", "oci:one:t")],
        [("Initialize", 1)],
        [("Initialize",), ("Initialize",)],
        [("Initialize",), ("OpenImage",)],
        [("Initialize",), ("OpenImage", 7)],
        [("Initialize",), ("OpenImage", "bogus")],
        [("Initialize",), ("OpenImage", "oci:gone:t")],
        [("Initialize",), ("OpenImage", "oci:one:t"), ("CloseImage", 1), ("CloseImage", 1)],
        [("Initialize",), ("GetManifest", 7)],
        [("Initialize",), ("GetManifest", "x")],
        [("Initialize",), ("GetBlob", 1)],
        [("Initialize",), ("OpenImage", "oci:one:t"), ("GetBlob", 1, "x", 1)],
        [("Initialize",), ("OpenImage", "oci:one:t"), ("GetBlob", 1, 2, 1)],
        [("Initialize",), ("FinishPipe", 99)],
        [("Bogus",)],
    ],
)
def test_what_cannot_be_done_fails_alike_and_the_client_may_go_on(
    both: tuple[ProxyClient, ProxyClient], calls: list[tuple[object, ...]]
) -> None:
    theirs, ours = ([client.call(*call).success for call in calls] for client in both)
    assert ours == theirs
    assert ours[-1] is False


@pytest.mark.parametrize("packet", [b"{", b"[]", b"x" * 100, b'{"method": 7}'])
def test_a_packet_that_is_no_request_is_refused(
    both: tuple[ProxyClient, ProxyClient], packet: bytes
) -> None:
    theirs, ours = (client.send(packet) for client in both)
    assert (ours.success, theirs.success) == (False, False)
    assert ours.error.startswith("invalid request: ")


@pytest.mark.parametrize("command", [skopeo_command, regcopy_command])
@pytest.mark.parametrize("how", ["Shutdown", "hang up"])
def test_the_end_is_an_end_in_order(
    tmp_path: Path, command: Callable[[], list[str]], how: str
) -> None:
    with started(command(), tmp_path) as (client, process):
        assert client.call("Initialize").success
        if how == "Shutdown":
            client.connection.sendall(b'{"method":"Shutdown","args":[]}')
        else:
            client.connection.shutdown(socket.SHUT_RDWR)
        assert process.wait(30) == 0


@pytest.mark.parametrize("arguments", [["x"], ["--sockfd", "99"], ["--sockfd", "x"], []])
def test_without_a_socket_there_is_the_same_exit_code(arguments: list[str]) -> None:
    codes = {
        subprocess.run(
            [*command(), *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False
        ).returncode
        for command in (skopeo_command, regcopy_command)
    }
    assert codes == {1}
