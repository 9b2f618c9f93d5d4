"""Whatever is in an auth file: a credential or one clean error, and no secret in any text."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regcopy.auth.auth_file import read_auth_file
from regcopy.auth.chain import FileKeychain
from regcopy.errors import ConfigurationError
from tests.credentials import CANARY, HOST, basic, environment

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

# What may matter to a parser: colons, base64, escapes, line ends, half a character.
text = st.text(alphabet='a:/= "\\\n\0é\ud800', max_size=8)
secrets = st.builds("{}{}{}".format, text, st.just(CANARY), text)
values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | secrets,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
fields = st.sampled_from(["auth", "username", "password", "identitytoken", "registrytoken", "x"])
well_formed = st.builds(basic, st.sampled_from(["ann", "", "<token>"]), st.just(CANARY))
entries = values | st.dictionaries(fields, values, max_size=6) | well_formed
keys = st.sampled_from([HOST, f"{HOST}/app", f"https://{HOST}/v1/", "docker.io"])
documents = st.fixed_dictionaries(
    {},
    optional={
        "auths": st.dictionaries(keys, entries, max_size=4) | values,
        "credHelpers": values,
        "other": values,
    },
)


def what_is_shown(content: bytes) -> str:
    """Look for a credential; give all texts that a person or a log could get to see."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "auth.json")
        path.write_bytes(content)
        keychain = FileKeychain(environment(), str(path))
        shown = [repr(keychain.explain(HOST, "app")), repr(keychain)]
        try:
            found = keychain.find(HOST, "app")
        except ConfigurationError as error:
            shown += [str(error), repr(error), error.hint]
        else:
            # A user name is shown on purpose; it is not a secret.
            shown.append("" if found is None else repr(found).replace(found.username, ""))
    return "\n".join(shown)


@patient
@given(st.binary(max_size=200))
def test_any_bytes_give_a_file_or_one_clean_error(content: bytes) -> None:
    assert "auth.json" in what_is_shown(content)


@patient
@given(st.sampled_from([b"", b"{", b'{"auths":', b'{"auths":{"example.com":']), st.binary())
def test_bytes_after_a_good_beginning_are_no_worse(start: bytes, rest: bytes) -> None:
    assert CANARY not in what_is_shown(start + CANARY.encode() + rest)


@patient
@given(documents)
def test_no_shape_of_a_file_shows_a_secret(document: object) -> None:
    assert CANARY not in what_is_shown(json.dumps(document).encode())


@patient
@given(st.text(min_size=1).filter(lambda name: ":" not in name), st.text())
def test_what_docker_login_writes_is_read_back(username: str, password: str) -> None:
    password = password.strip("\0")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "auth.json")
        path.write_text(json.dumps({"auths": {HOST: basic(username, password)}}))
        found = read_auth_file(path).credential(HOST)

    wanted = (username, "", password) if username == "<token>" else (username, password, "")
    assert found is None or (found.username, found.password, found.identity_token) == wanted
    assert (found is None) == (not password)
