"""Deleting images out of podman's own store."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from regcopy.api import copy, delete, get_manifest
from regcopy.copying.options import CopyOptions
from regcopy.errors import NotFound, Refused
from regcopy.testing.samples import single_image, write_dir
from tests.command_line import run_cli
from tests.engines import Podman


@pytest.fixture
def tag() -> str:
    """A name that no other test uses."""
    return f"localhost/{uuid.uuid4().hex}:1"


@pytest.fixture
def place(podman: Podman, tag: str, tmp_path: Path) -> str:
    """An image under two names."""
    write_dir(single_image(seed=tag), tmp_path / "image")
    name = f"containers-storage:{podman.store_spec}{tag}"
    copy(f"dir:{tmp_path}/image", name, options=CopyOptions(additional_tags=("more",)))
    return name


def test_an_image_goes_with_all_its_names(podman: Podman, place: str, tag: str) -> None:
    ended = run_cli("delete", place)
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    for name in (tag, tag.replace(":1", ":more")):
        with pytest.raises(NotFound):
            get_manifest(f"containers-storage:{podman.store_spec}{name}")
    assert tag not in podman.run("images", "--format={{.Repository}}:{{.Tag}}")


def test_an_image_that_is_not_there_is_told(podman: Podman) -> None:
    ended = run_cli("delete", f"containers-storage:{podman.store_spec}localhost/none:1")
    assert ended.code == 2
    assert "does not resolve to an image ID" in ended.fatal


def test_an_image_of_a_container_stays(podman: Podman, place: str, tag: str) -> None:
    container = podman.run("create", tag, "/file").strip()
    with pytest.raises(Refused, match=f"in use by 1 container.*{container[:12]}"):
        delete(place)
    assert get_manifest(place).size > 0
    assert container in podman.run("ps", "--all", "--quiet", "--no-trunc")
    podman.run("rm", container)
    delete(place)
    with pytest.raises(NotFound):
        get_manifest(place)
