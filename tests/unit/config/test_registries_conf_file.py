"""Reading registries.conf and its drop-ins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from regcopy.config.environment import Environment
from regcopy.config.registries_conf import AUTH_FILES, RegistriesConf
from regcopy.config.registries_conf_file import (
    MAX_FILE_BYTES,
    parse_registries_conf,
    read_registries_conf,
)
from regcopy.config.registries_conf_paths import OVERRIDE, VARIABLE, load_registries_conf
from regcopy.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x=", "no TOML"),
        ("a=1\na=2", "no TOML"),
        (f"a={'[' * 2000}", "no TOML: nested too deeply"),
        ("registry=1", '"registry" is no array of tables'),
        ("registry=[1]", '"registry" is no array of tables'),
        ("[[registry]]\nblocked=true", "neither prefix nor location"),
        ('[[registry]]\nprefix="a.b"', "has no location"),
        ('[[registry]]\nprefix="*.a.b/c"\nlocation="x.y"', r"with a wildcard it is \*.example.com"),
        ('[[registry]]\nprefix="*.a.b:5000"', "with a wildcard"),
        ('[[registry]]\nlocation="https://a"', "URI schemes are not supported"),
        ("[[registry]]\nlocation=1", '"location" is not a string'),
        ('[[registry]]\nlocation="a.b"\ninsecure="yes"', '"insecure" is not true or false'),
        ('[[registry]]\nlocation="a.b"\nblocked=1', '"blocked" is not true or false'),
        ('[[registry]]\nlocation="a.b"\npull-from-mirror="all"', "must not be set"),
        ('[[registry]]\nlocation="a.b"\n[[registry.mirror]]\ninsecure=true', "has no location"),
        (
            '[[registry]]\nlocation="a.b"\n[[registry.mirror]]\nlocation="c.d"\npull-from-mirror="x"',
            'unsupported pull-from-mirror value "x" for mirror "c.d"',
        ),
        (
            (
                '[[registry]]\nlocation="a.b"\nmirror-by-digest-only=true\n'
                '[[registry.mirror]]\nlocation="c.d"\npull-from-mirror="all"'
            ),
            "only one of them may be set",
        ),
        (
            '[[registry]]\nlocation="a.b"\ninsecure=true\n[[registry]]\nprefix="c.d"\nlocation="a.b"',
            "conflicting 'insecure' setting",
        ),
        (
            '[[registry]]\nlocation="a.b"\nblocked=true\n[[registry]]\nprefix="c.d"\nlocation="a.b"',
            "conflicting 'blocked' setting",
        ),
        ('[registries.search]\nregistries=["a.b"]', "must be in v2 format"),
        ("[registries.block]\nregistries=[]", "must be in v2 format"),
        ('unqualified-search-registries=["a b"]', "Invalid unqualified-search-registries entry"),
        ('unqualified-search-registries="a"', "is no array of strings"),
        ('short-name-mode="x"', 'invalid short-name mode: "x"'),
        ('credential-helpers=["../x"]', '"../x" is no credential helper'),
        ("credential-helpers=[1]", "is no array of strings"),
        ('aliases="x"', r"\[aliases\] is no table"),
        ('[aliases]\n"a/b"="c"', "invalid alias"),
        ('[aliases]\n"docker.io/a"="d.e/f"', "invalid alias"),
        ('[aliases]\n"a:1"="d.e/f"', "invalid alias"),
        ('[aliases]\n"a"="d.e/f:1"', "invalid alias"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        parse_registries_conf(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        'short-name-mode="enforcing"',
        'unqualified-search-registries=["docker.io", "localhost:5000", "[::1]:5000"]',
        '[aliases]\n"alpine"="docker.io/library/alpine"\n"a/b"="quay.io/a/b"\n"gone"=""',
        'additional-layer-store-auth-helper="x"\nnot-known=1',
    ],
)
def test_what_is_not_used_here_is_passed_over(text: str) -> None:
    assert parse_registries_conf(text).tables == {}


def test_of_two_tables_with_one_prefix_the_first_counts() -> None:
    conf = parse_registries_conf(
        '[[registry]]\nprefix="a.b"\nlocation="one.b"\n[[registry]]\nprefix="a.b"\nlocation="two.b"'
    )
    assert conf.tables["a.b"].location == "one.b"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.conf").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match=r"configuration .*bad\.conf: it is not UTF-8"):
        read_registries_conf(tmp_path / "bad.conf")
    with pytest.raises(ConfigurationError, match=r"loading registries configuration .*directory"):
        read_registries_conf(tmp_path)


def test_a_file_is_read_only_so_far(tmp_path: Path) -> None:
    (tmp_path / "large.conf").write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(ConfigurationError, match="more than"):
        read_registries_conf(tmp_path / "large.conf")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.conf")
    assert read_registries_conf(tmp_path / "pipe.conf").tables == {}


class Machine:
    """A machine with a home folder and folders for all users."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.etc, self.usr = root / "etc", root / "usr"
        self.variables: dict[str, str] = {"HOME": str(self.home)}

    def write(self, path: Path, prefix: str, location: str) -> str:
        """Write a file with one table; give its path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'[[registry]]\nprefix="{prefix}"\nlocation="{location}.example"\n')
        return str(path)

    def load(self) -> RegistriesConf:
        """Load as a process with these variables does."""
        return load_registries_conf(
            Environment(self.variables), system_folders=(self.etc, self.usr)
        )

    def locations(self) -> dict[str, str]:
        """Where each prefix leads to."""
        return {
            prefix: table.location.removesuffix(".example")
            for prefix, table in self.load().tables.items()
        }


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without any file."""
    return Machine(tmp_path)


def test_without_files_there_are_no_tables(machine: Machine) -> None:
    assert machine.load() == RegistriesConf()
    assert machine.load().credential_helpers == (AUTH_FILES,)


def test_of_the_main_files_the_first_that_is_there_is_read(machine: Machine) -> None:
    machine.write(machine.usr / "registries.conf", "u.example", "usr")
    assert machine.locations() == {"u.example": "usr"}
    machine.write(machine.etc / "registries.conf", "e.example", "etc")
    assert machine.locations() == {"e.example": "etc"}
    machine.write(machine.home / ".config/containers/registries.conf", "h.example", "home")
    assert machine.locations() == {"h.example": "home"}


def test_drop_ins_of_all_folders_are_read_in_the_order_of_their_names(machine: Machine) -> None:
    machine.write(machine.etc / "registries.conf", "a.example", "main")
    machine.write(machine.usr / "registries.conf.d/50-middle.conf", "b.example", "middle")
    machine.write(machine.etc / "registries.conf.d/70-last.conf", "b.example", "last")
    machine.write(machine.etc / "registries.conf.d/20-first.conf", "b.example", "first")
    assert machine.locations() == {"a.example": "main", "b.example": "last"}


def test_of_two_drop_ins_with_one_name_the_user_s_counts(machine: Machine) -> None:
    machine.write(machine.usr / "registries.conf.d/1.conf", "a.example", "usr")
    machine.write(machine.etc / "registries.conf.d/1.conf", "a.example", "etc")
    assert machine.locations() == {"a.example": "etc"}
    machine.write(machine.home / ".config/containers/registries.conf.d/1.conf", "b.example", "home")
    assert machine.locations() == {"b.example": "home"}


def test_only_files_named_conf_are_drop_ins(machine: Machine) -> None:
    folder = machine.etc / "registries.conf.d"
    machine.write(folder / "1.conf.bak", "a.example", "bak")
    (folder / "2.conf").mkdir()
    assert machine.locations() == {}


def test_a_drop_in_may_be_a_link_as_in_a_config_map(machine: Machine, tmp_path: Path) -> None:
    real = machine.write(tmp_path / "data", "a.example", "linked")
    (machine.etc / "registries.conf.d").mkdir(parents=True)
    (machine.etc / "registries.conf.d/1.conf").symlink_to(real)
    assert machine.locations() == {"a.example": "linked"}


def test_a_named_file_is_the_only_one(machine: Machine, tmp_path: Path) -> None:
    machine.write(machine.etc / "registries.conf", "a.example", "etc")
    machine.write(machine.etc / "registries.conf.d/1.conf", "b.example", "drop")
    machine.variables[VARIABLE] = machine.write(tmp_path / "own", "c.example", "own")
    assert machine.locations() == {"c.example": "own"}


def test_a_named_file_that_is_not_there_is_an_error(machine: Machine, tmp_path: Path) -> None:
    machine.variables[VARIABLE] = str(tmp_path / "missing")
    with pytest.raises(ConfigurationError, match="missing: no such file"):
        machine.load()


def test_the_override_is_read_last(machine: Machine, tmp_path: Path) -> None:
    machine.write(machine.etc / "registries.conf", "a.example", "etc")
    machine.variables[OVERRIDE] = machine.write(tmp_path / "last", "a.example", "last")
    assert machine.locations() == {"a.example": "last"}


def test_credential_helpers_of_a_later_file_take_the_place_of_earlier_ones(
    machine: Machine,
) -> None:
    folder = machine.etc / "registries.conf.d"
    folder.mkdir(parents=True)
    (folder / "1.conf").write_text('credential-helpers = ["pass", "containers-auth.json"]')
    (folder / "2.conf").write_text('credential-helpers = ["secretservice"]')
    assert machine.load().credential_helpers == ("secretservice",)


def test_a_broken_drop_in_is_an_error(machine: Machine) -> None:
    folder = machine.etc / "registries.conf.d"
    folder.mkdir(parents=True)
    (folder / "1.conf").write_text("[[registry")
    with pytest.raises(ConfigurationError, match=r"1\.conf: no TOML"):
        machine.load()
