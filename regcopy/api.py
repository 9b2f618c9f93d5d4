"""The library: copy, inspect, list tags and delete, each one call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from regcopy.auth.chain import keychain_for
from regcopy.auth.credential import Credential
from regcopy.config.environment import Environment
from regcopy.copying.choice import choose_image
from regcopy.copying.dry_run import dry_run
from regcopy.copying.engine import copy_image
from regcopy.copying.options import CopyOptions
from regcopy.copying.places import CopyJob
from regcopy.copying.result import CopyResult, DryRun
from regcopy.copying.tally import Tally
from regcopy.errors import ManifestInvalid, Side, UsageError, located
from regcopy.events import Observer, Silent
from regcopy.model.digest import Digest
from regcopy.model.manifest import (
    MAX_MANIFEST_BYTES,
    ImageIndex,
    ImageManifest,
    RawManifest,
    parse_manifest,
)
from regcopy.model.platform import Platform
from regcopy.streams.blob import BlobStream, read_limited
from regcopy.transports import parse_reference
from regcopy.transports.base import (
    Clocks,
    Context,
    DeletesImages,
    ImageReference,
    ImageSource,
    ListsTags,
    RetryPolicy,
    SideOptions,
)


@dataclass(frozen=True, slots=True)
class Access:
    """How one place is reached.

    Attributes:
        credential: used instead of any file.
        anonymous: use no credential at all.
        authfile: file with credentials, instead of the default ones; must be readable.
        options: TLS and transport options of this side.
        retry: how often a request is repeated.
        clocks: how long silence is borne.
    """

    credential: Credential | None = None
    anonymous: bool = False
    authfile: str = ""
    options: SideOptions = field(default_factory=SideOptions)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    clocks: Clocks = field(default_factory=Clocks)


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """One image, for people and scripts.

    Attributes:
        name: repository as the registry knows it, "" for other transports.
        digest: digest of the top manifest (of the index, where the tag names one).
        raw: top manifest as received.
        manifest: the image chosen for the platform.
        config: exact bytes of its config, b"" where it has none.
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

    Raises:
        UsageError: nothing was attempted.
        ContentError: bytes are not what they claim to be.
        TransportError: a place could not be reached, or said no.
        Cancelled: `cancelled` was set.
    """
    tally = Tally(observer or Silent())
    with _job(
        source,
        destination,
        options or CopyOptions(),
        (source_access or Access(), destination_access or Access()),
        _Surroundings(environment or Environment.of_process(), cancelled, tally),
    ) as job:
        return copy_image(job, tally)


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
) -> DryRun:
    """Say what `copy` would do; both places are asked, and nothing is begun at either.

    Arguments and errors are those of `copy`.
    """
    tally = Tally(observer or Silent())
    with _job(
        source,
        destination,
        options or CopyOptions(),
        (source_access or Access(), destination_access or Access()),
        _Surroundings(environment or Environment.of_process(), cancelled, tally, read_only=True),
    ) as job:
        return dry_run(job)


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
    around = _Surroundings(environment or Environment.of_process(), cancelled, observer)
    with around.source(place, access) as source:
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
    place = parse_reference(reference)
    around = _Surroundings(environment or Environment.of_process(), cancelled, observer)
    with around.source(place, access) as source:
        top = source.get_manifest()
        chosen = choose_image(source, top, platform or Platform.local())
        image = parse_manifest(chosen.read(source))
        if isinstance(image, ImageIndex):
            raise ManifestInvalid("the manifest is an index, where an image was announced")
        config = _config(source, image)
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
    around = _Surroundings(environment or Environment.of_process(), cancelled, observer)
    return _tags(place, around, access)


def repository_name(reference: str) -> str:
    """Name of the repository whose tags a reference lists.

    Raises:
        UsageError: the transport has no tags.
    """
    return _lister(reference).repository_name


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
    around = _Surroundings(environment or Environment.of_process(), cancelled, observer)
    with located(reference=place), around.context(access, "destination") as context:
        place.delete_image(context)


def _lister(reference: str) -> ListsTags:
    place = parse_reference(reference)
    if not isinstance(place, ListsTags):
        raise UsageError(
            f"Unsupported transport '{place.transport}' for tag listing. "
            "Only supported: docker, docker-archive"
        )
    return place


def _tags(place: ListsTags, around: _Surroundings, access: Access | None) -> Iterator[str]:
    with located(reference=place), around.context(access, "source") as context:
        yield from place.list_tags(context)


def _config(source: ImageSource, image: ImageManifest) -> bytes:
    config = image.config
    if config is None:
        return b""
    with BlobStream(lambda offset: source.open_blob(config, offset=offset), config) as stream:
        return read_limited(stream, MAX_MANIFEST_BYTES, what=f"config {config.digest}")


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What both sides of a call share."""

    environment: Environment
    cancelled: threading.Event | None = None
    observer: Observer | None = None
    read_only: bool = False

    @contextmanager
    def context(self, access: Access | None, side: Side) -> Iterator[Context]:
        """Make the context of one side, and close afterwards what was opened with it."""
        how = access or Access()
        context = Context(
            side=side,
            options=how.options,
            keychain=keychain_for(how.credential, how.anonymous, how.authfile, self.environment),
            environment=self.environment,
            observer=self.observer or Silent(),
            retry=how.retry,
            clocks=how.clocks,
            cancelled=self.cancelled or threading.Event(),
            read_only=self.read_only,
        )
        try:
            yield context
        finally:
            context.resources.close()

    @contextmanager
    def source(self, place: ImageReference, access: Access | None) -> Iterator[ImageSource]:
        """Open a place for reading; errors on the way tell which one it was."""
        with (
            located(reference=place),
            self.context(access, "source") as context,
            place.open_source(context) as source,
        ):
            yield source


@contextmanager
def _job(
    source: str,
    destination: str,
    options: CopyOptions,
    access: tuple[Access, Access],
    around: _Surroundings,
) -> Iterator[CopyJob]:
    places = (_parse(source, "source"), _parse(destination, "destination"))
    cancelled = around.cancelled or threading.Event()
    shared = replace(around, cancelled=cancelled)
    with (
        shared.context(access[0], "source") as source_context,
        shared.context(access[1], "destination") as destination_context,
    ):
        yield CopyJob(*places, source_context, destination_context, options)


def _parse(text: str, side: Side) -> ImageReference:
    with located(side=side):
        return parse_reference(text)
