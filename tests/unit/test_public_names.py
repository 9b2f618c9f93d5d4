"""What `import regcopy` promises to programs, and to those who check their types."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import regcopy
from regcopy import checking


def tree_of(package: ModuleType) -> ast.Module:
    return ast.parse(Path(str(package.__file__)).read_text(encoding="utf-8"))


def told_to_type_checkers(package: ModuleType) -> dict[str, str]:
    """Name → module, of the imports that are only there for type checkers."""
    tree = tree_of(package)
    (block,) = (
        one
        for one in tree.body
        if isinstance(one, ast.If)
        and not one.orelse
        and isinstance(one.test, ast.Name)
        and one.test.id == "TYPE_CHECKING"
    )
    imports = [one for one in block.body if isinstance(one, ast.ImportFrom)]
    return {name.name: str(one.module) for one in imports for name in one.names}


PACKAGES = [regcopy, checking]


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_are_told_of_all_public_names_and_no_other(package: ModuleType) -> None:
    assert sorted(told_to_type_checkers(package)) == sorted(package.__all__)


@pytest.mark.parametrize(
    ("package", "name"), [(package, name) for package in PACKAGES for name in package.__all__]
)
def test_a_public_name_is_what_type_checkers_take_it_for(package: ModuleType, name: str) -> None:
    found = getattr(package, name)
    if isinstance(found, ModuleType):
        assert found.__name__ == f"{package.__name__}.{name}"
    else:
        assert found is getattr(sys.modules[told_to_type_checkers(package)[name]], name)


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_see_that_a_name_is_wrong(package: ModuleType) -> None:
    functions = {one.name for one in tree_of(package).body if isinstance(one, ast.FunctionDef)}

    assert "__getattr__" not in functions  # it would allow every name
    with pytest.raises(AttributeError, match="no attribute 'Copy'"):
        getattr(package, "Copy")  # noqa: B009


@pytest.mark.parametrize("name", ["errors.NotFound", "events.BlobDone", "batch.copy_many"])
def test_a_module_of_the_library_needs_no_import_of_its_own(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import regcopy; regcopy.{name}"], check=False, capture_output=True
    )

    assert done.stderr == b""


@pytest.mark.parametrize("package", PACKAGES)
def test_the_names_are_listed(package: ModuleType) -> None:
    assert dir(package) == sorted(package.__all__)
