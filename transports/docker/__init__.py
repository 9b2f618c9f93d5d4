"""`docker://host/repository[:tag]`: images in registries (OCI distribution-spec)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from regcopy.errors import InvalidReference
from regcopy.model.digest import Digest
from regcopy.model.reference import ImageName
from regcopy.text import printable

if TYPE_CHECKING:
    from regcopy.transports.base import Context, ImageDestination, ImageSource, Transport


@dataclass(frozen=True, slots=True)
class DockerReference:
    """One image of a repository, by tag or by digest.

    Attributes:
        name: complete name; it has a tag or a digest, and not both.
        text: what stood behind `docker:`; only for showing.
        named_only: neither tag nor digest was written, so the tag is the default one.

    Raises:
        InvalidReference: the name has neither tag nor digest, or has both.
    """

    name: ImageName
    text: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.name.tag and self.name.digest:
            raise InvalidReference(
                "Docker references with both a tag and digest are currently not supported",
                hint=f"write docker://{self.name.name}@{self.name.digest} for exactly this image",
            )
        if not self.name.tag and not self.name.digest:
            raise InvalidReference(f'"{self.name}" has neither tag nor digest')

    @property
    def transport(self) -> str:
        """`docker`."""
        return "docker"

    @property
    def registry(self) -> str:
        """Host and port, such as `docker.io`."""
        return self.name.registry

    @property
    def repository(self) -> str:
        """Path of the repository, without the registry."""
        return self.name.repository

    @property
    def wanted(self) -> str:
        """Tag or digest, as it stands in the address of the manifest."""
        return self.name.tag or str(self.name.digest)

    @property
    def digest(self) -> Digest | None:
        """Digest that the reference demands, if it has one."""
        return self.name.digest

    @property
    def spans_repositories(self) -> bool:
        """No: the tags are those of one repository."""
        return False

    @property
    def repository_name(self) -> str:
        """`registry/repository`."""
        return self.name.name

    @property
    def image_name(self) -> ImageName:
        """Name that signatures give the image."""
        return self.name

    @property
    def policy_identity(self) -> str:
        """`host/repository:tag` or `host/repository@digest` (containers-policy.json(5))."""
        return str(self.name)

    @property
    def policy_namespaces(self) -> Sequence[str]:
        """The repository, the folders above it, the host, then `*.domain` for each domain."""
        parts = self.name.name.split("/")
        namespaces = ["/".join(parts[:end]) for end in range(len(parts), 0, -1)]
        # Wildcards have no port, and an address has none that would make sense.
        labels = self.registry.partition(":")[0].split(".")
        namespaces += [f"*.{'.'.join(labels[start:])}" for start in range(1, len(labels))]
        return tuple(namespaces)

    def open_source(self, context: Context, /) -> ImageSource:
        """Open for reading; the first request is made by the first call that needs one.

        Raises:
            ConfigurationError: credentials or certificates that were named cannot be used.
        """
        from regcopy.transports.docker.source import DockerSource

        return DockerSource(self, context)

    def open_destination(self, context: Context, /) -> ImageDestination:
        """Open for writing; nothing is asked or changed yet.

        Raises:
            ConfigurationError: credentials or certificates that were named cannot be used.
        """
        from regcopy.transports.docker.destination import DockerDestination

        return DockerDestination(self, context)

    def list_tags(self, context: Context, /) -> Iterator[str]:
        """Give the tags of the repository, page by page.

        Raises:
            TransportError: the registry cannot be reached, or refuses.
            LimitExceeded, Refused: the list does not end, or breaks the specification.
        """
        from regcopy.transports.docker.tags import list_tags

        return list_tags(self, context)

    def with_tag(self, tag: str, /) -> DockerReference:
        """Give the reference of another tag in the same repository.

        Raises:
            InvalidReference: not a tag.
        """
        return DockerReference(self.name.with_tag(tag))

    def with_digest(self, digest: Digest, /) -> DockerReference:
        """Give the reference of one manifest in the same repository."""
        return DockerReference(replace(self.name, tag="", digest=digest))

    def delete_image(self, context: Context, /) -> None:
        """Delete the manifest; every tag of the repository that names it goes with it.

        Raises:
            NotFound: there is no such image.
            TransportError: the registry cannot be reached, or has deletion turned off.
        """
        from regcopy.transports.docker.delete import delete_image

        delete_image(self, context)

    def __str__(self) -> str:
        return f"docker:{self.text}" if self.text else f"docker://{self.name}"


class DockerTransport:
    """The transport `docker`."""

    @property
    def name(self) -> str:
        """`docker`."""
        return "docker"

    def parse(self, text: str, /) -> DockerReference:
        """Parse `//name[:tag|@digest]`; the default tag is `latest`.

        Raises:
            InvalidReference: anything else, tag and digest together included.
        """
        if not text.startswith("//"):
            shown = printable(text, limit=300)
            raise InvalidReference(
                f"docker: image reference {shown} does not start with //",
                hint=f"write docker://{shown.lstrip('/')}",
            )
        return DockerReference(ImageName.parse(text[2:]).with_default_tag(), text)

    def check_credentials(self, registry: str, context: Context, /) -> None:
        """Ask a registry whether it takes the credential that the context has for it.

        Raises:
            Unauthorized: it does not.
            TransportError: it cannot be reached, or is no registry.
        """
        from regcopy.transports.docker.login import check_credentials

        check_credentials(registry, context)


TRANSPORT: Final[Transport] = DockerTransport()
