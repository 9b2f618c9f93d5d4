"""Every error that regcopy raises on purpose.

    RegcopyError
    ├── UsageError (also a ValueError)   nothing was attempted
    │   ├── InvalidReference · InvalidDigest · InvalidPlatform
    │   └── ConfigurationError
    ├── ContentError                     the bytes are not what they claim
    │   ├── DigestMismatch · SizeMismatch
    │   ├── ManifestInvalid · ManifestUnsupported · SignatureInvalid
    │   └── LimitExceeded
    ├── TransportError                   a place could not be reached, or said no
    │   ├── NotFound · Unauthorized · Forbidden · RateLimited · Refused · ServerFault
    │   ├── ConnectionFailed
    │   │   └── TimedOut · Stalled · TlsFailed
    │   ├── StorageFailed
    │   └── TransportUnavailable
    ├── PolicyRejected
    └── Cancelled

An error keeps its type from the place it is raised to the user. On the way up the engine
adds, once, which side it happened on and what was being done (see `located`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from regcopy.text import printable

Side = Literal["source", "destination"]


class RegcopyError(Exception):
    """What went wrong, in one line, with where and what to try kept apart.

    Attributes:
        message: what happened, without the place.
        side: "source" or "destination", or None where there is only one place.
        operation: what was being done, such as "reading manifest 1.0".
        reference: the image, as the user wrote it.
        hint: what to try next, or "".
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.side: Side | None = None
        self.operation = ""
        self.reference = ""
        self.hint = hint

    def __str__(self) -> str:
        """One line: side, operation, reference, message; safe for a terminal."""
        place = " ".join(part for part in (self.side, self.reference) if part)
        parts = (place, self.operation, self.message)
        return printable(": ".join(part for part in parts if part), limit=4000)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by attributes: constructors differ, and a process pool must get it whole."""
        return _remade, (type(self), self.args), vars(self)


def _remade(kind: type[RegcopyError], arguments: tuple[object, ...]) -> RegcopyError:
    return kind.__new__(kind, *arguments)


class UsageError(RegcopyError, ValueError):
    """Nothing was attempted: what was asked for makes no sense."""


class InvalidReference(UsageError):
    """A name of an image that does not follow its transport's grammar."""


class InvalidDigest(UsageError):
    """Text that is not `sha256:` or `sha512:` and that many lower-case hex digits."""


class InvalidPlatform(UsageError):
    """Text that is not `os/architecture[/variant]`."""


class ConfigurationError(UsageError):
    """A configuration file or option that was named and cannot be used."""


class ContentError(RegcopyError):
    """The bytes are not what they claim to be."""


class DigestMismatch(ContentError):
    """The bytes have another digest than their descriptor says."""

    def __init__(self, expected: object, actual: object) -> None:
        super().__init__(f"expected digest {expected}, got {actual}")
        self.expected = expected
        self.actual = actual


class SizeMismatch(ContentError):
    """There are more or fewer bytes than the descriptor says."""

    def __init__(self, expected: int, actual: int, *, what: str = "content") -> None:
        more = "at least " if actual > expected else ""
        super().__init__(f"expected {expected} bytes of {what}, got {more}{actual}")
        self.expected = expected
        self.actual = actual


class ManifestInvalid(ContentError):
    """A manifest that breaks its specification, or that two programs could read differently."""


class ManifestUnsupported(ContentError):
    """A manifest or layer of a kind that cannot be used for what was asked."""


class SignatureInvalid(ContentError):
    """A signature that is broken, or that proves nothing about the image it lies beside."""


class LimitExceeded(ContentError):
    """A place sent more than regcopy is willing to hold or follow."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: enough for a bug report, nothing secret.

    The address has no query and no user information: either may carry a secret.
    """

    method: str
    address: str
    status: int
    codes: tuple[str, ...] = ()


class TransportError(RegcopyError):
    """A place could not be reached, or said no.

    Attributes:
        answer: what a server said, where one answered.
        tries: how often the request was made.
    """

    def __init__(self, message: str, *, answer: Answer | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.answer = answer
        self.tries = 1


class NotFound(TransportError):
    """The image, tag, manifest or blob does not exist there."""


class Unauthorized(TransportError):
    """Credentials are missing or were not accepted."""


class Forbidden(TransportError):
    """The credentials were understood and do not allow this."""


class RateLimited(TransportError):
    """Too many requests; `retry_after` is the server's own wish, in seconds."""

    def __init__(
        self,
        message: str,
        *,
        answer: Answer | None = None,
        retry_after: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, answer=answer, hint=hint)
        self.retry_after = retry_after


class Refused(TransportError):
    """The server understood and will not do it (another 4xx, or an answer outside the protocol)."""


class ServerFault(TransportError):
    """The server failed (5xx); `retry_after` is its own wish, in seconds."""

    def __init__(
        self,
        message: str,
        *,
        answer: Answer | None = None,
        retry_after: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, answer=answer, hint=hint)
        self.retry_after = retry_after


class ConnectionFailed(TransportError):
    """No connection, or it broke."""


class TimedOut(ConnectionFailed):
    """No answer within the time allowed."""


class Stalled(ConnectionFailed):
    """The connection stands, and next to nothing comes through it."""


class TlsFailed(ConnectionFailed):
    """The other side's certificate, or ours, was not accepted."""


class StorageFailed(TransportError):
    """A file or folder could not be read or written (full disk, permissions, …)."""


class TransportUnavailable(TransportError):
    """The transport needs a program or library that is not here; the message names it."""


class PolicyRejected(RegcopyError):
    """The trust policy does not allow this image."""


class Cancelled(RegcopyError):
    """The work was stopped by its owner (Ctrl-C, SIGTERM, a cancelled token)."""


@contextmanager
def located(
    *, side: Side | None = None, reference: object = "", operation: str = ""
) -> Iterator[None]:
    """Tell errors that pass through where they happened; what is already told stays."""
    try:
        yield
    except RegcopyError as error:
        error.side = error.side or side
        error.reference = error.reference or str(reference)
        error.operation = error.operation or operation
        raise
