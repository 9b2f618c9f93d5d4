"""Does an image satisfy a requirement? Only an explicit True is a yes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from regcopy.errors import LimitExceeded, PolicyRejected, SignatureInvalid
from regcopy.model.digest import Digest
from regcopy.text import printable
from regcopy.trust.log import debug
from regcopy.trust.policy import AcceptAnything, Reject

# What checks signatures is imported where there is one to check: most policies ask for none.
if TYPE_CHECKING:
    from regcopy.config.environment import Environment
    from regcopy.model.reference import ImageName
    from regcopy.trust.claim import Claim
    from regcopy.trust.gpg import TrustedKeys
    from regcopy.trust.identity import IdentityMatch
    from regcopy.trust.policy import Requirement, Requirements
    from regcopy.trust.requirements import SignedBy, SigstoreSigned
    from regcopy.trust.signatures import Signature
    from regcopy.trust.sigstore import PublicKeys

VERIFY_SECONDS: Final = 300.0
_REASONS_SHOWN: Final = 5


@dataclass(frozen=True, eq=False)
class Candidate:
    """A manifest that may be accepted.

    Attributes:
        shown: the image that it belongs to, as the user wrote it.
        name: name that signatures must give it; None where its place gives none.
        digest: of the manifest.
        content: gives its bytes.
        signatures: gives its signatures.
    """

    shown: str
    name: ImageName | None
    digest: Digest
    content: Callable[[], bytes]
    signatures: Callable[[], Sequence[Signature]]


class Verifier:
    """Checks manifests against requirements; keeps keyrings until it is closed.

    Safe for use by several threads.
    """

    def __init__(self, environment: Environment, *, seconds: float = VERIFY_SECONDS) -> None:
        """Begin; all checks together may take so many seconds."""
        self._environment = environment
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._keyrings: dict[SignedBy, TrustedKeys] = {}
        self._public_keys: dict[SigstoreSigned, PublicKeys] = {}

    def check(self, requirements: Requirements, candidate: Candidate) -> None:
        """Raise unless every requirement accepts the manifest.

        Raises:
            PolicyRejected: one does not, and why.
            RegcopyError: that could not be found out.
        """
        if not requirements:
            raise _rejected(
                "List of verification policy requirements must not be empty",
                hint="a signature is required, and the trust policy demands none of this image",
            )
        for requirement in requirements:
            if self._accepts(requirement, candidate) is not True:
                raise _rejected("a requirement did not accept it")

    def _accepts(self, requirement: Requirement, candidate: Candidate) -> bool:
        if isinstance(requirement, AcceptAnything):
            return True
        from regcopy.trust.requirements import SignedBaseLayer, SignedBy, SigstoreSigned

        match requirement:
            case SignedBy():
                return self._is_signed_by(requirement, candidate)
            case SigstoreSigned():
                return self._is_sigstore_signed(requirement, candidate)
            case Reject():
                raise _rejected(f"Running image {candidate.shown} is rejected by policy.")
            case SignedBaseLayer():
                raise _rejected("signedBaseLayer is not supported")
            case _:
                raise _rejected("a requirement of an unknown kind accepts nothing")

    def _is_signed_by(self, requirement: SignedBy, candidate: Candidate) -> bool:
        from regcopy.trust.claim import parse_claim
        from regcopy.trust.signatures import SimpleSignature

        if requirement.key_type != "GPGKeys":
            raise _rejected(f'Unimplemented "keyType" value "{requirement.key_type}"')

        def accepts(signature: Signature) -> bool:
            if not isinstance(signature, SimpleSignature):
                raise SignatureInvalid("it is no simple signature")
            signed = self._keyring(requirement).verify(signature.message)
            claim = parse_claim(signed.content, "simple")
            return _is_about(claim, requirement.identity, candidate)

        kind = [one for one in candidate.signatures() if isinstance(one, SimpleSignature)]
        return self._one_accepted(kind, accepts)

    def _is_sigstore_signed(self, requirement: SigstoreSigned, candidate: Candidate) -> bool:
        from regcopy.trust.claim import parse_claim
        from regcopy.trust.signatures import SIGSTORE_TYPE, SigstoreSignature

        if requirement.unsupported:
            told = ", ".join(requirement.unsupported)
            raise _rejected(
                f"the policy demands {told}, which is not supported yet",
                hint="only signatures by a key (keyPath, keyPaths, keyData, keyDatas) can be "
                "checked",
            )

        def accepts(signature: Signature) -> bool:
            if not isinstance(signature, SigstoreSignature):
                raise SignatureInvalid("it is no sigstore signature")
            payload = self._keys(requirement).verify(signature)
            claim = parse_claim(payload, "sigstore")
            return _is_about(claim, requirement.identity, candidate)

        kind = [
            one
            for one in candidate.signatures()
            if isinstance(one, SigstoreSignature) and one.media_type == SIGSTORE_TYPE
        ]
        return self._one_accepted(kind, accepts)

    def _one_accepted(
        self, signatures: Sequence[Signature], accepts: Callable[[Signature], bool]
    ) -> bool:
        """One accepted signature is enough; the reasons of all others are told if none is."""
        reasons: list[str] = []
        for signature in signatures:
            self._check_time()
            try:
                if accepts(signature) is True:
                    return True
                reasons.append("it was not accepted")
            except (SignatureInvalid, LimitExceeded) as error:
                reasons.append(error.message)
        raise _rejected(_summary(reasons))

    def _check_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise LimitExceeded(f"signatures could not be checked within {self._seconds:g} seconds")

    def _keyring(self, requirement: SignedBy) -> TrustedKeys:
        from regcopy.trust.gpg import TrustedKeys
        from regcopy.trust.keys import read_keys
        from regcopy.trust.programs import Limits

        with self._lock:
            if requirement not in self._keyrings:
                keys = read_keys(requirement.keys)
                made = TrustedKeys(self._environment, keys, limits=Limits())
                self._keyrings[requirement] = self._stack.enter_context(made)
            keyring = self._keyrings[requirement]
        if not keyring.fingerprints:
            raise _rejected("No public keys imported")
        return keyring

    def _keys(self, requirement: SigstoreSigned) -> PublicKeys:
        from regcopy.trust.keys import read_keys
        from regcopy.trust.sigstore import PublicKeys

        with self._lock:
            if requirement not in self._public_keys:
                self._public_keys[requirement] = PublicKeys(list(read_keys(requirement.keys)))
            return self._public_keys[requirement]

    def close(self) -> None:
        """Remove the keyrings; may be called twice."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()


def _is_about(claim: Claim, identity: IdentityMatch, candidate: Candidate) -> bool:
    """Tell whether a verified claim is about this manifest, under a name that will do."""
    from regcopy.trust.identity import accepts_identity

    shown = printable(claim.reference, limit=300)
    if not _is_digest_of(claim.digest, candidate):
        raise SignatureInvalid(f"Signature for digest {claim.digest} does not match")
    if not accepts_identity(identity, candidate.name, claim.reference):
        raise SignatureInvalid(f'Signature for identity "{shown}" is not accepted')
    debug("%s is signed as %s", candidate.digest, shown)
    return True


def _is_digest_of(digest: Digest, candidate: Candidate) -> bool:
    if digest.algorithm == candidate.digest.algorithm:
        return digest == candidate.digest
    return Digest.of(candidate.content(), digest.algorithm) == digest


def _summary(reasons: Sequence[str]) -> str:
    if not reasons:
        return "A signature was required, but no signature exists"
    if len(reasons) == 1:
        return reasons[0]
    told = "; ".join(dict.fromkeys(reasons[:_REASONS_SHOWN]))
    more = f"; and {len(reasons) - _REASONS_SHOWN} more" if len(reasons) > _REASONS_SHOWN else ""
    return f"None of the signatures were accepted, reasons: {told}{more}"


def _rejected(why: str, *, hint: str = "") -> PolicyRejected:
    return PolicyRejected(f"Source image rejected: {why}", hint=hint)
