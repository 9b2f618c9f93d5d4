from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from regcopy.auth.auth_file import MAX_FILE_BYTES, AuthFile, read_auth_file
from regcopy.auth.credential import Credential
from regcopy.errors import ConfigurationError
from tests.credentials import CANARY, HOST, basic, write_json


def encoded(text: str) -> dict[str, object]:
    return {"auth": base64.b64encode(text.encode()).decode()}


def read(path: Path, document: object) -> AuthFile:
    return read_auth_file(write_json(path / "auth.json", document))


def entry(path: Path, value: object) -> Credential | None:
    return read(path, {"auths": {HOST: value}}).credential(HOST)


@pytest.mark.parametrize(
    ("value", "username", "password"),
    [
        (encoded("ann:secret"), "ann", "secret"),
        (encoded("ann:with:colons:"), "ann", "with:colons:"),
        (encoded("änn:pässwörd"), "änn", "pässwörd"),
        (encoded("ann:padded\0\0\0"), "ann", "padded"),
        (encoded("ann:secret") | {"email": "ann@example.com"}, "ann", "secret"),
        (encoded("ann:secret") | {"username": "bob", "password": "x"}, "ann", "secret"),
        ({"username": "ann", "password": "secret"}, "ann", "secret"),
        ({"username": "ann", "password": "secret", "auth": ""}, "ann", "secret"),
        ({"username": "ann", "password": "secret", "auth": None}, "ann", "secret"),
        ({"auth": "YW5u\nOnNl\r\nY3JldA==\n"}, "ann", "secret"),
    ],
)
def test_user_and_password(value: object, username: str, password: str, tmp_path: Path) -> None:
    credential = entry(tmp_path, value)

    assert credential is not None
    assert (credential.username, credential.password) == (username, password)
    assert not credential.identity_token
    assert not credential.registry_token


@pytest.mark.parametrize(
    "value",
    [
        {"identitytoken": "tok"},
        encoded("ann:secret") | {"identitytoken": "tok"},
        encoded("<token>:tok"),
        {"username": "<token>", "password": "tok"},
        encoded("<token>:other") | {"identitytoken": "tok"},
    ],
)
def test_an_identity_token_stands_in_place_of_a_password(value: object, tmp_path: Path) -> None:
    credential = entry(tmp_path, value)

    assert credential is not None
    assert credential.identity_token == "tok"
    assert not credential.password


def test_a_registry_token_is_preferred_to_everything_else(tmp_path: Path) -> None:
    credential = entry(
        tmp_path, encoded("ann:secret") | {"identitytoken": "other", "registrytoken": "tok"}
    )

    assert credential is not None
    assert credential.registry_token == "tok"
    assert not credential.identity_token
    assert not credential.password


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"email": "ann@example.com"},
        {"auth": ""},
        {"username": "ann"},
        {"password": "secret"},
        encoded("ann:"),
        encoded("ann:\0\0"),
        encoded(":secret"),
        {"identitytoken": "", "registrytoken": None},
    ],
)
def test_an_entry_that_holds_no_secret_is_no_credential(value: object, tmp_path: Path) -> None:
    assert entry(tmp_path, value) is None


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (CANARY, "not an object"),
        ([CANARY], "not an object"),
        ({"auth": f"!{CANARY}"}, "not valid base64"),
        ({"auth": basic("ann")["auth"].rstrip("=") + "="}, "not valid base64"),
        ({"auth": f"{basic('ann')['auth']}\u00e9"}, "not valid base64"),
        ({"auth": f"{basic('ann')['auth']}\ud800"}, "not valid base64"),
        ({"auth": base64.b64encode(b"ann:\xff" + CANARY.encode()).decode()}, "UTF-8"),
        (encoded(CANARY), 'no "user:password"'),
        ({"auth": [CANARY]}, '"auth" is not text'),
        ({"username": "ann", "password": {CANARY: 1}}, '"password" is not text'),
        ({"username": 7, "password": CANARY}, '"username" is not text'),
        ({"identitytoken": [CANARY]}, '"identitytoken" is not text'),
        ({"registrytoken": {"x": CANARY}}, '"registrytoken" is not text'),
        ({"registrytoken": f"{CANARY}\r\nX-Header: 1"}, "the registry token"),
        ({"username": "ann", "password": f"{CANARY}\ud800"}, "UTF-8"),
        ({"identitytoken": f"{CANARY}\udfff"}, "UTF-8"),
    ],
)
def test_a_broken_entry_is_an_error_that_shows_no_secret(
    value: object, why: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=why) as caught:
        entry(tmp_path, value)

    shown = f"{caught.value} {caught.value!r} {caught.value.hint}"
    assert f'auth.json entry "{HOST}"' in shown
    assert CANARY not in shown
    assert caught.value.__cause__ is None


def test_a_broken_entry_does_not_stop_the_others(tmp_path: Path) -> None:
    file = read(tmp_path, {"auths": {"broken.example": {"auth": "!"}, HOST: basic("ann")}})

    credential = file.credential(HOST)
    assert credential is not None
    assert credential.username == "ann"


def test_the_origin_names_file_and_entry(tmp_path: Path) -> None:
    credential = entry(tmp_path, basic("ann"))

    assert credential is not None
    assert credential.origin == f'{tmp_path}/auth.json entry "{HOST}"'


def test_the_repr_shows_no_secret(tmp_path: Path) -> None:
    file = read(
        tmp_path, {"auths": {HOST: {"identitytoken": CANARY}}, "credHelpers": {CANARY: CANARY}}
    )

    assert CANARY not in repr(file) + str(file)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b'{"auths": {}} x', "not valid JSON"),
        (b"\xff\xfe\xfd", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"auths": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"auths": []}', '"auths" is not an object'),
        (b'{"credHelpers": "pass"}', '"credHelpers" is not an object'),
        (b'{"credsStore": ["pass"]}', '"credsStore" is not text'),
    ],
)
def test_a_malformed_file_is_an_error_that_names_it(
    content: bytes, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "auth.json"
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=why) as caught:
        read_auth_file(path)

    assert str(path) in str(caught.value)


def test_a_file_without_an_end_is_read_up_to_the_limit_only() -> None:
    with pytest.raises(ConfigurationError, match=f"larger than {MAX_FILE_BYTES} bytes"):
        read_auth_file(Path("/dev/zero"))


def test_a_file_as_large_as_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    path.write_bytes(json.dumps({"auths": {HOST: {}}}).encode().ljust(MAX_FILE_BYTES))

    assert list(read_auth_file(path).auths) == [HOST]


def test_a_missing_file_is_told_apart_from_a_malformed_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_auth_file(tmp_path / "auth.json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_an_editor_put_before_the_text_does_no_harm(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    path.write_bytes(json.dumps({"auths": {HOST: basic("ann")}}).encode(encoding))

    assert read_auth_file(path).credential(HOST) is not None


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"auths": None, "credHelpers": None, "credsStore": None},
        {"auths": {}, "credsStore": ""},
        {"HttpHeaders": {"X": "y"}, "experimental": "enabled"},
    ],
)
def test_a_file_without_entries_has_nothing_to_say(document: object, tmp_path: Path) -> None:
    file = read(tmp_path, document)

    assert list(file.matching_keys(HOST, "app")) == []
    assert file.helper_for(HOST) is None
    assert not file.store


def test_a_dockercfg_holds_entries_and_nothing_else(tmp_path: Path) -> None:
    document = {"https://example.com/v1/": basic("ann"), "credsStore": {"auth": ""}}

    file = read_auth_file(write_json(tmp_path / ".dockercfg", document), legacy=True)

    assert list(file.matching_keys(HOST, "app")) == ["https://example.com/v1/"]
    assert not file.store


@pytest.mark.parametrize(
    ("helpers", "registry", "wanted"),
    [
        ({"example.com": "a"}, "example.com", ("example.com", "a")),
        ({"example.com:5000": "a"}, "example.com:5000", ("example.com:5000", "a")),
        ({"https://example.com": "a"}, "example.com", ("https://example.com", "a")),
        ({"https://example.com": "a", "example.com": "b"}, "example.com", ("example.com", "b")),
        ({"example.com": "b", "https://example.com": "a"}, "example.com", ("example.com", "b")),
        ({"index.docker.io": "a"}, "docker.io", ("index.docker.io", "a")),
        ({"example.com": ""}, "example.com", ("example.com", "")),
        ({"example.com:5000": "a"}, "example.com", None),
        ({"example.com/team": "a"}, "example.com", None),
        ({"com": "a", ".example.com": "a", "*": "a"}, "example.com", None),
    ],
)
def test_a_helper_is_for_one_whole_registry(
    helpers: dict[str, str], registry: str, wanted: tuple[str, str] | None, tmp_path: Path
) -> None:
    assert read(tmp_path, {"credHelpers": helpers}).helper_for(registry) == wanted


@pytest.mark.parametrize("name", [None, 7, ["a"], {CANARY: "a"}])
def test_a_helper_whose_name_is_not_text_is_an_error(name: object, tmp_path: Path) -> None:
    file = read(tmp_path, {"credHelpers": {HOST: name}})

    with pytest.raises(ConfigurationError, match="name of the credential helper is not text"):
        file.helper_for(HOST)
