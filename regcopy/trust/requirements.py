"""Requirements that only a signature satisfies (containers-policy.json(5))."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regcopy.trust.identity import IdentityMatch


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where the trusted keys come from: files, or content that stands in the policy.

    Attributes:
        paths: files; read when a signature is checked.
        contents: the keys themselves.
    """

    paths: tuple[str, ...] = ()
    contents: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class SignedBy:
    """A simple signature by one of these OpenPGP keys (`signedBy`).

    Attributes:
        key_type: only `GPGKeys` can be satisfied.
    """

    key_type: str
    keys: KeySource
    identity: IdentityMatch


@dataclass(frozen=True, slots=True)
class SigstoreSigned:
    """A sigstore signature by one of these keys (`sigstoreSigned`).

    Attributes:
        unsupported: members that ask for more than a signature by a key, such as `fulcio`;
            such a requirement rejects every image.
    """

    keys: KeySource
    identity: IdentityMatch
    unsupported: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedBaseLayer:
    """A signed base image (`signedBaseLayer`); nobody implements it, so it rejects."""
