"""policy.json as a value; the broken forms are compared with skopeo in tests/integration."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.errors import ConfigurationError
from regcopy.model.reference import ImageName
from regcopy.trust.identity import (
    ExactReference,
    ExactRepository,
    IdentityMatch,
    MatchExact,
    MatchRepoDigestOrExact,
    MatchRepository,
    RemapIdentity,
)
from regcopy.trust.policy import AcceptAnything, Reject
from regcopy.trust.policy_file import parse_policy
from regcopy.trust.requirements import KeySource, SignedBy, SigstoreSigned
from tests.growth import TOO_FAST, growth
from tests.signing import Json, encode


def one(requirement: Json) -> object:
    (parsed,) = parse_policy(encode({"default": [requirement]})).default
    return parsed


def signed(**members: object) -> object:
    return one({"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k", **members})


def sigstore(**members: object) -> object:
    return one({"type": "sigstoreSigned", **members})


def test_requirements_by_transport_and_scope() -> None:
    policy = parse_policy(
        b'{"default":[{"type":"reject"}],"transports":{"docker":{"":[{"type":"reject"}],'
        b'"example.com":[{"type":"insecureAcceptAnything"},{"type":"reject"}]},"other":{}}}'
    )
    assert policy.default == (Reject(),)
    assert policy.transports["docker"]["example.com"] == (AcceptAnything(), Reject())
    assert policy.transports["other"] == {}


def test_the_identity_that_is_not_given_is_match_repo_digest_or_exact() -> None:
    assert signed() == SignedBy("GPGKeys", KeySource(("/k",)), MatchRepoDigestOrExact())


@pytest.mark.parametrize(
    ("identity", "match"),
    [
        ({"type": "matchExact"}, MatchExact()),
        ({"type": "matchRepoDigestOrExact"}, MatchRepoDigestOrExact()),
        ({"type": "matchRepository"}, MatchRepository()),
        (
            {"type": "exactReference", "dockerReference": "app:1"},
            ExactReference(ImageName.parse("docker.io/library/app:1")),
        ),
        (
            {"type": "exactRepository", "dockerRepository": "example.com/app"},
            ExactRepository(ImageName.parse("example.com/app")),
        ),
        (
            {"type": "remapIdentity", "prefix": "m:5000/v", "signedPrefix": "v.example.com"},
            RemapIdentity("m:5000/v", "v.example.com"),
        ),
    ],
)
def test_an_identity(identity: Json, match: IdentityMatch) -> None:
    parsed = signed(signedIdentity=identity)
    assert isinstance(parsed, SignedBy)
    assert parsed.identity == match


@pytest.mark.parametrize(
    ("members", "keys"),
    [
        ({"keyPath": "/a"}, KeySource(("/a",))),
        ({"keyPaths": ["/a", "/b"]}, KeySource(("/a", "/b"))),
        ({"keyData": "YWJj"}, KeySource(contents=(b"abc",))),
        ({"keyDatas": ["YQ==", "Yg=="]}, KeySource(contents=(b"a", b"b"))),
    ],
)
def test_keys_of_sigstore(members: Json, keys: KeySource) -> None:
    assert sigstore(**members) == SigstoreSigned(keys, MatchRepoDigestOrExact())


def test_what_cannot_be_checked_is_remembered() -> None:
    parsed = sigstore(
        fulcio={"caPath": "/c", "oidcIssuer": "i", "subjectEmail": "e"}, rekorPublicKeyPath="/r"
    )
    assert isinstance(parsed, SigstoreSigned)
    assert parsed.unsupported == ("fulcio", "rekorPublicKeyPath")


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"keyPath": ""},
        {"keyPath": 1},
        {"keyPaths": []},
        {"keyPaths": "/a"},
        {"keyPaths": [""]},
        {"keyData": ""},
        {"keyData": "!"},
        {"keyDatas": []},
        {"keyDatas": [1]},
        {"keyPath": "/a", "keyPaths": ["/b"]},
        {"keyPath": "/a", "pki": {"caRootsPath": "/c"}},
        {"keyPath": "/a", "more": 1},
        {"keyPath": "/a", "keyType": "GPGKeys"},
        {"keyPath": "/a", "rekorPublicKeyData": "!"},
        {"keyPath": "/a", "rekorPublicKeyPath": "/r", "rekorPublicKeyPaths": ["/r"]},
        {"fulcio": {"caPath": "/c"}},
        {"fulcio": {"more": "/c"}, "rekorPublicKeyPath": "/r"},
        {"fulcio": {"caPath": 1}, "rekorPublicKeyPath": "/r"},
        {"fulcio": "/c", "rekorPublicKeyPath": "/r"},
        {"pki": {"more": "/c"}},
        {"keyPath": "/a", "signedIdentity": "matchExact"},
    ],
)
def test_a_broken_requirement_of_sigstore(members: Json) -> None:
    with pytest.raises(ConfigurationError):
        sigstore(**members)


@pytest.mark.parametrize(
    ("prefix", "is_good"),
    [
        ("example.com", True),
        ("localhost:5000", True),
        ("[::1]:5000/app", True),
        ("example.com/a/b-c__d.e", True),
        ("", False),
        ("example.com/", False),
        ("example.com/App", False),
        ("example.com/app:1", False),
        ("example.com/app@sha256:1", False),
        ("-example.com", False),
        ("example.com//a", False),
        ("a" * 600, False),
    ],
)
def test_a_prefix_of_remap_identity(prefix: str, is_good: bool) -> None:
    identity = {"type": "remapIdentity", "prefix": prefix, "signedPrefix": "example.com"}
    if is_good:
        assert signed(signedIdentity=identity)
        return
    with pytest.raises(ConfigurationError, match="prefix"):
        signed(signedIdentity=identity)


def test_the_message_says_where_the_mistake_is() -> None:
    content = encode(
        {"default": [{"type": "reject"}], "transports": {"docker": {"a": [{"type": "rejekt"}]}}}
    )
    with pytest.raises(ConfigurationError) as caught:
        parse_policy(content, name="/etc/policy.json")
    assert str(caught.value) == (
        'invalid trust policy /etc/policy.json: "transports.docker.a[0].type" is the unknown '
        'requirement "rejekt"'
    )


@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, b'{"default":' * 50_000, b"\xff\xfe{}", b'{"default":NaN}', b"\0"],
)
def test_what_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(ConfigurationError):
        parse_policy(content)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["default", "transports", "type", "keyPath", "dir", "", "keyType"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(_JSON)
def test_any_document_is_a_policy_or_refused(document: object) -> None:
    try:
        policy = parse_policy(json.dumps(document).encode())
    except ConfigurationError:
        return
    assert policy.default


def test_time_grows_with_the_policy() -> None:
    def make(size: int) -> bytes:
        scopes = {f"example.com/{n}": [{"type": "reject"}] for n in range(size // 50)}
        return encode({"default": [{"type": "reject"}], "transports": {"docker": scopes}})

    assert growth(parse_policy, make) < TOO_FAST
