"""Signatures, good and bad in many ways, and whether an image with them may be used.

Every vector is checked by our own verifier, and those of simple signatures by skopeo as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from regcopy.model.digest import Digest
from tests.signing import SIGSTORE, SIMPLE, GpgHome, Json, encode, payload

NAME: Final = "docker.io/library/app:1"
OLD: Final = ("--faked-system-time", "20200101T000000!")


@dataclass(frozen=True)
class Keys:
    """Who signs what.

    Attributes:
        home: secret keys: "good" and "second" are trusted, "evil" is not, "late" and
            "revoked" are trusted and of no use any more; "parent" has a subkey that signs.
        manifest: bytes of the image's manifest.
    """

    home: GpgHome
    manifest: bytes

    @property
    def digest(self) -> Digest:
        """What a good signature names."""
        return Digest.of(self.manifest)

    def sign(self, document: Json | bytes, name: str = "good", *more: str) -> bytes:
        """Sign a document, or bytes that are none."""
        content = document if isinstance(document, bytes) else encode(document)
        return self.home.sign(content, name, *more)

    def claim(self, reference: str = NAME, digest: Digest | str | None = None) -> Json:
        """A good document."""
        return payload(digest or self.digest, reference)


TRUSTED: Final = ("good", "second", "late", "revoked", "parent")
Make = Callable[[Keys], list[bytes]]


@dataclass(frozen=True)
class Vector:
    """Signatures of one image, and whether they will do.

    Attributes:
        oracle: whether Debian's skopeo, which is older, must agree.
    """

    name: str
    make: Make
    accepted: bool = False
    oracle: bool = True


def make_keys(home: GpgHome, manifest: bytes) -> Keys:
    """Make all keys that the vectors need."""
    for name in ("good", "second", "evil", "revoked", "parent"):
        home.make_key(name)
    home.make_key("late", *OLD, expire="1d")
    unlocked = ("--pinentry-mode", "loopback", "--passphrase", "")
    parent = home.fingerprint("parent")
    home.run(*unlocked, "--quick-add-key", parent, "ed25519", "sign", "0")
    revoked = home.fingerprint("revoked")
    text = (home.folder / "openpgp-revocs.d" / f"{revoked}.rev").read_text()
    keys = Keys(home, manifest)
    # It signs before it is revoked: afterwards it cannot.
    (home.folder / "by-revoked").write_bytes(keys.sign(keys.claim(), "revoked"))
    home.run("--import", stdin=text.replace(":-----BEGIN", "-----BEGIN").encode())
    return keys


def _changed(change: Callable[[Json], object]) -> Make:
    def make(keys: Keys) -> list[bytes]:
        document = json.loads(encode(keys.claim()))
        change(document)
        return [keys.sign(document)]

    return make


def _spelt(old: str, new: str) -> Make:
    def make(keys: Keys) -> list[bytes]:
        text = encode(keys.claim()).decode()
        assert old in text
        return [keys.sign(text.replace(old, new, 1).encode())]

    return make


def _raw(*arguments: str) -> Make:
    """The good document through gpg in another way than signing."""
    return lambda keys: [keys.home.run(*arguments, stdin=encode(keys.claim()))]


def _named(reference: str) -> Make:
    return lambda keys: [keys.sign(keys.claim(reference))]


def _of_digest(digest: str) -> Make:
    return lambda keys: [keys.sign(keys.claim(digest=digest))]


SIMPLE_VECTORS: Final = (
    Vector("valid", lambda k: [k.sign(k.claim())], accepted=True),
    Vector("by the second trusted key", lambda k: [k.sign(k.claim(), "second")], accepted=True),
    Vector("by a key that is not trusted", lambda k: [k.sign(k.claim(), "evil")]),
    Vector("no signature", lambda _: []),
    Vector("of another digest", _of_digest("sha256:" + "0" * 64)),
    # skopeo knows the digest of a manifest by SHA-256 only.
    Vector(
        "of the digest by another algorithm",
        lambda k: [k.sign(k.claim(digest=Digest.of(k.manifest, "sha512")))],
        accepted=True,
        oracle=False,
    ),
    Vector("of a digest that is none", _of_digest("sha256:abc")),
    Vector("of a digest that is a path", _of_digest("sha256:../../etc/passwd")),
    Vector(
        "of a digest in capitals",
        lambda k: [k.sign(k.claim(digest=f"sha256:{k.digest.hex.upper()}"))],
    ),
    Vector("with the short name", _named("app:1"), accepted=True),
    Vector("of another repository", _named("docker.io/library/other:1")),
    Vector("of another registry", _named("example.com/library/app:1")),
    Vector("of another tag", _named("docker.io/library/app:2")),
    Vector("with a name without tag", _named("docker.io/library/app")),
    Vector(
        "with the digest in place of the tag",
        lambda k: [k.sign(k.claim(f"docker.io/library/app@{k.digest}"))],
    ),
    Vector("with a name that is none", _named("docker.io/Library/App:1")),
    Vector("with an empty name", _named("")),
    Vector(
        "a bad one and a good one",
        lambda k: [k.sign(k.claim(), "evil"), k.sign(k.claim())],
        accepted=True,
    ),
    Vector("two bad ones", lambda k: [k.sign(k.claim(), "evil"), k.sign(k.claim("a:1"))]),
    Vector("truncated", lambda k: [k.sign(k.claim())[:-20]]),
    Vector("one byte of it", lambda k: [k.sign(k.claim())[:1]]),
    Vector("empty", lambda _: [b""]),
    Vector("text", lambda _: [b"this is no signature"]),
    Vector("a public key", lambda k: [k.home.export("good")]),
    Vector("a payload that is no JSON", lambda k: [k.sign(b"yes, trust it")]),
    Vector("a payload that is a list", lambda k: [k.sign(b"[]")]),
    Vector("an empty payload", lambda k: [k.sign(b"")]),
    Vector(
        "a payload with a byte order mark", lambda k: [k.sign(b"\xef\xbb\xbf" + encode(k.claim()))]
    ),
    Vector("a payload with more behind it", lambda k: [k.sign(encode(k.claim()) + b"{}")]),
    Vector("a payload of another type", _spelt(SIMPLE, "another signature")),
    Vector("a payload of sigstore's type", _spelt(SIMPLE, SIGSTORE)),
    Vector("a payload without critical", _changed(lambda d: d.pop("critical"))),
    Vector("a payload without optional", _changed(lambda d: d.pop("optional"))),
    Vector("a payload with null as optional", _changed(lambda d: d.update(optional=None))),
    Vector("a payload with more at its top", _changed(lambda d: d.update(more=1))),
    Vector("a payload with more in critical", _spelt('"critical":{', '"critical":{"a":1,')),
    Vector("a payload with more in image", _spelt('"image":{', '"image":{"a":1,')),
    Vector("a payload with more in identity", _spelt('"identity":{', '"identity":{"a":1,')),
    Vector(
        "a payload with more in optional",
        _spelt('"optional":{', '"optional":{"a":1,'),
        accepted=True,
    ),
    Vector(
        "a payload with nothing in optional",
        _changed(lambda d: d.update(optional={})),
        accepted=True,
    ),
    Vector("a payload with critical twice", _spelt('"optional"', '"critical":{},"optional"')),
    Vector("a payload with image twice", _spelt('"type"', '"image":{},"type"')),
    Vector("a payload with creator twice", _spelt('"creator"', '"creator":"x","creator"')),
    Vector("a payload with part of a second as time", _spelt("1700000000", "1700000000.5")),
    Vector("a payload with text as time", _spelt("1700000000", '"now"')),
    Vector("a payload with a number as creator", _spelt('"a test"', "1")),
    Vector(
        "a payload with a number as digest",
        _changed(
            lambda d: d.update(critical={**_critical(d), "image": {"docker-manifest-digest": 1}})
        ),
    ),
    Vector("signed, and in armour", lambda k: [k.sign(k.claim(), "good", "--armor")]),
    Vector("clear text", _raw("--local-user", "good@example.com", "--clear-sign")),
    Vector("detached", _raw("--local-user", "good@example.com", "--detach-sign")),
    Vector("not signed at all", _raw("--store")),
    Vector(
        "signed by two keys",
        lambda k: [k.sign(k.claim(), "good", "--local-user", "second@example.com")],
    ),
    Vector("expired", lambda k: [k.sign(k.claim(), "late", *OLD, "--default-sig-expire", "1d")]),
    Vector("by a key that has expired", lambda k: [k.sign(k.claim(), "late", *OLD)]),
    Vector("by a key that was revoked", lambda k: [(k.home.folder / "by-revoked").read_bytes()]),
    # containers/image knows subkeys since 2025.
    Vector(
        "by a subkey of a trusted key",
        lambda k: [k.sign(k.claim(), "parent")],
        accepted=True,
        oracle=False,
    ),
)


def _critical(document: Json) -> Json:
    critical = document["critical"]
    assert isinstance(critical, dict)
    return critical
