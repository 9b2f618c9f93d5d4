"""A trust policy as a value (containers-policy.json(5))."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from regcopy.transports.base import ImageReference
    from regcopy.trust.requirements import SignedBaseLayer, SignedBy, SigstoreSigned


@dataclass(frozen=True, slots=True)
class AcceptAnything:
    """Every image will do (`insecureAcceptAnything`)."""


@dataclass(frozen=True, slots=True)
class Reject:
    """No image will do (`reject`)."""


Requirement: TypeAlias = "AcceptAnything | Reject | SignedBy | SigstoreSigned | SignedBaseLayer"
Requirements = tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What images must satisfy, by the place that they are read from.

    Attributes:
        default: for all images that no scope is about.
        transports: by transport and scope; the scope "" is the transport's default.
    """

    default: Requirements
    transports: Mapping[str, Mapping[str, Requirements]] = field(default_factory=dict)

    def requirements_for(self, reference: ImageReference) -> Requirements:
        """Give the requirements of the narrowest scope; wider ones do not count then."""
        scopes = self.transports.get(reference.transport, {})
        for scope in scopes_of(reference):
            if scope in scopes:
                return scopes[scope]
        return scopes.get("", self.default)


def scopes_of(reference: ImageReference) -> Sequence[str]:
    """Scopes of an image, the narrowest first, without the transport's default."""
    return tuple(
        scope for scope in (reference.policy_identity, *reference.policy_namespaces) if scope
    )


ACCEPT_ANYTHING = Policy((AcceptAnything(),))
