"""Many clients at once, other writers beside them, and a sudden end."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from regcopy.model.digest import Digest
from regcopy.streams.files import Folder, write_file
from regcopy.streams.locks import locked
from regcopy.testing.samples import multi_platform_image, single_image
from regcopy.transports.oci.layout import Layout, read_index
from tests.served import Served, serving

_SERVER = """
import signal, sys, threading
from regcopy.serving import RegistryServer
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
with RegistryServer(sys.argv[1]) as server:
    print(server.address, flush=True)
    server.serve_forever(stop)
"""


@dataclass(frozen=True, slots=True)
class Process:
    """A server in a process of its own."""

    served: Served
    process: subprocess.Popen[str]

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.process.wait(20)

    def peak_bytes(self) -> int:
        """Most memory that it has had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024


@contextmanager
def process(root: Path) -> Iterator[Process]:
    command = [sys.executable, "-c", _SERVER, str(root)]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as started:
        try:
            assert started.stdout is not None
            yield Process(Served(started.stdout.readline().strip(), root), started)
        finally:
            started.kill()


def test_sixteen_clients_lose_no_tag(tmp_path: Path) -> None:
    images = {f"{n}": single_image(layers=1, seed=f"{n % 5}") for n in range(48)}
    with serving(tmp_path) as served, ThreadPoolExecutor(16) as clients:
        list(clients.map(lambda tag: served.tools.push(images[tag], "team/app", tag), images))

        assert sorted(served.tools.tags("team/app")) == sorted(images)
        assert all(served.tools.holds(image, "team/app", tag) for tag, image in images.items())


def test_clients_that_push_one_index_at_once_all_succeed(tmp_path: Path) -> None:
    index = multi_platform_image(layers=1)
    with serving(tmp_path) as served, ThreadPoolExecutor(8) as clients:
        list(clients.map(lambda n: served.tools.push(index, "app", f"{n}"), range(8)))

        assert served.tools.holds(index, "app", "7")
        assert sorted(served.index_names()) == [f"app:{n}" for n in range(8)]


def test_another_writer_of_the_layout_and_the_server_lose_nothing_of_each_other(
    tmp_path: Path,
) -> None:
    image = single_image(layers=1)

    def write_beside(number: int) -> None:
        with Folder.open(str(tmp_path)) as root, locked(root):
            index = read_index(root).with_image(image.top.descriptor(), f"beside:{number}")
            write_file(root, "index.json", index.to_bytes())

    with serving(tmp_path) as served, ThreadPoolExecutor(4) as others:
        served.tools.push(image, "app", "first")
        pushes = [others.submit(served.tools.push, image, "app", f"{n}") for n in range(20)]
        writes = [others.submit(write_beside, n) for n in range(20)]
        for done in (*pushes, *writes):
            done.result(60)

        assert len(served.tools.tags("app")) == 21
        assert len(served.tools.tags("beside")) == 20


def test_two_servers_of_one_layout_show_the_same_images(tmp_path: Path) -> None:
    first, second = single_image(seed="1"), multi_platform_image(layers=1)
    with serving(tmp_path) as one, serving(tmp_path) as other:
        one.tools.push(first, "app", "1")
        other.tools.push(second, "app", "2")

        for served in (one, other):
            assert served.tools.holds(first, "app", "1")
            assert served.tools.holds(second, "app", "2")


def test_a_server_that_is_killed_keeps_all_that_it_has_acknowledged(tmp_path: Path) -> None:
    image = multi_platform_image(layers=1)
    acknowledged: list[str] = []

    def push_on(served: Served, client: int) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            for number in range(1000):
                served.tools.push(image, "app", f"{client}.{number}")
                acknowledged.append(f"{client}.{number}")

    with process(tmp_path) as server, ThreadPoolExecutor(4) as clients:
        for client in range(4):
            clients.submit(push_on, server.served, client)
        while len(acknowledged) < 12:
            server.served.tools.tags("app")
        server.end(signal.SIGKILL)

    with Layout(str(tmp_path)) as layout:
        names = set(read_index(layout.root).names())
        assert names >= {f"app:{tag}" for tag in acknowledged}
        needed = {*image.blobs, *(manifest.digest for manifest in image.manifests)}
        assert layout.needed(read_index(layout.root)) == needed
    with serving(tmp_path) as served:
        assert all(served.tools.holds(image, "app", tag) for tag in acknowledged)


def test_a_server_that_is_killed_in_the_middle_of_an_upload_leaves_a_readable_layout(
    tmp_path: Path,
) -> None:
    image = single_image()
    with process(tmp_path) as server:
        server.served.tools.push(image, "app", "1.0")
        server.served.follow("PATCH", server.served.begin("app"), b"half of a blob")
        server.end(signal.SIGKILL)
    assert len(list((tmp_path / "blobs").glob(".regcopy-*.tmp"))) == 1

    with serving(tmp_path) as served:
        assert served.tools.holds(image, "app", "1.0")
        assert list((tmp_path / "blobs").glob(".*")) == []


def test_sigterm_ends_it_and_its_uploads(tmp_path: Path) -> None:
    with process(tmp_path) as server:
        server.served.follow("PATCH", server.served.begin("app"), b"half of a blob")

        assert server.end(signal.SIGTERM) == 0

    assert list((tmp_path / "blobs").iterdir()) == []


def test_memory_does_not_grow_with_the_blobs(tmp_path: Path) -> None:
    large = bytes(96 * 1024 * 1024)
    with process(tmp_path) as server:
        tools = server.served.tools
        small = tools.push_blob(bytes(1024 * 1024), "app")
        tools.get_blob("app", small)
        before = server.peak_bytes()

        digest = tools.push_blob(large, "app")
        location = server.served.begin("app")
        server.served.follow("PATCH", location, large)
        server.served.follow("PUT", f"{location}?digest={Digest.of(large, 'sha512')}")

        assert tools.get_blob("app", digest) == large
        assert server.peak_bytes() < before + 8 * 1024 * 1024
