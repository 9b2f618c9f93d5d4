"""Each wished-for difference is one: where it is gone, it goes from the list."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from regcopy.cli.command import find_command
from regcopy.testing.samples import single_image, write_dir
from tests.command_line import Ended, run_cli
from tests.compat.difference import Difference, World
from tests.compat.differences import DIFFERENCES
from tests.compat.homes import Homes
from tests.compat.programs import regcopy_says, skopeo_says, words, write_images
from tests.compat.registries import World as Registries
from tests.compat.registries import lines_of, told
from tests.servers import Registry
from tests.signing import GpgHome
from tests.trust_programs import skopeo_with

NAME: Final = "registry.example.com/team/app:1"
Says = Callable[[Difference], tuple[object, object]]
"""What skopeo and regcopy make of a line, in a form that can be compared."""


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Says:
    """Images in the current folder, which both programs share."""
    write_images(tmp_path)
    monkeypatch.chdir(tmp_path)
    # An image in a layout is gone after `delete`: skopeo, which refuses it, comes first.
    return lambda one: (skopeo_says(one.line), regcopy_says(one.line))


@pytest.fixture
def registries(world: Registries) -> Says:
    """Two registries; each program has a repository and a folder of its own."""

    def says(one: Difference) -> tuple[object, object]:
        said = []
        for who, run in (("theirs", world.skopeo), ("ours", world.regcopy)):
            for name, text in one.files.items():
                Path(name).write_text(world.filled(text, who))
            for line in one.before:
                assert run(line).code == 0
            ended = run(one.line)
            there = world.files(who), world.manifests(who, ["app:1", "app:2"])
            said.append((ended.code, lines_of(ended), told(ended, who), there))
        return said[0], said[1]

    return says


@pytest.fixture
def logins(tmp_path: Path, basic_registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Says:
    """Two homes, and a registry that wants a password."""
    monkeypatch.setattr(sys, "stdin", None)
    homes = Homes(tmp_path, basic_registry.host)

    def says(one: Difference) -> tuple[object, object]:
        for home in (homes.theirs, homes.ours):
            write_files(home, {n: t.replace("{host}", homes.host) for n, t in one.files.items()})
        theirs, ours = homes.run(shlex.split(one.line))
        return (
            (comparable(theirs), homes.files(homes.theirs)),
            (comparable(ours), homes.files(homes.ours)),
        )

    return says


def write_files(home: Path, files: Mapping[str, str]) -> None:
    """Write files below a home; `-> x` is a link to the file x there."""
    for name, text in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            path.symlink_to(home / text.removeprefix("-> "))
        else:
            path.write_text(text)


def comparable(ended: Ended) -> tuple[int, str, list[tuple[str, str]]]:
    """Leave out the time."""
    return ended.code, ended.out, [(line.level, line.message) for line in ended.log]


@pytest.fixture(scope="module")
def gpg() -> Iterator[GpgHome]:
    """A keyring with a key that signs."""
    with GpgHome() as made:
        made.make_key("good")
        yield made


@pytest.fixture
def keys(tmp_path: Path, gpg: GpgHome, monkeypatch: pytest.MonkeyPatch) -> Says:
    """A signed image in the current folder."""
    monkeypatch.chdir(tmp_path)
    write_dir(single_image(), tmp_path / "image")
    named = {"KEY": gpg.fingerprint("good"), "NOBODY": "0" * 40, "NAME": NAME}
    sign = ("standalone-sign", "image/manifest.json", NAME, named["KEY"], "-o", "image/signature-1")
    assert skopeo_with(gpg.variables, *sign).code == 0

    def filled(line: str, who: str) -> list[str]:
        found = words(line, who)
        for name, value in named.items():
            found = [word.replace(name, value) for word in found]
        return found

    def says(one: Difference) -> tuple[object, object]:
        theirs = skopeo_with(gpg.variables, *filled(one.line, "theirs"))
        ours = run_cli(*filled(one.line, "ours"), program="skopeo", variables=gpg.variables)
        return (
            (comparable(theirs), Path("theirs").exists()),
            (comparable(ours), Path("ours").exists()),
        )

    return says


WORLDS: Final[tuple[World, ...]] = ("images", "registries", "logins", "keys")


@pytest.mark.parametrize(
    "difference", DIFFERENCES, ids=[f"{n}-{one.line}" for n, one in enumerate(DIFFERENCES)]
)
def test_a_listed_difference_is_there_and_has_a_reason(
    difference: Difference, request: pytest.FixtureRequest
) -> None:
    says: Says = request.getfixturevalue(difference.world)
    theirs, ours = says(difference)
    assert theirs != ours
    assert difference.reason
    assert difference.command == "help" or find_command(difference.command)


def test_every_world_has_differences() -> None:
    assert {one.world for one in DIFFERENCES} == set(WORLDS)
