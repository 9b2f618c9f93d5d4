"""The library: copy, inspect, list tags and delete, each one call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from regcopy.config.environment import Environment
from regcopy.errors import ManifestInvalid, UsageError, located
from regcopy.events import Observer
from regcopy.model.digest import Digest
from regcopy.model.manifest import (
    MAX_MANIFEST_BYTES,
    ImageIndex,
    ImageManifest,
    RawManifest,
    parse_manifest,
)
from regcopy.model.mediatypes import SCHEMA1
from regcopy.model.platform import Platform
from regcopy.session import Access, Session
from regcopy.streams.blob import BlobStream, read_limited
from regcopy.transports import find_transport, parse_reference
from regcopy.transports.abilities import DeletesImages, ListsTags
from regcopy.transports.base import (
    ImageReference,
    ImageSource,
)
from regcopy.transports.logins import ChecksCredentials

if TYPE_CHECKING:
    from regcopy.copying.options import CopyOptions
    from regcopy.copying.result import CopyResult, DryRun
    from regcopy.trust.options import TrustOptions

__all__ = [
    "Access",
    "ImageInfo",
    "check_credentials",
    "copy",
    "delete",
    "get_manifest",
    "inspect",
    "list_tags",
    "plan_copy",
    "repository_name",
]


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """One image, for people and scripts.

    Attributes:
        name: repository as the registry knows it, "" for other transports.
        digest: digest of the top manifest (of the index, where the tag names one).
        raw: top manifest as received.
        manifest: the image chosen for the platform.
        config: exact bytes of its config, b"" where it has none; what the history of Docker's
            schema 1 tells instead, whose diff IDs are empty.
    """

    name: str
    digest: Digest
    raw: RawManifest = field(repr=False)
    manifest: ImageManifest = field(repr=False)
    config: bytes = field(repr=False)


def copy(
    source: str,
    destination: str,
    *,
    options: CopyOptions | None = None,
    source_access: Access | None = None,
    destination_access: Access | None = None,
    observer: Observer | None = None,
    cancelled: threading.Event | None = None,
    environment: Environment | None = None,
    trust: TrustOptions | None = None,
) -> CopyResult:
    """Copy an image, or an index with its images, and verify every byte.

    Args:
        source: `transport:reference` to read from.
        destination: `transport:reference` to write to.
        options: which images and how; one image for this machine's platform by default.
        source_access: credentials, TLS and retries of the source.
        destination_access: the same of the destination.
        observer: told of what happens, from worker threads, one call at a time.
        cancelled: set it to stop the copy; nothing half-written stays visible.
        environment: variables and folders; those of the process by default.
        trust: which images may be copied; what the policy files say by default.

    Raises:
        UsageError: nothing was attempted.
        ContentError: bytes are not what they claim to be.
        TransportError: a place could not be reached, or said no.
        PolicyRejected: the trust policy does not allow this image.
        Cancelled: `cancelled` was set.
    """
    with Session(
        environment=environment, cancelled=cancelled, observer=observer, trust=trust
    ) as session:
        return session.copy(
            source,
            destination,
            options=options,
            source_access=source_access,
            destination_access=destination_access,
        )


def plan_copy(
    source: str,
    destination: str,
    *,
    options: CopyOptions | None = None,
    source_access: Access | None = None,
    destination_access: Access | None = None,
    observer: Observer | None = None,
    cancelled: threading.Event | None = None,
    environment: Environment | None = None,
    trust: TrustOptions | None = None,
) -> DryRun:
    """Say what `copy` would do; both places are asked, and nothing is begun at either.

    Arguments and errors are those of `copy`.
    """
    with Session(
        environment=environment, cancelled=cancelled, observer=observer, trust=trust
    ) as session:
        return session.plan_copy(
            source,
            destination,
            options=options,
            source_access=source_access,
            destination_access=destination_access,
        )


def get_manifest(
    reference: str,
    *,
    access: Access | None = None,
    observer: Observer | None = None,
    cancelled: threading.Event | None = None,
    environment: Environment | None = None,
) -> RawManifest:
    """Give the exact bytes of the manifest or index that a reference names.

    Raises:
        NotFound: there is no such image.
        RegcopyError: it could not be read, or is not what its digest says.
    """
    place = parse_reference(reference)
    session = Session(environment=environment, cancelled=cancelled, observer=observer)
    with _source(session, place, access) as source:
        return source.get_manifest()


def inspect(
    reference: str,
    *,
    platform: Platform | None = None,
    access: Access | None = None,
    observer: Observer | None = None,
    cancelled: threading.Event | None = None,
    environment: Environment | None = None,
) -> ImageInfo:
    """Read manifest and config of an image.

    Args:
        reference: `transport:reference`.
        platform: which image of an index; this machine's platform by default.
        access: credentials, TLS and retries.
        observer: told of repeated requests.
        cancelled: set it to stop.
        environment: variables and folders; those of the process by default.

    Raises:
        NotFound: there is no such image.
        ManifestUnsupported: the index has no image for the platform.
        RegcopyError: it could not be read, or is not what its digest says.
    """
    from regcopy.copying.choice import choose_image

    place = parse_reference(reference)
    session = Session(environment=environment, cancelled=cancelled, observer=observer)
    with _source(session, place, access) as source:
        top = source.get_manifest()
        chosen = choose_image(source, top, platform or Platform.local())
        raw = chosen.read(source)
        image = parse_manifest(raw)
        if isinstance(image, ImageIndex):
            raise ManifestInvalid("the manifest is an index, where an image was announced")
        config = _config(source, raw, image)
    name = place.repository_name if isinstance(place, ListsTags) else ""
    return ImageInfo(name, top.digest, top, image, config)


def list_tags(
    reference: str,
    *,
    access: Access | None = None,
    observer: Observer | None = None,
    cancelled: threading.Event | None = None,
    environment: Environment | None = None,
) -> Iterator[str]:
    """Give the tags of the repository of a reference, as they come.

    Raises:
        UsageError: the transport has no tags.
        RegcopyError: they could not be listed.
    """
    place = _lister(reference)
    session = Session(environment=environment, cancelled=cancelled, observer=observer)
    return _tags(place, session, access)


def repository_name(reference: str) -> str:
    """Name of the repository whose tags a reference lists, "" where they are of several.

    Raises:
        UsageError: the transport has no tags.
    """
    place = _lister(reference)
    return "" if place.spans_repositories else place.repository_name


def delete(
    reference: str,
    *,
    access: Access | None = None,
    observer: Observer | None = None,
    cancelled: threading.Event | None = None,
    environment: Environment | None = None,
) -> None:
    """Delete the image that a reference names; in a registry every tag of its digest goes.

    Raises:
        UsageError: the transport cannot delete.
        NotFound: there is no such image.
        RegcopyError: it could not be deleted.
    """
    place = parse_reference(reference)
    if not isinstance(place, DeletesImages):
        raise UsageError(f"Deleting images not implemented for {place.transport}: images")
    session = Session(environment=environment, cancelled=cancelled, observer=observer)
    with session, located(reference=place):
        place.delete_image(session.context(access, "destination"))


def check_credentials(
    registry: str,
    *,
    access: Access | None = None,
    observer: Observer | None = None,
    cancelled: threading.Event | None = None,
    environment: Environment | None = None,
) -> None:
    """Ask a registry whether it takes a credential, without doing anything else.

    Args:
        registry: host and port, such as `docker.io`.
        access: the credential, TLS and retries.
        observer: told of repeated requests.
        cancelled: set it to stop.
        environment: variables and folders; those of the process by default.

    Raises:
        Unauthorized: it does not take the credential.
        RegcopyError: it could not be asked.
    """
    transport: object = find_transport("docker")
    if not isinstance(transport, ChecksCredentials):
        raise UsageError("the transport docker cannot check credentials")
    with Session(environment=environment, cancelled=cancelled, observer=observer) as session:
        transport.check_credentials(registry, session.context(access, "destination"))


def _lister(reference: str) -> ListsTags:
    place = parse_reference(reference)
    if not isinstance(place, ListsTags):
        raise UsageError(
            f"Unsupported transport '{place.transport}' for tag listing. "
            "Only supported: docker, docker-archive"
        )
    return place


def _tags(place: ListsTags, session: Session, access: Access | None) -> Iterator[str]:
    with session, located(reference=place):
        yield from place.list_tags(session.context(access, "source"))


def _config(source: ImageSource, raw: RawManifest, image: ImageManifest) -> bytes:
    config = image.config
    if raw.media_type in SCHEMA1:
        from regcopy.model.schema1 import told_config  # few images are that old

        return told_config(raw.payload)
    if config is None:
        return b""
    with BlobStream(lambda offset: source.open_blob(config, offset=offset), config) as stream:
        return read_limited(stream, MAX_MANIFEST_BYTES, what=f"config {config.digest}")


@contextmanager
def _source(
    session: Session, place: ImageReference, access: Access | None
) -> Iterator[ImageSource]:
    """Open a place for reading; errors on the way tell which one it was."""
    with (
        session,
        located(reference=place),
        place.open_source(session.context(access, "source")) as source,
    ):
        yield source
