"""Rules of the house that no other tool keeps: lengths, asserts, and what must agree."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

import regcopy

ROOT: Final = Path(__file__).resolve().parents[2]
PRODUCT: Final = ("regcopy", "transports")
LONGEST_FILE: Final = 400
LONGEST_FUNCTION: Final = 50
PAGES: Final = ("LICENSE", "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: str) -> list[Path]:
    """All modules below these folders, each once: links are not followed."""
    found = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return [path for path in found if (ROOT / "regcopy" / "transports") not in path.parents]


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(parsed(path)) if isinstance(node, Function))


def is_suite(path: Path) -> bool:
    """Tell the contract suite, which is tests that others run too, from the product."""
    return any(found.name.startswith("test_") for found in functions(path))


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def pyproject() -> dict[str, object]:
    section = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert isinstance(section, dict)
    return section


def oldest_python() -> str:
    found = re.fullmatch(r">=(3\.\d+)", str(pyproject()["requires-python"]))
    assert found
    return found[1]


def test_no_file_is_over_four_hundred_lines() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in python_files(*PRODUCT, "benchmarks", "tests")
    }
    assert len(lengths) > 50
    assert {path: n for path, n in lengths.items() if n > LONGEST_FILE} == {}


def lines_of_code(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring: a public call may explain all it takes."""
    docstring = function.body[0] if ast.get_docstring(function) else None
    explained = (docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - explained


def test_no_function_is_over_fifty_lines() -> None:
    lengths = {
        f"{place(path, found.lineno)} {found.name}": lines_of_code(found)
        for path in python_files(*PRODUCT, "benchmarks")
        for found in functions(path)
    }
    assert len(lengths) > 100
    assert {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION} == {}


def test_product_code_has_no_assert() -> None:
    asserts = [
        place(path, node.lineno)
        for path in python_files(*PRODUCT)
        if not is_suite(path)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Assert)
    ]
    assert asserts == []


def test_only_the_command_line_prints() -> None:
    prints = [
        place(path, node.lineno)
        for path in python_files(*PRODUCT)
        if path.parent.name != "cli"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Name) and node.id == "print"
    ]
    assert prints == []


def test_every_public_function_and_class_has_a_docstring() -> None:
    silent = [
        f"{place(path, node.lineno)} {node.name}"
        for path in python_files(*PRODUCT, "benchmarks")
        for node in parsed(path).body
        if isinstance(node, Function | ast.ClassDef)
        if not node.name.startswith(("_", "test_")) and not path.name.startswith("_")
        if ast.get_docstring(node) is None
    ]
    assert silent == []


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_there_and_says_something(page: str) -> None:
    assert (ROOT / page).read_text(encoding="utf-8").strip()


def test_the_licence_is_the_one_that_pyproject_names() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert pyproject()["license"] == "Apache-2.0"
    assert text.split()[:5] == ["Apache", "License", "Version", "2.0,", "January"]
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_version_is_the_same_everywhere() -> None:
    assert pyproject()["version"] == regcopy.__version__


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_pages_ask_for_the_python_that_pyproject_asks_for(page: str) -> None:
    named = re.findall(r"Python\W{1,4}3\.(\d+)", (ROOT / page).read_text(encoding="utf-8"))
    assert named
    assert f"3.{min(map(int, named))}" == oldest_python()


def test_the_oldest_named_python_is_the_one_asked_for() -> None:
    classifiers = pyproject()["classifiers"]
    assert isinstance(classifiers, list)
    named = re.findall(r"Python :: 3\.(\d+)", " ".join(classifiers))
    assert f"3.{min(map(int, named))}" == oldest_python()


def test_each_dependency_has_its_reason_in_the_architecture() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    dependencies = pyproject()["dependencies"]
    assert isinstance(dependencies, list)
    names = {re.split(r"[^\w-]", str(one))[0] for one in dependencies}
    assert names
    assert {name for name in names if name not in text} == set()
