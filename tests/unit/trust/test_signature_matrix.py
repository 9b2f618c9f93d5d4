"""Which signatures will do: each vector alone, most of them bad in one way."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from regcopy.config.environment import Environment
from regcopy.errors import PolicyRejected, SignatureInvalid
from regcopy.model.digest import Digest
from regcopy.model.reference import ImageName
from regcopy.testing.samples import single_image
from regcopy.trust.evaluation import Candidate, Verifier
from regcopy.trust.policy import Policy
from regcopy.trust.policy_file import parse_policy
from regcopy.trust.signatures import (
    SIGSTORE_SIGNATURE,
    SIGSTORE_TYPE,
    Signature,
    SigstoreSignature,
    parse_all,
)
from tests.signature_vectors import NAME, SIMPLE_VECTORS, TRUSTED, Keys, Vector
from tests.signing import (
    SIGSTORE,
    SIMPLE,
    Json,
    encode,
    exact_reference,
    payload,
    signed_by,
    sigstore_signed,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey

MANIFEST: Final = single_image().top.content


def policy_of(requirement: Json) -> Policy:
    return parse_policy(encode({"default": [requirement]}))


def is_accepted(
    policy: Policy,
    signatures: Callable[[], Sequence[Signature]],
    environment: Environment,
    name: ImageName | None = None,
) -> bool:
    candidate = Candidate("an image", name, Digest.of(MANIFEST), lambda: MANIFEST, signatures)
    with Verifier(environment) as verifier:
        try:
            verifier.check(policy.default, candidate)
        except (PolicyRejected, SignatureInvalid):
            return False
    return True


def test_most_vectors_must_be_refused() -> None:
    vectors = (*SIMPLE_VECTORS, *SIGSTORE_VECTORS)
    assert len(vectors) >= 60
    assert sum(vector.accepted for vector in vectors) < len(vectors) / 3


@pytest.mark.parametrize("vector", SIMPLE_VECTORS, ids=lambda vector: vector.name)
def test_a_simple_signature(vector: Vector, gpg_keys: Keys) -> None:
    policy = policy_of(signed_by(gpg_keys.home.export(*TRUSTED), exact_reference(NAME)))
    stored = vector.make(gpg_keys)
    accepted = is_accepted(policy, lambda: parse_all(stored), gpg_keys.home.environment)
    assert accepted is vector.accepted


@dataclass(frozen=True)
class SigstoreKeys:
    """Plain keys of each kind, and their public halves."""

    sign: Callable[[str, bytes], bytes]
    public: Callable[[str], bytes]


@pytest.fixture(scope="module")
def sigstore_keys() -> SigstoreKeys:
    pytest.importorskip("cryptography")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    ecdsa = ec.generate_private_key(ec.SECP256R1())
    evil = ec.generate_private_key(ec.SECP256R1())
    edwards = ed25519.Ed25519PrivateKey.generate()
    rivest = rsa.generate_private_key(65537, 2048)
    form = serialization.PublicFormat.SubjectPublicKeyInfo

    def pem(key: PrivateKey) -> bytes:
        return key.public_key().public_bytes(serialization.Encoding.PEM, form)

    publics = {
        "ecdsa": pem(ecdsa),
        "evil": pem(evil),
        "ed25519": pem(edwards),
        "rsa": pem(rivest),
    }

    def sign(name: str, content: bytes) -> bytes:
        if name == "ed25519":
            return edwards.sign(content)
        if name == "rsa":
            return rivest.sign(content, padding.PKCS1v15(), hashes.SHA256())
        return (evil if name == "evil" else ecdsa).sign(content, ec.ECDSA(hashes.SHA256()))

    return SigstoreKeys(sign, publics.__getitem__)


@dataclass(frozen=True)
class SigstoreVector:
    """One signature; what is not said is good.

    Attributes:
        trusted: the key that the policy names.
        signer: the key that signs.
        signed: what is signed; None for the payload.
        annotation: the signature, where it is not simply that.
    """

    name: str
    accepted: bool = False
    signer: str = "ecdsa"
    trusted: str = "ecdsa"
    payload: bytes = encode(payload(Digest.of(MANIFEST), NAME, kind=SIGSTORE))
    signed: bytes | None = None
    annotation: str | None = None
    media_type: str = SIGSTORE_TYPE
    identity: Json | None = None


def said(reference: str = NAME, digest: Digest | None = None, **changes: object) -> bytes:
    document = payload(digest or Digest.of(MANIFEST), reference, kind=SIGSTORE)
    return encode({**document, **changes})


REPOSITORY: Final[Json] = {
    "type": "exactRepository",
    "dockerRepository": "docker.io/library/app",
}
SIGSTORE_VECTORS: Final = (
    SigstoreVector("valid", accepted=True),
    SigstoreVector("valid, by RSA", accepted=True, signer="rsa", trusted="rsa"),
    SigstoreVector("valid, by Ed25519", accepted=True, signer="ed25519", trusted="ed25519"),
    SigstoreVector("null as optional, as cosign writes it", True, payload=said(optional=None)),
    SigstoreVector(
        "a name without tag, where the repository counts",
        True,
        payload=said("docker.io/library/app"),
        identity=REPOSITORY,
    ),
    SigstoreVector("a name without tag", payload=said("docker.io/library/app")),
    SigstoreVector("by another key", signer="evil"),
    SigstoreVector("by a key of another kind", signer="rsa"),
    SigstoreVector("of another digest", payload=said(digest=Digest.of(b"other"))),
    SigstoreVector("of another repository", payload=said("docker.io/library/other:1")),
    SigstoreVector("of another tag", payload=said("docker.io/library/app:2")),
    SigstoreVector("over another payload", signed=said("docker.io/library/app:2")),
    SigstoreVector("over nothing", signed=b""),
    SigstoreVector("without the annotation", annotation=""),
    SigstoreVector("with an annotation that is no base64", annotation="!!!!"),
    SigstoreVector("with an annotation that is no signature", annotation="YWJj"),
    SigstoreVector("with an annotation without end", annotation="A" * 100_000),
    SigstoreVector("of another media type", media_type="application/vnd.in-toto+json"),
    SigstoreVector("of a payload that is no JSON", payload=b"{"),
    SigstoreVector("of an empty payload", payload=b""),
    SigstoreVector("of a payload with more in it", payload=said(more=1)),
    SigstoreVector(
        "of a simple payload", payload=said().replace(SIGSTORE.encode(), SIMPLE.encode())
    ),
)


@pytest.mark.parametrize("vector", SIGSTORE_VECTORS, ids=lambda vector: vector.name)
def test_a_sigstore_signature(vector: SigstoreVector, sigstore_keys: SigstoreKeys) -> None:
    content = vector.payload if vector.signed is None else vector.signed
    made = base64.b64encode(sigstore_keys.sign(vector.signer, content)).decode()
    annotation = made if vector.annotation is None else vector.annotation
    annotations = {SIGSTORE_SIGNATURE: annotation} if annotation else {}
    signature = SigstoreSignature(vector.media_type, vector.payload, annotations)
    identity = vector.identity or exact_reference(NAME)
    policy = policy_of(sigstore_signed(sigstore_keys.public(vector.trusted), identity))
    stored = [signature.to_bytes()]
    assert is_accepted(policy, lambda: parse_all(stored), Environment()) is vector.accepted


@pytest.mark.parametrize(
    ("requirement", "why"),
    [
        ({"type": "reject"}, "is rejected by policy"),
        ({"type": "signedBaseLayer", "baseLayerIdentity": {"type": "matchExact"}}, "not supported"),
        (
            {"type": "signedBy", "keyType": "X509Certificates", "keyData": "YQ=="},
            'Unimplemented "keyType" value "X509Certificates"',
        ),
        (
            {"type": "sigstoreSigned", "keyData": "YQ==", "rekorPublicKeyData": "YQ=="},
            "demands rekorPublicKeyData, which is not supported yet",
        ),
        (
            {
                "type": "sigstoreSigned",
                "rekorPublicKeyData": "YQ==",
                "fulcio": {"caData": "YQ==", "oidcIssuer": "i", "subjectEmail": "e"},
            },
            "demands fulcio, rekorPublicKeyData, which is not supported yet",
        ),
        (
            {"type": "sigstoreSigned", "pki": {"caRootsData": "YQ==", "subjectEmail": "e"}},
            "demands pki, which is not supported yet",
        ),
    ],
)
def test_a_requirement_that_nothing_satisfies_says_why(requirement: Json, why: str) -> None:
    candidate = Candidate("an image", None, Digest.of(MANIFEST), lambda: MANIFEST, tuple)
    with Verifier(Environment()) as verifier, pytest.raises(PolicyRejected, match=why):
        verifier.check(policy_of(requirement).default, candidate)


def test_every_requirement_must_be_satisfied(gpg_keys: Keys) -> None:
    both = [
        signed_by(gpg_keys.home.export(name), exact_reference(NAME)) for name in ("good", "second")
    ]
    policy = parse_policy(encode({"default": both}))
    good, second = (gpg_keys.sign(gpg_keys.claim(), name) for name in ("good", "second"))
    environment = gpg_keys.home.environment
    assert is_accepted(policy, lambda: parse_all([good, second]), environment)
    assert not is_accepted(policy, lambda: parse_all([good]), environment)


def test_a_keyring_without_keys_accepts_nothing(gpg_keys: Keys) -> None:
    policy = policy_of(signed_by(b"no keys", exact_reference(NAME)))
    stored = [gpg_keys.sign(gpg_keys.claim())]
    assert not is_accepted(policy, lambda: parse_all(stored), gpg_keys.home.environment)


def test_no_requirement_at_all_accepts_nothing() -> None:
    candidate = Candidate("an image", None, Digest.of(MANIFEST), lambda: MANIFEST, tuple)
    with Verifier(Environment()) as verifier, pytest.raises(PolicyRejected, match="not be empty"):
        verifier.check((), candidate)
