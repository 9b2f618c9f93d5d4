"""What is installed is what stands in the tree, with and without the link `regcopy/transports`.

The files of the package `regcopy.transports` lie in the top-level folder `transports`. A wheel
gets them through `package-dir` in pyproject.toml, the checkout through a link; each has to work
without the other, since a link does not survive every download.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final, cast

import pytest

from tests.conftest import unavailable

ROOT: Final = Path(__file__).resolve().parents[2]
LINK: Final = Path("regcopy", "transports")
TARGET: Final = os.path.join("..", "transports")
BUILD: Final = "import sys; from setuptools import build_meta as b; b.build_wheel(sys.argv[1])"
IMPORT_ALL: Final = """
import importlib, pathlib, pkgutil, sys, regcopy
for module in pkgutil.walk_packages(regcopy.__path__, "regcopy."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(pathlib.Path(regcopy.transports.__file__).parent)
"""


@cache
def setuptools_section() -> Mapping[str, object]:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return cast("Mapping[str, object]", document["tool"]["setuptools"])


def product_files() -> dict[str, bytes]:
    """Every module of the product by the path that it is imported from, and py.typed."""
    own = [path for path in (ROOT / "regcopy").rglob("*.py") if ROOT / LINK not in path.parents]
    linked = (ROOT / "transports").rglob("*.py")
    found = {path.relative_to(ROOT): path for path in own}
    found |= {"regcopy" / path.relative_to(ROOT): path for path in linked}
    found[Path("regcopy/py.typed")] = ROOT / "regcopy" / "py.typed"
    return {path.as_posix(): origin.read_bytes() for path, origin in found.items()}


def product_packages() -> set[str]:
    folders = {Path(name).parent for name in product_files()}
    return {".".join(folder.parts) for folder in folders}


def test_every_package_is_listed_in_pyproject() -> None:
    assert set(cast("list[str]", setuptools_section()["packages"])) == product_packages()


def test_every_folder_of_modules_is_a_package() -> None:
    files = product_files()
    folders = {name.rpartition("/")[0] for name in files}
    assert {folder for folder in folders if f"{folder}/__init__.py" not in files} == set()


def test_each_package_of_transports_is_mapped_to_its_folder() -> None:
    wanted = {
        name: name.removeprefix("regcopy.").replace(".", "/")
        for name in product_packages()
        if name.split(".")[:2] == ["regcopy", "transports"]
    }
    assert setuptools_section()["package-dir"] == wanted


def test_the_checkout_reaches_transports_through_a_relative_link(tmp_path: Path) -> None:
    try:
        (tmp_path / "link").symlink_to("anything")
    except OSError:
        pytest.skip("no symbolic links on this system")
    assert (ROOT / LINK).readlink() == Path(TARGET)


@cache
def _setuptools_is_new_enough() -> bool:
    return int(metadata.version("setuptools").partition(".")[0]) >= 77


def with_the_link(tree: Path) -> None:
    (tree / LINK).symlink_to(TARGET)


def without_the_link(tree: Path) -> None:
    """As a download that leaves links out."""
    assert not (tree / LINK).exists()


def with_a_file_for_a_link(tree: Path) -> None:
    """As git does with `core.symlinks=false`."""
    (tree / LINK).write_text(TARGET)


@pytest.fixture(scope="module", params=[with_the_link, without_the_link, with_a_file_for_a_link])
def wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built, without any network, from a copy of the tree."""
    if not _setuptools_is_new_enough():
        unavailable("building needs setuptools 77 or newer (pip install '.[test]')")
    tree = tmp_path_factory.mktemp("tree")
    prepare: Callable[[Path], None] = request.param
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    shutil.copytree(ROOT / "regcopy", tree / "regcopy", ignore=_leave_out)
    shutil.copytree(ROOT / "transports", tree / "transports", ignore=_leave_out)
    prepare(tree)
    command = [sys.executable, "-c", BUILD, "out"]
    subprocess.run(command, cwd=tree, check=True, timeout=60)
    (built,) = (tree / "out").glob("*.whl")
    return built


def _leave_out(folder: str, names: list[str]) -> set[str]:
    linked = {"transports"} if Path(folder) == ROOT / "regcopy" else set()
    return linked | ({"__pycache__"} & set(names))


def test_the_wheel_holds_every_file_of_the_tree_and_no_other(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    product = {name: data for name, data in packed.items() if ".dist-info/" not in name}
    assert product == product_files()


def test_the_wheel_has_the_licence_and_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    assert packed["licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
    assert b"regcopy = regcopy.__main__:run" in packed["entry_points.txt"]


def test_every_module_of_the_wheel_can_be_imported(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.strip() == str(tmp_path / "regcopy" / "transports")
