"""The YAML file of `sync --src yaml`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from regcopy.auth.credential import Credential
from regcopy.batch.sync.yaml_source import RegistrySource, read_yaml_source
from regcopy.errors import ConfigurationError
from regcopy.session import Access
from regcopy.transports.base import SideOptions

MANUAL = r"""
registry.example.com:
    images:
        busybox: []
        redis:
            - "1.0"
            - 2.0
            - "sha256:0000000000000000000000000000000011111111111111111111111111111111"
    images-by-tag-regex:
        nginx: ^1\.13\.[12]-alpine-perl$
    images-by-semver:
        alpine: ">= 3.12.0"
    credentials:
        username: john
        password: this is a secret
    tls-verify: true
    cert-dir: /home/john/certs
quay.io:
    tls-verify: false
    images:
        coreos/etcd:
            - latest
"""


def read(folder: Path, text: str | bytes) -> tuple[RegistrySource, ...]:
    path = folder / "sync.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml_source(str(path))


def test_the_example_of_the_manual(tmp_path: Path) -> None:
    first, second = read(tmp_path, MANUAL)
    assert first.images == {"busybox": (), "redis": ("1.0", "2.0", f"sha256:{'0' * 32}{'1' * 32}")}
    assert first.by_regex == {"nginx": r"^1\.13\.[12]-alpine-perl$"}
    assert first.by_semver == {"alpine": ">= 3.12.0"}
    assert first.credential is not None
    assert (first.credential.username, first.credential.password) == ("john", "this is a secret")
    assert (first.tls_verify, first.cert_dir) == (True, "/home/john/certs")
    assert second == RegistrySource("quay.io", {"coreos/etcd": ("latest",)}, tls_verify=False)


def test_nothing_secret_is_shown(tmp_path: Path) -> None:
    assert "this is a secret" not in repr(read(tmp_path, MANUAL))


def test_what_the_file_says_counts_more_than_the_command_line() -> None:
    given = Access(
        Credential("cli", "x"), options=SideOptions(tls_verify=False, cert_dir="/cli"), authfile="a"
    )
    own = RegistrySource("r", credential=Credential("file"), tls_verify=True, cert_dir="/file")
    access = own.access(given)
    assert access.credential == Credential("file")
    assert (access.options.tls_verify, access.options.cert_dir) == (True, "/file")
    assert RegistrySource("r").access(given) == given


def test_credentials_of_the_file_count_more_than_no_creds() -> None:
    own = RegistrySource("r", credential=Credential("file"))
    assert not own.access(Access(anonymous=True)).anonymous


def test_keys_that_mean_nothing_are_kept_apart(tmp_path: Path) -> None:
    (source,) = read(tmp_path, "r.example:\n  tls_verify: false\n  images: {a: }\n")
    assert (source.unknown, source.images, source.tls_verify) == (("tls_verify",), {"a": ()}, None)


def test_a_part_of_the_file_may_be_used_twice(tmp_path: Path) -> None:
    first, second = read(tmp_path, "a.b: &x\n  images: {c: [1]}\nd.e: *x\n")
    assert first.images == second.images == {"c": ("1",)}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a\n", "is no mapping"),
        ("r.example: text\n", '"r.example" is no mapping'),
        ("r.example:\n  images: 3\n", '"images" is no mapping'),
        ("r.example:\n  images: {a: 1}\n", '"a" is no list of tags and digests'),
        ("r.example:\n  images: {a: [[1]]}\n", '"a" is no text'),
        ("r.example:\n  images-by-tag-regex: [a]\n", '"images-by-tag-regex" is no mapping'),
        ("r.example:\n  tls-verify: perhaps\n", '"tls-verify" is neither true nor false'),
        ("r.example:\n  credentials: a\n", '"credentials" is no mapping'),
        ("r.example: {}\nr.example: {}\n", 'line 2 has "r.example" a second time'),
        ("a: [\n", "is no YAML"),
        (b"\xff", "is not UTF-8"),
        ("#" * (1024 * 1024 + 1), "more than"),
    ],
)
def test_what_makes_no_sense_is_told(tmp_path: Path, text: str | bytes, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=f'Failed to unmarshal ".*sync.yaml": .*{problem}'):
        read(tmp_path, text)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"open .*gone: no such file or directory"):
        read_yaml_source(str(tmp_path / "gone"))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read_yaml_source(str(tmp_path / "pipe")) == ()
