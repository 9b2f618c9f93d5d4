"""`login` and `logout` through skopeo and regcopy: exit code, output, message, and the file.

Wished differences, which are not in the tables: what is in the file beside the credentials is
kept; `-v` names the credential helper that was used; a file is not written where nothing in it
changed; `logout --all` leaves the table of helpers; in the file of `DOCKER_CONFIG`, as in newer
versions of skopeo, there are no namespaces; a symbolic link is not followed; and a registry
that is none is refused before it is asked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.command_line import Ended, run_cli
from tests.conftest import PASSWORD, USER
from tests.credentials import basic, write_helper, write_json
from tests.programs import require_program
from tests.servers import Registry

LOGIN: Final = ("login", "--tls-verify=false", f"--username={USER}")
RIGHT: Final = (*LOGIN, f"--password={PASSWORD}")
KNOWN: Final = basic(USER, PASSWORD)


class Homes:
    """Two users, one for each program, who have the same files."""

    def __init__(self, root: Path, host: str) -> None:
        self.host = host
        self.theirs, self.ours = root / "theirs", root / "ours"
        self.bin = root / "bin"

    def write(self, path: str, document: object) -> None:
        for home in (self.theirs, self.ours):
            write_json(home / path, document)

    def files(self, home: Path) -> dict[str, bytes]:
        """Name and content of all files."""
        return {
            str(path.relative_to(home)): path.read_bytes()
            for path in home.rglob("*")
            if path.is_file()
        }

    def modes(self, home: Path) -> dict[str, int]:
        return {str(path.relative_to(home)): path.stat().st_mode for path in home.rglob("*")}

    def variables(self, home: Path, words: Sequence[str]) -> dict[str, str]:
        """Give the variables of a user; `words` are more of them."""
        more = dict(word.replace("~", str(home)).split("=", 1) for word in words)
        (home / "run").mkdir(parents=True, exist_ok=True)
        path = f"{self.bin}:{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(home), "XDG_RUNTIME_DIR": f"{home}/run", **more}

    def run(self, line: Sequence[str]) -> tuple[Ended, Ended]:
        """Run a line through both programs: `{host}` is the registry, `~` is the home."""
        variables = [word for word in line if "=~" in word and not word.startswith("--")]
        words = [word for word in line if word not in variables]
        return (
            self._skopeo(self._filled(words, self.theirs), self.variables(self.theirs, variables)),
            self._regcopy(self._filled(words, self.ours), self.variables(self.ours, variables)),
        )

    def _filled(self, words: Sequence[str], home: Path) -> list[str]:
        return [word.replace("{host}", self.host).replace("~", str(home)) for word in words]

    def _skopeo(self, words: Sequence[str], variables: dict[str, str]) -> Ended:
        done = subprocess.run(
            [require_program("skopeo"), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
            env=variables,
        )
        shown = done.stdout.decode().replace(str(self.theirs), "~")
        return Ended(done.returncode, shown, done.stderr.decode().replace(str(self.theirs), "~"))

    def _regcopy(self, words: Sequence[str], variables: dict[str, str]) -> Ended:
        ended = run_cli(*words, program="skopeo", variables=variables)
        home = str(self.ours)
        return Ended(ended.code, ended.out.replace(home, "~"), ended.err.replace(home, "~"))


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
