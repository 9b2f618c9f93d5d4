"""`atomic:host/namespace/stream:tag`: images in the registry of an OpenShift cluster.

The registry speaks the protocol of every other one; what differs is that it can keep
signatures itself, and that the token of `oc` opens it. The token belongs to the API server
of the cluster: it goes to the registry where that is of the same domain, or was named with
`--token-host`. The grammar is that of containers-transports(5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from regcopy.errors import InvalidReference
from regcopy.model.reference import ImageName
from regcopy.text import printable
from regcopy.transports.docker import DockerReference

if TYPE_CHECKING:
    from regcopy.transports.base import Context, ImageDestination, ImageSource, Transport


@dataclass(frozen=True, slots=True)
class AtomicReference:
    """One tag of an image stream.

    Attributes:
        docker: the same image as a registry knows it; its name has a tag.

    Raises:
        InvalidReference: the repository is not a namespace and a stream, or there is no tag.
    """

    docker: DockerReference

    def __post_init__(self) -> None:
        if not self.docker.name.tag or self.docker.repository.count("/") != 1:
            raise _invalid(str(self.docker.name))

    @property
    def transport(self) -> str:
        """`atomic`."""
        return "atomic"

    @property
    def repository_name(self) -> str:
        """`host/namespace/stream`."""
        return self.docker.name.name

    @property
    def image_name(self) -> ImageName:
        """Name that signatures give the image."""
        return self.docker.name

    @property
    def policy_identity(self) -> str:
        """`host/namespace/stream:tag` (containers-policy.json(5))."""
        return self.docker.policy_identity

    @property
    def policy_namespaces(self) -> Sequence[str]:
        """The stream, the namespace, the host, then `*.domain` for each domain."""
        return self.docker.policy_namespaces

    def open_source(self, context: Context, /) -> ImageSource:
        """Open for reading; the first request is made by the first call that needs one.

        Raises:
            ConfigurationError: credentials, certificates or a kubeconfig cannot be used.
        """
        from regcopy.transports.docker.atomic_places import AtomicSource

        return AtomicSource(self, context)

    def open_destination(self, context: Context, /) -> ImageDestination:
        """Open for writing; nothing is asked or changed yet.

        Raises:
            ConfigurationError: credentials, certificates or a kubeconfig cannot be used.
        """
        from regcopy.transports.docker.atomic_places import AtomicDestination

        return AtomicDestination(self, context)

    def with_tag(self, tag: str, /) -> AtomicReference:
        """Give the reference of another tag of the same stream.

        Raises:
            InvalidReference: not a tag.
        """
        return AtomicReference(self.docker.with_tag(tag))

    def __str__(self) -> str:
        return f"atomic:{self.docker.name.familiar}"


class AtomicTransport:
    """The transport `atomic`."""

    @property
    def name(self) -> str:
        """`atomic`."""
        return "atomic"

    def parse(self, text: str, /) -> AtomicReference:
        """Parse `host/namespace/stream:tag`; there is no default tag.

        Raises:
            InvalidReference: anything else.
        """
        try:
            name = ImageName.parse(text)
        except InvalidReference as error:
            shown = printable(text, limit=300)
            raise InvalidReference(
                f'failed to parse image reference "{shown}": {error.message}'
            ) from None
        if not name.tag or name.digest:
            raise _invalid(text)
        return AtomicReference(DockerReference(name))


def _invalid(text: str) -> InvalidReference:
    return InvalidReference(
        f"invalid image reference: {printable(text, limit=300)}, "
        "expected format: 'hostname/namespace/stream:tag'"
    )


TRANSPORT: Final[Transport] = AtomicTransport()
