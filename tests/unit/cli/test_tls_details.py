"""`--tls-details`: it reaches the connections of every command, or says why it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.cli.flags import Values
from regcopy.cli.groups import access
from regcopy.config.tls_details import TlsDetails
from tests.command_line import run_cli


@pytest.mark.parametrize("prefix", ["src-", "dest-", ""])
def test_both_sides_are_told(tmp_path: Path, prefix: str) -> None:
    file = tmp_path / "tls.yaml"
    file.write_text('minVersion: "1.3"\n')
    values = Values({"tls-details": str(file)})
    assert access(values, prefix).options.tls_details == TlsDetails(needs_tls13=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("command", ["list-tags", "inspect", "delete", "layers"])
def test_a_file_that_is_not_there_is_told(tmp_path: Path, command: str) -> None:
    ended = run_cli(command, "--tls-details", str(tmp_path / "x"), "docker://localhost:1/app")
    shown = f'"{tmp_path}/x"'
    assert ended.code == 1
    assert ended.fatal == f"reading {shown}: open {tmp_path}/x: no such file or directory"


def test_a_wrong_file_is_told_before_anybody_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "tls.yaml"
    file.write_text("minVersion: 4\n")
    ended = run_cli(f"--tls-details={file}", "copy", "docker://localhost:1/app", "dir:x")
    assert ended.fatal == f'{file}: unrecognized TLS minimum version "4"'
