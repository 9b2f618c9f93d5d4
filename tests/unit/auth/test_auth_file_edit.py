"""Changing an auth file: nothing else in it is lost, whatever happens."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from regcopy.auth.auth_file import read_auth_file
from regcopy.auth.auth_file_edit import (
    Document,
    edit_auth_file,
    entry_keys,
    put_entry,
    remove_entry,
)
from regcopy.auth.credential import Credential
from regcopy.errors import ConfigurationError, LimitExceeded, RegcopyError, StorageFailed
from tests.credentials import CANARY, HOST, basic, make_unusable, write_json

LOGIN: Final = Credential("robot", CANARY)


def log_in(path: Path, key: str = HOST) -> None:
    def change(document: Document) -> bool:
        put_entry(document, key, LOGIN)
        return True

    edit_auth_file(path, change)


def log_out(path: Path, key: str = HOST) -> None:
    edit_auth_file(path, lambda document: remove_entry(document, key))


def log_in_often(path: Path) -> None:
    for number in range(60):
        log_in(path, f"host{number}.example")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_has_the_form_that_skopeo_gives_it(tmp_path: Path) -> None:
    log_in(tmp_path / "auth.json")
    entry = basic("robot")["auth"]
    assert (tmp_path / "auth.json").read_text() == (
        f'{{\n\t"auths": {{\n\t\t"{HOST}": {{\n\t\t\t"auth": "{entry}"\n\t\t}}\n\t}}\n}}'
    )


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    log_in(tmp_path / "auth.json")
    found = read_auth_file(tmp_path / "auth.json").credential(HOST)
    assert found is not None
    assert (found.username, found.password) == ("robot", CANARY)


def test_only_the_owner_may_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        log_in(tmp_path / "new" / "folder" / "auth.json")
    finally:
        os.umask(before)
    assert mode(tmp_path / "new") == mode(tmp_path / "new/folder") == 0o700
    assert mode(tmp_path / "new/folder/auth.json") == 0o600


def test_a_file_that_others_could_read_is_closed(tmp_path: Path) -> None:
    file = write_json(tmp_path / "auth.json", {})
    file.chmod(0o644)
    log_in(file)
    assert mode(file) == 0o600


def test_all_else_is_kept_as_it_is(tmp_path: Path) -> None:
    entry = basic("other") | {"email": "x@example.org"}
    document = {
        "HttpHeaders": {"User-Agent": "<é>"},
        "auths": {"other.example": entry},
        "credsStore": "",
        "numbers": [1, 1.5, 10**30],
    }
    file = write_json(tmp_path / "config.json", document)
    log_in(file)
    changed = json.loads(file.read_text())
    assert changed == {**document, "auths": {"other.example": entry, HOST: basic("robot")}}
    assert list(changed) == list(document)


def test_an_entry_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    old = {"auths": {HOST: {"identitytoken": "old", "auth": "old"}}}
    file = write_json(tmp_path / "auth.json", old)
    log_in(file)
    assert json.loads(file.read_text()) == {"auths": {HOST: basic("robot")}}


def test_an_entry_is_removed_and_the_others_stay(tmp_path: Path) -> None:
    file = write_json(tmp_path / "auth.json", {"auths": {HOST: basic("a"), "b": basic("b")}})
    log_out(file)
    assert json.loads(file.read_text()) == {"auths": {"b": basic("b")}}


def test_a_file_without_the_entry_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "auth.json"
    file.write_text('{ "auths": {"other": {}} }')
    log_out(file)
    assert file.read_text() == '{ "auths": {"other": {}} }'


def test_entries_are_listed() -> None:
    assert entry_keys({"auths": {"a": {}, "b": {}}}) == ["a", "b"]
    assert entry_keys({}) == []


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    target = write_json(tmp_path / "target.json", {})
    (tmp_path / "auth.json").symlink_to(target)
    with pytest.raises(ConfigurationError, match="is a symbolic link, and is not followed"):
        log_in(tmp_path / "auth.json")
    assert target.read_text() == "{}"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"auths": []}',
        '{"auths": 5}',
        f'{{"auths": {{"a": {{}}, "a": {{"auth": "{CANARY}"}}}}}}',
        '{"number": 1e400}',
        '{"half": "\\ud800"}',
        "[" * 100_000,
    ],
)
def test_what_cannot_be_kept_whole_is_not_changed(tmp_path: Path, content: str) -> None:
    file = tmp_path / "auth.json"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match="cannot be changed") as told:
        log_in(file)
    assert file.read_text() == content
    assert CANARY not in f"{told.value!r} {told.value.__cause__!r}"


def test_a_file_that_is_too_large_is_not_changed(tmp_path: Path) -> None:
    file = tmp_path / "auth.json"
    file.write_text(f'{{"x": "{"x" * 5_000_000}"}}')
    with pytest.raises(LimitExceeded):
        log_in(file)


@pytest.mark.parametrize("how", ["unreadable", "behind a file"])
def test_a_place_where_no_file_can_be_is_one_error(tmp_path: Path, how: str) -> None:
    file = tmp_path / "folder" / "auth.json"
    make_unusable(file, how)
    with pytest.raises(RegcopyError):
        log_in(file)


@pytest.mark.parametrize("path", ["/", "folder/.."])
def test_a_path_that_names_no_file_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigurationError, match="no name of a file"):
        log_in(tmp_path / path)


def test_a_full_disk_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_json(tmp_path / "auth.json", {"auths": {}})

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageFailed, match="No space left"):
        log_in(file)
    assert file.read_text() == '{"auths": {}}'
    assert os.listdir(tmp_path) == ["auth.json"]


def test_logins_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "auth.json"
    keys = [f"host{number}.example" for number in range(60)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda key: log_in(file, key), keys))
    assert set(json.loads(file.read_text())["auths"]) == set(keys)


def test_whoever_reads_meanwhile_sees_a_whole_file(tmp_path: Path) -> None:
    file = write_json(tmp_path / "auth.json", {"auths": {}})
    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(log_in_often, file)
        counts = []
        while not writing.done():
            counts.append(len(json.loads(file.read_text())["auths"]))
    assert counts == sorted(counts)
