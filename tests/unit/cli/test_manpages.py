"""Manual pages, made from the same definitions as the help."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from regcopy.cli.command import COMMANDS, find_command
from regcopy.cli.manpages import command_page, main, page_names, program_page, write_pages

ESCAPES: Final = {"\\-": "-", "\\(aq": "'", "\\(ga": "`", "\\(ti": "~", "\\(ha": "^", "\\e": "\\"}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all pages."""
    folder = tmp_path_factory.mktemp("man")
    write_pages(folder)
    return folder


def plain(page: str) -> str:
    """Take the marks of roff out of a page."""
    text = re.sub(r"\\f[BIR]|\\&", "", page)
    text = re.sub(r"\\\[u([0-9A-F]+)\]", lambda found: chr(int(found[1], 16)), text)
    for escape, character in ESCAPES.items():
        text = text.replace(escape, character)
    return text


def test_there_is_a_page_for_the_program_and_for_each_command(pages: Path) -> None:
    assert {path.stem for path in pages.iterdir()} == set(page_names())
    assert page_names() == ("regcopy", *(f"regcopy-{name}" for name in COMMANDS))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_tells_of_every_flag_that_the_help_lists(pages: Path, name: str) -> None:
    command = find_command(name)
    assert command is not None
    page = plain((pages / f"regcopy-{name}.1").read_text())
    for flag in command.flags:
        is_listed = not flag.hidden and not flag.later
        assert (f"\n--{flag.name}" in page or f", --{flag.name}" in page) == is_listed or flag.later
        assert not is_listed or f"{flag.help[1:]}" in page


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_has_the_usual_sections(pages: Path, name: str) -> None:
    page = (pages / f"regcopy-{name}.1").read_text()
    sections = re.findall(r"^\.SH (.*)$", page, re.MULTILINE)
    assert sections[:3] == ["NAME", "SYNOPSIS", "DESCRIPTION"]
    assert sections[-3:] == ["EXAMPLES", "EXIT STATUS", "SEE ALSO"]


@pytest.mark.parametrize("name", page_names())
def test_a_page_is_ascii_and_no_line_of_text_is_taken_for_a_request(pages: Path, name: str) -> None:
    page = (pages / f"{name}.1").read_text(encoding="ascii")
    requests = {line.split()[0] for line in page.splitlines() if line.startswith((".", "'"))}
    assert requests <= {".TH", ".SH", ".SS", ".PP", ".TP", ".RS", ".RE", ".nf", ".fi", ".nh", ".ad"}


def test_groff_finds_nothing_to_complain_about(pages: Path) -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    paths = sorted(map(str, pages.iterdir()))
    done = subprocess.run(
        [groff, "-man", "-Tutf8", "-ww", "-z", *paths],
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert done.stderr == b""


def test_the_pages_are_the_same_each_time() -> None:
    copy = find_command("copy")
    assert copy is not None
    assert command_page(copy, "x") == command_page(copy, "x")
    assert program_page() == program_page()


def test_the_module_writes_the_pages(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "regcopy.cli.manpages", str(tmp_path / "man1")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert str(tmp_path / "man1" / "regcopy-copy.1") in done.stdout.splitlines()
    assert done.stderr == ""


def test_the_module_wants_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 1
    assert capsys.readouterr().err == "Usage: python -m regcopy.cli.manpages FOLDER\n"
