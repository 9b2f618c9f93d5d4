"""The library: copy, inspect, list tags and delete, each one call.

Each call has a session of its own. Who makes many gives them one `Session`, which has the
same methods.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from regcopy.config.environment import Environment
from regcopy.errors import UsageError
from regcopy.events import Observer
from regcopy.session import Access, Session, tag_lister
from regcopy.transports import find_transport
from regcopy.transports.logins import ChecksCredentials

if TYPE_CHECKING:
    from regcopy.copying.image_info import ImageInfo
    from regcopy.copying.options import CopyOptions
    from regcopy.copying.result import CopyResult, DryRun
    from regcopy.model.manifest import RawManifest
    from regcopy.model.platform import Platform
    from regcopy.trust.options import TrustOptions

__all__ = [
    "Access",
    "check_credentials",
    "copy",
    "delete",
    "get_manifest",
    "inspect",
    "list_tags",
    "plan_copy",
    "repository_name",
]


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
    with Session(environment=environment, cancelled=cancelled, observer=observer) as session:
        return session.get_manifest(reference, access=access)


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
    with Session(environment=environment, cancelled=cancelled, observer=observer) as session:
        return session.inspect(reference, platform=platform, access=access)


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
    session = Session(environment=environment, cancelled=cancelled, observer=observer)
    return _then_closed(session, session.list_tags(reference, access=access))


def repository_name(reference: str) -> str:
    """Name of the repository whose tags a reference lists, "" where they are of several.

    Raises:
        UsageError: the transport has no tags.
    """
    place = tag_lister(reference)
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
    with Session(environment=environment, cancelled=cancelled, observer=observer) as session:
        session.delete(reference, access=access)


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


def _then_closed(session: Session, tags: Iterator[str]) -> Iterator[str]:
    with session:
        yield from tags
