"""`docker-daemon:name:tag` and `docker-daemon:sha256:id`: images that a Docker daemon holds.

The daemon is asked by the Docker Engine API, over a unix socket or TCP; Podman's service
speaks it as well. A daemon gives and takes archives as `docker save` writes them: layers are
plain, and the manifest is made up of what the config says, so that only the config and the
diff IDs are the same in all places. The grammar is that of containers-transports(5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from regcopy.errors import InvalidDigest, InvalidReference
from regcopy.model.digest import Digest
from regcopy.model.reference import ImageName, is_tag
from regcopy.text import printable

if TYPE_CHECKING:
    from regcopy.transports.base import Context, ImageDestination, ImageSource, Transport

# The name of a repository that Docker keeps for IDs.
_RESERVED: Final = "sha256"


@dataclass(frozen=True, slots=True)
class DaemonReference:
    """One image of a daemon, by name or by its ID.

    Attributes:
        name: with a tag or a digest, and not both; None where `id` is given.
        id: digest that the daemon knows the image by (with most daemons that of its config);
            only to read from.

    Raises:
        InvalidReference: neither or both, or a name without tag and digest, or with both.
    """

    name: ImageName | None = None
    id: Digest | None = None

    def __post_init__(self) -> None:
        if (self.name is None) == (self.id is None):
            raise InvalidReference("docker-daemon: either a name or an ID is needed, and not both")
        if self.name is None:
            return
        if self.name.tag and self.name.digest:
            raise InvalidReference(
                "docker-daemon: references with both a tag and digest are currently not supported"
            )
        if not self.name.tag and not self.name.digest:
            raise InvalidReference(
                f"docker-daemon: reference {self.name.familiar} has neither a tag nor a digest",
                hint=f"write docker-daemon:{self.name.familiar}:latest for the tag latest",
            )

    @property
    def transport(self) -> str:
        """`docker-daemon`."""
        return "docker-daemon"

    @property
    def wanted(self) -> str:
        """Name or ID as the daemon is asked for it."""
        return self.name.familiar if self.name else str(self.id)

    @property
    def repository_name(self) -> str:
        """Repository of the name, "" where there is only an ID."""
        return self.name.name if self.name else ""

    @property
    def policy_identity(self) -> str:
        """None: images without a name could not be told apart (containers-policy.json(5))."""
        return ""

    @property
    def policy_namespaces(self) -> Sequence[str]:
        """None."""
        return ()

    def open_source(self, context: Context, /) -> ImageSource:
        """Have the daemon write the image, keep it in a temporary file, and make its manifest.

        Raises:
            NotFound: the daemon has no such image.
            TransportUnavailable: there is no daemon.
            ConfigurationError: its address or certificates cannot be used.
            TransportError: it cannot be reached, or refuses.
            ContentError: what it sends is broken.
        """
        from regcopy.transports.docker_daemon.source import open_source

        return open_source(self, context)

    def open_destination(self, context: Context, /) -> ImageDestination:
        """Look whether the daemon answers; nothing is sent yet.

        Raises:
            InvalidReference: this is no name with a tag.
            TransportUnavailable, ConfigurationError, TransportError: as `open_source`.
        """
        from regcopy.transports.docker_daemon.destination import DaemonDestination

        return DaemonDestination(self, context)

    def with_tag(self, tag: str, /) -> DaemonReference:
        """Give the reference of another name in the same daemon.

        Args:
            tag: a whole name with its tag, or a tag alone for the repository of this name.

        Raises:
            InvalidReference: this can be no name here.
        """
        if self.name is not None and is_tag(tag):
            return replace(self, name=self.name.with_tag(tag))
        return DaemonReference(ImageName.parse(tag))

    def __str__(self) -> str:
        return f"docker-daemon:{self.wanted}"


@dataclass(frozen=True, slots=True)
class DaemonTransport:
    """The transport `docker-daemon`."""

    @property
    def name(self) -> str:
        """`docker-daemon`."""
        return "docker-daemon"

    def parse(self, text: str, /) -> DaemonReference:
        """Parse `name:tag`, `name@digest` or `sha256:id`; there is no default tag.

        Raises:
            InvalidReference: anything else.
        """
        shown = printable(text, limit=300)
        digest = _digest(text)
        if digest is not None and digest.algorithm != "sha256":
            raise InvalidReference(
                f"Invalid docker-daemon: reference {shown}: only digest algorithm sha256 accepted"
            )
        if digest is not None:
            return DaemonReference(id=digest)
        name = ImageName.parse(text)
        if name.familiar.partition("@")[0].rpartition(":")[0] == _RESERVED:
            raise InvalidReference(
                f"Invalid docker-daemon: reference {shown}: The sha256 repository name is "
                "reserved for (non-shortened) digest references"
            )
        return DaemonReference(name)


def _digest(text: str) -> Digest | None:
    try:
        return Digest.parse(text)
    except InvalidDigest:
        return None


TRANSPORT: Final[Transport] = DaemonTransport()
