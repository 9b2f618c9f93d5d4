"""The image proxy: skopeo's and ours give one client the same answers and the same bytes.

Debian's skopeo speaks 0.2.3; what came later has its tests in tests/unit/proxy.
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
from tests.served import serving

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


def test_an_image_of_a_registry_is_the_same(tmp_path: Path) -> None:
    index = multi_platform_image(family="v2s2")
    contents = []
    with serving(tmp_path / "registry") as served:
        served.tools.push(index, "team/app", "1")
        for command in (skopeo_command(), regcopy_command()):
            with started([*command, "--tls-verify=false"], tmp_path) as (client, _):
                number = client.open(f"docker://{served.address}/team/app:1")
                manifest = client.fetch("GetManifest", number)
                (layer, *_) = json.loads(manifest.content)["layers"]
                blob = client.fetch("GetBlob", number, layer["digest"], layer["size"])
                gone = client.call("OpenImage", f"docker://{served.address}/team/app:2")
                contents.append((manifest.value, manifest.content, blob.content, gone.success))
    assert contents[0] == contents[1]


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
    theirs, ours = (
        [client.call(str(call[0]), *call[1:]).success for call in calls] for client in both
    )
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
