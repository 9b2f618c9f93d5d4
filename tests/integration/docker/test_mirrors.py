"""registries.conf against real registries: whom regcopy and skopeo read from, and write to."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from regcopy.testing.samples import single_image
from tests.command_line import Ended, run_cli
from tests.programs import require_program
from tests.registry_tools import RegistryTools
from tests.servers import Registry

DOWN: Final = "127.0.0.1:1"


@dataclass(frozen=True)
class World:
    """A mirror, the place that it is a mirror of, and a file that says so."""

    home: Registry
    mirror: Registry
    repository: str
    folder: Path

    @property
    def name(self) -> str:
        """The image, by a name that no server has."""
        return "docker://registry.test/app:1"

    def write(self, *mirrors: str, keys: str = "insecure = true", prefix: str = "") -> Path:
        """Write registries.conf: `registry.test` lies at home, and has these mirrors."""
        text = f'[[registry]]\nprefix = "{prefix or "registry.test"}"\n'
        text += f'location = "{self.home.host}/{self.repository}/home"\n{keys}\n'
        for mirror in mirrors:
            text += f'[[registry.mirror]]\nlocation = "{mirror}"\ninsecure = true\n'
        path = self.folder / "registries.conf"
        path.write_text(text)
        return path

    @property
    def mirrored(self) -> str:
        """Where the mirror is."""
        return f"{self.mirror.host}/{self.repository}/mirror"

    def push(self, *, home: bool = False, mirror: bool = False) -> None:
        """Push the image `home` to home, and the image `mirror` to the mirror."""
        if home:
            tools = RegistryTools(self.home.url)
            tools.push(single_image(seed="home"), f"{self.repository}/home/app", "1")
        if mirror:
            tools = RegistryTools(self.mirror.url)
            tools.push(single_image(seed="mirror"), f"{self.repository}/mirror/app", "1")


@pytest.fixture
def world(registry: Registry, second_registry: Registry, repository: str, tmp_path: Path) -> World:
    """Two registries without the image."""
    return World(registry, second_registry, repository, tmp_path)


def regcopy(conf: Path, *arguments: str) -> Ended:
    return run_cli("--insecure-policy", "--registries-conf", str(conf), *arguments)


def skopeo(conf: Path, *arguments: str) -> Ended:
    # The variable CONTAINERS_REGISTRIES_CONF is newer than Debian's skopeo; the flag is not.
    done = subprocess.run(
        [require_program("skopeo"), "--insecure-policy", "--registries-conf", conf, *arguments],
        capture_output=True,
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(conf.parent)},
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def shown(conf: Path, name: str) -> tuple[str, str]:
    """Read an image with both programs: `home`, `mirror`, or "" where that fails."""
    manifests = {single_image(seed=seed).top.content.decode(): seed for seed in ("home", "mirror")}
    both = (run(conf, "inspect", "--raw", name) for run in (regcopy, skopeo))
    ours, theirs = (manifests[ended.out] if ended.code == 0 else "" for ended in both)
    return ours, theirs


@pytest.mark.parametrize(
    ("home", "mirror", "found"),
    [(True, True, "mirror"), (True, False, "home"), (False, True, "mirror"), (False, False, "")],
)
def test_both_read_from_the_first_place_that_has_the_image(
    world: World, home: bool, mirror: bool, found: str
) -> None:
    world.push(home=home, mirror=mirror)
    conf = world.write(world.mirrored)
    assert shown(conf, world.name) == (found, found)


def test_both_pass_over_a_mirror_that_is_down(world: World) -> None:
    world.push(home=True, mirror=True)
    assert shown(world.write(f"{DOWN}/x"), world.name) == ("home", "home")
    assert shown(world.write(f"{DOWN}/x", world.mirrored), world.name) == ("mirror", "mirror")


@pytest.mark.parametrize("keys", ["mirror-by-digest-only = true", ""])
def test_both_ask_mirrors_for_digests_only_where_the_file_says_so(world: World, keys: str) -> None:
    world.push(home=True, mirror=True)
    conf = world.write(world.mirrored, keys=f"insecure = true\n{keys}")
    expected = "home" if keys else "mirror"
    assert shown(conf, world.name) == (expected, expected)
    by_digest = f"docker://registry.test/app@{single_image(seed='mirror').digest}"
    assert shown(conf, by_digest) == ("mirror", "mirror")


def test_both_follow_a_wildcard(world: World) -> None:
    world.push(home=True)
    conf = world.write(prefix="*.test")
    assert shown(conf, world.name) == ("home", "home")
    assert shown(conf, "docker://registry.example.invalid/app:1") == ("", "")


def test_both_read_the_mirrors_of_a_blocked_registry(world: World) -> None:
    world.push(mirror=True)
    conf = world.write(world.mirrored, keys="blocked = true")
    assert shown(conf, world.name) == ("mirror", "mirror")


def test_a_blocked_prefix_is_refused_wherever_it_leads(world: World) -> None:
    world.push(home=True)
    conf = world.write(keys="insecure = true\nblocked = true")
    ended = regcopy(conf, "inspect", "--raw", world.name)
    assert (ended.code, "registry registry.test is blocked" in ended.fatal) == (1, True)


def test_neither_redirects_a_destination(world: World) -> None:
    world.push(home=True)
    conf = world.folder / "own.conf"
    conf.write_text(
        f'[[registry]]\nprefix = "{world.mirror.host}"\nlocation = "{world.home.host}"\n'
        f'insecure = true\n[[registry]]\nlocation = "{world.home.host}"\ninsecure = true\n'
    )
    source = f"docker://{world.home.host}/{world.repository}/home/app:1"
    for run, name in ((regcopy, "ours"), (skopeo, "theirs")):
        place = f"{world.mirror.host}/{world.repository}/{name}"
        assert run(conf, "copy", source, f"docker://{place}:1").code == 0
    written = RegistryTools(world.mirror.url)
    for name in ("ours", "theirs"):
        assert written.holds(single_image(seed="home"), f"{world.repository}/{name}", "1")


def test_both_refuse_to_write_where_it_is_blocked(world: World) -> None:
    world.push(home=True)
    conf = world.folder / "own.conf"
    conf.write_text(
        f'[[registry]]\nlocation = "{world.home.host}"\ninsecure = true\n'
        f'[[registry]]\nlocation = "{world.home.host}/{world.repository}/no"\nblocked = true\n'
    )
    here = f"docker://{world.home.host}/{world.repository}"
    for run in (regcopy, skopeo):
        ended = run(conf, "copy", f"{here}/home/app:1", f"{here}/no:1")
        assert (ended.code, "is blocked in" in ended.fatal) == (1, True)


def test_where_all_places_fail_both_tell_of_all(world: World) -> None:
    conf = world.write(f"{DOWN}/x", world.mirrored)
    for run in (regcopy, skopeo):
        ended = run(conf, "inspect", "--raw", world.name)
        for place in (DOWN, world.mirrored, f"{world.home.host}/{world.repository}/home"):
            assert place in ended.fatal


@pytest.mark.parametrize(
    "text",
    [
        "x =",
        '[[registry]]\nprefix = "a.b"\n',
        '[[registry]]\nprefix = "*.a.b/c"\nlocation = "x.y"\n',
        '[[registry]]\nlocation = "https://a.b"\n',
        '[[registry]]\nlocation = "a.b"\ninsecure = "yes"\n',
        '[[registry]]\nlocation = "a.b"\npull-from-mirror = "all"\n',
        '[[registry]]\nlocation = "a.b"\n[[registry.mirror]]\ninsecure = true\n',
        '[[registry]]\nlocation = "a.b"\n[[registry.mirror]]\nlocation="c"\npull-from-mirror="x"',
        '[[registry]]\nlocation = "a.b"\nblocked = true\n[[registry]]\nprefix="c"\nlocation="a.b"',
        'unqualified-search-registries = ["a b"]\n',
        'short-name-mode = "x"\n',
        '[aliases]\n"a/b" = "c"\n',
        '[aliases]\n"docker.io/a" = "d.e/f"\n',
    ],
)  # fmt: skip
def test_both_refuse_a_file_that_makes_no_sense(world: World, text: str) -> None:
    conf = world.folder / "broken.conf"
    conf.write_text(text)
    for run in (regcopy, skopeo):
        ended = run(conf, "inspect", f"docker://{DOWN}/x")
        assert (ended.code, "loading registries configuration" in ended.fatal) == (1, True)
