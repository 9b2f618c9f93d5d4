"""`login` and `logout` through skopeo and regcopy: exit code, output, message, and the file.

What is wished to be different stands in `wished_logins.py`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.compat.homes import Homes
from tests.conftest import PASSWORD, USER
from tests.credentials import basic, write_helper
from tests.servers import Registry

LOGIN: Final = ("login", "--tls-verify=false", f"--username={USER}")
RIGHT: Final = (*LOGIN, f"--password={PASSWORD}")
KNOWN: Final = basic(USER, PASSWORD)


@pytest.fixture
def homes(tmp_path: Path, basic_registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Homes:
    monkeypatch.setattr(sys, "stdin", None)
    return Homes(tmp_path, basic_registry.host)


LINES: Final[tuple[tuple[str, ...], ...]] = (
    ("login",),
    ("login", "a", "b"),
    ("login", "--nope"),
    ("login", "-Z"),
    ("login", "--username"),
    ("login", "--password-stdin=x", "{host}"),
    ("login", "--tls-verify=false", "{host}"),
    ("login", "--tls-verify=false", "--password=x", "{host}"),
    ("login", "--tls-verify=false", "--username=", "--password=x", "{host}"),
    (*LOGIN, "{host}"),
    (*LOGIN, "--password=wrong", "{host}"),
    (*LOGIN, "--password=wrong", "{host}/team"),
    ("login", "--tls-verify=false", "-u", "nobody", "-p", "x", "{host}"),
    ("login", "--tls-verify=false", "-u", f" {USER} ", f"-p{PASSWORD}", "{host}"),
    RIGHT,
    (*RIGHT, "{host}"),
    (*RIGHT, "http://{host}"),
    (*RIGHT, "https://{host}/v2/"),
    (*RIGHT, "{host}/team"),
    (*RIGHT, "{host}/team/app"),
    (*RIGHT, "{host}/Team"),
    (*RIGHT, "{host}/team:1"),
    (*RIGHT, "-v", "{host}"),
    (*RIGHT, "--verbose", "--authfile=~/new/folder/auth.json", "{host}"),
    (*RIGHT, "-v", "REGISTRY_AUTH_FILE=~/named.json", "{host}"),
    (*RIGHT, "-v", "DOCKER_CONFIG=~/docker", "{host}"),
    (*RIGHT, "--password-stdin", "{host}"),
    ("login", "--tls-verify=false", "--password-stdin", "{host}"),
    ("login", "--get-login"),
    ("login", "--get-login", "{host}"),
    ("login", "--get-login", "{host}/team"),
    ("logout",),
    ("logout", "a", "b"),
    ("logout", "-v", "{host}"),
    ("logout", "--all", "{host}"),
    ("logout", "--authfile=/none", "{host}"),
)


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_a_user_without_a_login_is_told_the_same(homes: Homes, line: tuple[str, ...]) -> None:
    theirs, ours = homes.run(line)
    assert (ours.code, ours.out) == (theirs.code, theirs.out)
    assert [(said.level, said.message) for said in ours.log] == [
        (said.level, said.message) for said in theirs.log
    ]
    assert homes.files(homes.ours) == homes.files(homes.theirs)


AUTH: Final = "run/containers/auth.json"


@pytest.mark.parametrize(
    "line",
    [
        ("login", "--tls-verify=false", "{host}"),
        ("login", "--tls-verify=false", "{host}/team"),
        ("login", "--get-login", "{host}"),
        ("login", "--get-login", "{host}/team/app"),
        ("login", "--get-login", "other.example"),
        (*RIGHT, "{host}"),
        (*RIGHT, "a.example/x", "{host}"),
        (*RIGHT, "{host}/team"),
        (*LOGIN, "--password=wrong", "{host}"),
        ("logout", "{host}"),
        ("logout", "http://{host}/v2/"),
        ("logout", "{host}/team"),
        ("logout", "--all"),
        ("logout", "-a"),
        ("logout", "z.example"),
        ("logout", "nobody.example"),
    ],
    ids=" ".join,
)
def test_a_user_with_logins_has_the_same_ones_afterwards(
    homes: Homes, line: tuple[str, ...]
) -> None:
    host = homes.host
    homes.write(AUTH, {"auths": {"z.example": basic("z"), host: KNOWN, f"{host}/team/x": KNOWN}})
    theirs, ours = homes.run(line)
    assert (ours.code, ours.out, ours.fatal) == (theirs.code, theirs.out, theirs.fatal)
    assert json.loads(homes.files(homes.ours)[AUTH]) == json.loads(homes.files(homes.theirs)[AUTH])


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({"identitytoken": "t", **KNOWN}, (*RIGHT, "{host}")),
        ({"identitytoken": "t", **KNOWN}, ("login", "--get-login", "{host}")),
        (basic(USER, "old"), ("login", "--tls-verify=false", "{host}")),
        (basic("<b>&é", "x"), ("login", "--get-login", "{host}")),
        ({}, ("login", "--get-login", "{host}")),
        ({}, (*RIGHT, "{host}")),
        ({}, ("logout", "{host}")),
    ],
)
def test_odd_entries_are_treated_alike(homes: Homes, entry: object, line: tuple[str, ...]) -> None:
    homes.write(AUTH, {"auths": {homes.host: entry}})
    theirs, ours = homes.run(line)
    assert (ours.code, ours.out, ours.fatal) == (theirs.code, theirs.out, theirs.fatal)


def test_a_login_of_docker_is_told_alike(homes: Homes) -> None:
    homes.write(".docker/config.json", {"auths": {homes.host: KNOWN}})
    theirs, ours = homes.run(("logout", "--tls-verify=false", "{host}"))
    assert (ours.code, ours.out) == (theirs.code, theirs.out)


def test_files_and_folders_have_the_same_modes(homes: Homes) -> None:
    homes.run((*RIGHT, "--authfile=~/a/b/auth.json", "{host}"))
    assert homes.modes(homes.ours) == homes.modes(homes.theirs)


def test_a_helper_is_asked_the_same(homes: Homes, tmp_path: Path) -> None:
    note = f'input="$(cat)"; echo "$1 $input" >> "{tmp_path}/$(basename "$HOME").txt"'
    known = """[ $1 = get ] && echo '{"Username": "u", "Secret": "s"}'"""
    write_helper(homes.bin, "notes", f"{note}\n{known}\nexit 0")
    homes.write(AUTH, {"credHelpers": {homes.host: "notes"}})
    for line in ((*RIGHT, "{host}"), ("logout", "{host}")):
        theirs, ours = homes.run(line)
        assert (ours.code, ours.out) == (theirs.code, theirs.out)
    told = [(tmp_path / f"{name}.txt").read_text().splitlines() for name in ("ours", "theirs")]
    assert [plain(line) for line in told[0]] == [plain(line) for line in told[1]]


def plain(line: str) -> tuple[str, object]:
    """Take apart what a helper was told: JSON has several spellings."""
    verb, _, rest = line.partition(" ")
    return verb, json.loads(rest) if rest.startswith("{") else rest
