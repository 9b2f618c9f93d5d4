"""The image proxy, in this process: what newer versions of its protocol have, and what breaks."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from regcopy.config.environment import Environment
from regcopy.errors import ServerFault
from regcopy.model.descriptor import Descriptor
from regcopy.model.manifest import ImageManifest, parse_manifest
from regcopy.proxy import ImageProxy, serve
from regcopy.proxy.channel import connection_of
from regcopy.proxy.protocol import failure
from regcopy.session import Access, Session
from regcopy.testing.samples import (
    FOUR_PLATFORMS,
    SampleImage,
    multi_platform_image,
    single_image,
    write_layout,
)
from regcopy.transports.base import SideOptions
from regcopy.trust.options import TrustOptions
from tests.command_line import run_cli
from tests.proxy_client import ProxyClient, read_to_end
from tests.served import serving

LARGE = single_image(layers=1, layer_bytes=3_000_000, seed="large")


@contextmanager
def client_of(
    *, trust: TrustOptions | None = None, tls_verify: bool | None = None
) -> Iterator[ProxyClient]:
    """A client, and a proxy in a thread."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(30)
    access = Access(options=SideOptions(tls_verify=tls_verify))
    with Session(environment=Environment({}), trust=trust) as session, ours, theirs:
        proxy = ImageProxy(session, access, FOUR_PLATFORMS[0])
        thread = threading.Thread(target=serve, args=(theirs, proxy))
        thread.start()
        try:
            yield ProxyClient(ours)
        finally:
            ours.shutdown(socket.SHUT_RDWR)
            thread.join(30)
            proxy.close()


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProxyClient]:
    """A client in a folder with `oci:one:t`, `oci:four:t` and `oci:large:t`."""
    write_layout(single_image(), tmp_path / "one", "t")
    write_layout(multi_platform_image(), tmp_path / "four", "t")
    write_layout(LARGE, tmp_path / "large", "t")
    monkeypatch.chdir(tmp_path)
    with client_of() as made:
        yield made


def layer_of(image: SampleImage) -> Descriptor:
    parsed = parse_manifest(image.top)
    assert isinstance(parsed, ImageManifest)
    return parsed.layers[0]


def test_the_version_is_the_one_with_raw_blobs(client: ProxyClient) -> None:
    assert client.call("Initialize").value == "0.2.8"


def test_an_image_that_is_not_there_may_be_asked_for(client: ProxyClient) -> None:
    assert client.call("Initialize").success
    assert client.call("OpenImageOptional", "oci:gone:t").value == 0
    assert client.call("OpenImageOptional", "oci:one:t").value == 1
    assert not client.call("OpenImageOptional", "bogus").success


@pytest.mark.parametrize("image", ["oci:one:t", "oci:four:t"])
def test_layers_are_told_inline_and_through_a_pipe(client: ProxyClient, image: str) -> None:
    number = client.open(image)
    inline = client.call("GetLayerInfo", number).value
    assert json.loads(client.fetch("GetLayerInfoPiped", number).content) == inline
    assert isinstance(inline, list)
    assert [set(layer) for layer in inline] == [{"digest", "size", "media_type"}] * 3


def test_a_raw_blob_comes_with_a_second_pipe_that_stays_empty(client: ProxyClient) -> None:
    layer = layer_of(LARGE)
    replied = client.call("GetRawBlob", client.open("oci:large:t"), str(layer.digest))
    data, errors = replied.files
    assert read_to_end(data) == LARGE.blobs[layer.digest]
    assert read_to_end(errors) == b""
    assert (replied.value, replied.pipe) == (layer.size, 0)


def damage(blob: Descriptor) -> None:
    path = Path("large", "blobs", "sha256", blob.digest.hex)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_a_raw_blob_is_verified_all_the_same(client: ProxyClient) -> None:
    layer = layer_of(LARGE)
    damage(layer)
    data, errors = client.call("GetRawBlob", client.open("oci:large:t"), str(layer.digest)).files
    assert len(read_to_end(data)) < layer.size
    told = json.loads(read_to_end(errors))
    assert told["code"] == "other"
    assert "expected digest" in told["message"]


def test_finishing_the_pipe_tells_that_the_blob_was_damaged(client: ProxyClient) -> None:
    layer = layer_of(LARGE)
    damage(layer)
    number = client.open("oci:large:t")
    piped = client.fetch("GetBlob", number, str(layer.digest), layer.size)
    assert len(piped.content) < layer.size
    assert not piped.finished.success
    assert "expected digest" in piped.finished.error


def test_a_client_that_reads_no_more_gets_a_code_of_its_own(client: ProxyClient) -> None:
    layer = layer_of(LARGE)
    replied = client.call("GetBlob", client.open("oci:large:t"), str(layer.digest), layer.size)
    os.close(replied.files[0])
    finished = client.call("FinishPipe", replied.pipe)
    assert (finished.success, finished.code) == (False, "EPIPE")


def test_a_fault_that_may_pass_is_told_as_such() -> None:
    assert json.loads(failure(ServerFault("502")))["error_code"] == "retryable"


def test_a_bug_is_told_without_its_text() -> None:
    assert json.loads(failure(RuntimeError("secret")))["error"] == "unexpected RuntimeError"


def test_several_pipes_may_be_open_at_once(client: ProxyClient) -> None:
    number = client.open("oci:large:t")
    first, second = client.call("GetManifest", number), client.call("GetFullConfig", number)
    assert first.pipe != second.pipe
    content, finished = client.finish(second.files[0], second.pipe)
    assert (b"rootfs" in content, finished.success) == (True, True)
    content, finished = client.finish(first.files[0], first.pipe)
    assert (content, finished.success) == (LARGE.top.content, True)


def test_only_blobs_of_the_image_can_be_had(client: ProxyClient) -> None:
    other = layer_of(LARGE)
    number = client.open("oci:one:t")
    assert not client.call("GetBlob", number, str(other.digest), other.size).success
    assert not client.call("GetRawBlob", number, str(other.digest)).success


@pytest.mark.parametrize("number", [0, 2, -1, 1.5, True, None, "1", 2**60, [], {}])
def test_what_is_no_open_image_is_refused(client: ProxyClient, number: object) -> None:
    client.open("oci:one:t")
    assert not client.call("GetManifest", number).success


def test_the_trust_policy_is_asked_about_the_image(client: ProxyClient, tmp_path: Path) -> None:
    del client
    policy = tmp_path / "policy.json"
    policy.write_text('{"default": [{"type": "reject"}]}')
    with client_of(trust=TrustOptions(policy_file=str(policy))) as careful:
        assert careful.call("Initialize").success
        refused = careful.call("OpenImage", "oci:one:t")
    assert not refused.success
    assert "rejected by policy" in refused.error


def test_an_answer_that_is_too_long_for_a_packet_is_an_error(
    client: ProxyClient, tmp_path: Path
) -> None:
    write_layout(single_image(layers=300, layer_bytes=1), tmp_path / "tall", "t")
    number = client.open("oci:tall:t")
    refused = client.call("GetLayerInfo", number)
    assert "use GetLayerInfoPiped" in refused.error
    assert len(json.loads(client.fetch("GetLayerInfoPiped", number).content)) == 300


def test_a_packet_that_is_too_long_is_refused(client: ProxyClient) -> None:
    assert not client.send(b'{"method":"Initialize","args":[]}'.ljust(40_000)).success
    assert client.call("Initialize").success


def test_a_stream_socket_is_no_place_for_packets() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ended = run_cli("experimental-image-proxy", f"--sockfd={theirs.fileno()}")
        assert (ended.code, "another kind of socket" in ended.fatal) == (1, True)
        assert theirs.getsockname() == ""


def test_a_descriptor_that_is_closed_is_told() -> None:
    with pytest.raises(ValueError, match="file descriptor 99999: Bad file descriptor"):
        connection_of(99999)


def test_the_registry_may_say_that_there_is_no_image(client: ProxyClient, tmp_path: Path) -> None:
    del client
    with serving(tmp_path / "registry") as served, client_of(tls_verify=False) as asking:
        assert asking.call("Initialize").success
        gone = asking.call("OpenImageOptional", f"docker://{served.address}/team/app:1")
    assert (gone.success, gone.value) == (True, 0)
