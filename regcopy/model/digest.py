"""Content digests (OCI image-spec, descriptor.md, "Digests")."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Protocol, Self

from regcopy.errors import DigestMismatch, InvalidDigest
from regcopy.text import printable

# The two registered algorithms, and how many hex digits each has. Nothing else is
# accepted: a digest ends up in paths and URLs, so an unknown form is refused early.
_HEX_LENGTH: Final = {"sha256": 64, "sha512": 128}
_HEX_DIGITS: Final = frozenset("0123456789abcdef")


class Hasher(Protocol):
    """What `hashlib` gives: feed bytes, ask for the hex digest."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take more bytes."""
        ...

    def hexdigest(self) -> str:
        """Hex digest of all bytes so far."""
        ...


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """`algorithm:hex` of exact bytes; there is no invalid value of this type."""

    algorithm: str
    hex: str

    def __post_init__(self) -> None:
        length = _HEX_LENGTH.get(self.algorithm)
        if length is None or len(self.hex) != length or not _HEX_DIGITS.issuperset(self.hex):
            shown = printable(f"{self.algorithm}:{self.hex}", limit=150)
            raise InvalidDigest(f'invalid digest "{shown}"')

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `sha256:<64 hex>` or `sha512:<128 hex>`.

        Raises:
            InvalidDigest: anything else, upper-case hex included.
        """
        algorithm, _, digits = text.partition(":")
        return cls(algorithm, digits)

    @classmethod
    def of(cls, content: bytes, algorithm: str = "sha256") -> Self:
        """Hash bytes that are at hand."""
        hasher = new_hasher(algorithm)
        hasher.update(content)
        return cls(algorithm, hasher.hexdigest())

    def check(self, content: bytes) -> None:
        """Raise DigestMismatch unless `content` has this digest."""
        actual = Digest.of(content, self.algorithm)
        if actual != self:
            raise DigestMismatch(self, actual)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


def new_hasher(algorithm: str = "sha256") -> Hasher:
    """Start hashing with one of the accepted algorithms."""
    if algorithm == "sha512":
        return hashlib.sha512(usedforsecurity=True)
    if algorithm == "sha256":
        return hashlib.sha256(usedforsecurity=True)
    raise InvalidDigest(f'unknown digest algorithm "{printable(algorithm, limit=50)}"')
