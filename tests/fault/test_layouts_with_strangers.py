"""Pipes, sockets and folders in the places of a layout's files: nothing waits, nothing is lost."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from regcopy.testing.samples import single_image, write_layout
from tests.command_line import run_cli

IMAGE: Final = single_image()
BLOB: Final = f"blobs/sha256/{next(iter(IMAGE.blobs)).hex}"


def make_pipe(path: Path) -> None:
    """Make a named pipe that nobody writes to or reads from."""
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    """Make a socket that nobody listens on."""
    # The path of a socket has room for a hundred characters.
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(before)


def make_folder(path: Path) -> None:
    """Make a folder with something in it."""
    path.mkdir()
    (path / "kept").write_text("kept")


STRANGERS: Final = [make_pipe, make_socket, make_folder]
PLACES: Final = ["index.json", "oci-layout", BLOB]


@pytest.mark.parametrize("make", STRANGERS)
@pytest.mark.parametrize("place", [*PLACES, "blobs", "blobs/sha256"])
def test_a_copy_into_it_ends_in_one_line_or_with_the_image(
    tmp_path: Path, place: str, make: Callable[[Path], None]
) -> None:
    write_layout(IMAGE, tmp_path / "in", "1")
    stranger = tmp_path / "out" / place
    stranger.parent.mkdir(parents=True)
    make(stranger)
    ended = run_cli("copy", f"oci:{tmp_path}/in:1", f"oci:{tmp_path}/out:1")
    if ended.code == 0:
        assert run_cli("verify", "--deep", f"oci:{tmp_path}/out:1").code == 0
    else:
        assert (ended.code, len(ended.log)) == (1, 1)
        assert str(tmp_path / "out") in ended.fatal
    if make is make_folder:
        assert (stranger / "kept").read_text() == "kept"


@pytest.mark.parametrize("make", STRANGERS)
@pytest.mark.parametrize("place", ["index.json", BLOB])
def test_a_copy_out_of_it_ends_in_one_line(
    tmp_path: Path, place: str, make: Callable[[Path], None]
) -> None:
    write_layout(IMAGE, tmp_path / "in", "1")
    stranger = tmp_path / "in" / place
    stranger.unlink()
    make(stranger)
    ended = run_cli("copy", f"oci:{tmp_path}/in:1", f"dir:{tmp_path}/out")
    assert ended.code in (1, 2)
    assert len(ended.log) == 1
    assert place in ended.fatal
