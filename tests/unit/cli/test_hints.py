"""Hints name flags that the command has."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from regcopy.cli.hints import hint_for
from regcopy.testing.samples import single_image, write_layout
from tests.command_line import run_cli
from tests.fake_registry import FakeRegistry
from tests.faults import refuse

CHALLENGE: Final = refuse(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="registry"')


@pytest.mark.parametrize(
    ("side", "shown"),
    [
        ("source", "give --src-creds or --src-authfile; --stall-timeout"),
        ("destination", "give --dest-creds or --dest-authfile; --stall-timeout"),
        (None, "give --creds or --authfile; --stall-timeout"),
    ],
)
def test_flags_of_a_side_get_its_name(side: str | None, shown: str) -> None:
    assert hint_for("give --creds or --authfile; --stall-timeout", side) == shown


@pytest.mark.parametrize("command", ["copy", "batch"])
def test_a_copy_that_is_not_let_in_names_the_flag_of_its_destination(
    fake: FakeRegistry, tmp_path: Path, command: str
) -> None:
    write_layout(single_image(), tmp_path / "in", "1")
    for method in ("HEAD", "GET", "POST"):
        fake.on(method, "/v2/", CHALLENGE, forever=True)
    names = [f"oci:{tmp_path}/in:1", f"docker://{fake.host}/out:1"]
    if command == "batch":
        (tmp_path / "list").write_text(" ".join(names))
        names = [str(tmp_path / "list")]
    ended = run_cli(command, "--dest-tls-verify=false", *names)
    assert "give --dest-creds or --dest-authfile" in ended.err


def test_a_command_about_one_place_names_its_own_flag(fake: FakeRegistry) -> None:
    fake.on("GET", "/v2/", CHALLENGE, forever=True)
    ended = run_cli("inspect", "--tls-verify=false", f"docker://{fake.host}/in:1")
    assert "give --creds or --authfile" in ended.hint


def test_a_name_that_begins_with_a_host_is_told_its_transport() -> None:
    ended = run_cli("copy", "registry.example.com:5000/app:1", "dir:out")
    assert "write docker://registry.example.com:5000/app:1 for an image in a registry" in ended.hint
