"""Writing into a store: what podman is told, and what happens where it fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from regcopy.api import copy
from regcopy.config.environment import Environment
from regcopy.errors import Refused, TransportUnavailable
from regcopy.testing.samples import single_image, write_dir
from tests.stores import HandStore

IMAGE = single_image()
ID = "a" * 64


class FakePodman:
    """A script in podman's place, which keeps what it was told."""

    def __init__(self, folder: Path) -> None:
        self.store = HandStore(folder / "store")
        self._folder = folder
        (folder / "bin").mkdir()
        (folder / "tmp").mkdir()
        write_dir(IMAGE, folder / "image")

    def write(self, pull: str, tag: str = "true") -> None:
        path = self._folder / "bin" / "podman"
        path.write_text(
            f'#!/bin/sh\necho "$@" >> {self._folder}/told\n'
            f'case "$*" in *" pull "*) {pull};; *) {tag};; esac\n'
        )
        path.chmod(0o755)

    @property
    def told(self) -> list[str]:
        return (self._folder / "told").read_text().splitlines()

    def copy(self, options: str = "+/run/x:a=b,c=d") -> None:
        copy(
            f"dir:{self._folder}/image",
            f"containers-storage:[vfs@{self.store.root}{options}]localhost/app:1",
            environment=Environment(
                {
                    "PATH": f"{self._folder}/bin:{os.environ['PATH']}",
                    "TMPDIR": str(self._folder / "tmp"),
                }
            ),
        )

    @property
    def left_over(self) -> list[str]:
        return os.listdir(self._folder / "tmp")


@pytest.fixture
def podman(tmp_path: Path) -> FakePodman:
    """A podman that can be made to fail."""
    return FakePodman(tmp_path)


def test_podman_is_told_the_store(podman: FakePodman) -> None:
    podman.write(f"echo {ID}")
    podman.store.add(IMAGE, "localhost/app:1")
    podman.store.images[0]["names"] = []
    podman.store.save()
    with pytest.raises(Refused, match="the store does not have it"):
        podman.copy()

    options = f"--storage-driver=vfs --root={podman.store.root} --runroot=/run/x"
    options += " --storage-opt=a=b --storage-opt=c=d"
    assert podman.told == [
        f"{options} pull --quiet --signature-policy=policy.json dir:image",
        f"{options} tag {ID} localhost/app:1",
    ]


def test_podman_finds_the_image_as_a_folder(podman: FakePodman, tmp_path: Path) -> None:
    podman.write(f"cp -r image {tmp_path}/kept; echo {ID}")
    with pytest.raises(Refused):
        podman.copy()

    kept = {path.name: path.read_bytes() for path in (tmp_path / "kept").iterdir()}
    sent = {path.name: path.read_bytes() for path in (tmp_path / "image").iterdir()}
    assert kept == sent


def test_another_image_under_the_name_afterwards_is_an_error(podman: FakePodman) -> None:
    podman.write(f"echo {ID}")
    podman.store.add(single_image(seed="other"), "localhost/app:1")
    with pytest.raises(Refused, match="the store has sha256:"):
        podman.copy()


def test_what_podman_complains_of_is_the_error(podman: FakePodman) -> None:
    podman.write("echo 'Error: no space left on device' >&2; exit 125")
    with pytest.raises(Refused, match="podman: no space left on device"):
        podman.copy()
    assert podman.left_over == []


def test_an_image_without_an_id_is_not_named(podman: FakePodman) -> None:
    podman.write("echo done")
    with pytest.raises(Refused, match="did not say as what"):
        podman.copy()
    assert len(podman.told) == 1


def test_a_name_that_podman_refuses_is_an_error(podman: FakePodman) -> None:
    podman.write(f"echo {ID}", "echo 'Error: no such image' >&2; exit 125")
    with pytest.raises(Refused, match="podman: no such image"):
        podman.copy()


def test_without_podman_the_error_says_what_to_do(tmp_path: Path) -> None:
    write_dir(IMAGE, tmp_path / "image")
    with pytest.raises(TransportUnavailable, match="needs the program podman") as caught:
        copy(
            f"dir:{tmp_path}/image",
            f"containers-storage:[vfs@{tmp_path}/store]app:1",
            environment=Environment({"PATH": str(tmp_path)}),
        )
    assert "apt-get install podman" in caught.value.hint
