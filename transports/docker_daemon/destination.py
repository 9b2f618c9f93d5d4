"""Writing one image into a daemon: an archive, sent while it is made."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from regcopy.errors import InvalidReference, NotFound, Refused
from regcopy.model.descriptor import Descriptor
from regcopy.model.manifest import RawManifest
from regcopy.streams.blob import BlobStream
from regcopy.transports.base import Capabilities
from regcopy.transports.docker_archive import DockerArchiveReference
from regcopy.transports.docker_archive.destination import DockerArchiveDestination
from regcopy.transports.docker_daemon.client import Daemon
from regcopy.transports.docker_daemon.loading import DaemonTarget

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.docker_daemon import DaemonReference


class DaemonDestination:
    """One image in a daemon.

    The table of contents is sent last, so that a daemon names nothing before `commit`.
    """

    def __init__(self, reference: DaemonReference, context: Context) -> None:
        """Ask the daemon for its version. Errors as `DaemonReference.open_destination`."""
        if reference.name is None or not reference.name.tag:
            raise InvalidReference(
                f"Invalid destination {reference}: a destination must be a name:tag"
            )
        self._reference = reference
        self._daemon = Daemon(context)
        archive = DockerArchiveReference("daemon", reference.name, transport=reference.transport)
        # A daemon unpacks layers itself: so few are kept here to learn how large they are.
        self._archive = DockerArchiveDestination(
            archive, context, target=DaemonTarget(self._daemon), layers="plain or gzip"
        )

    @property
    def capabilities(self) -> Capabilities:
        """Those of an archive, in which layers may be gzipped."""
        return self._archive.capabilities

    def find_blob(self, blob: Descriptor, /) -> bool:
        """Tell whether the blob was sent already; what a daemon has it does not tell."""
        return self._archive.find_blob(blob)

    def put_blob(self, stream: BlobStream, /) -> Descriptor:
        """Send a layer, gzipped or not, or the config.

        Raises:
            ContentError: the bytes are not those that were promised.
            StorageFailed: a layer of unknown size could not be kept before.
            TransportError: the daemon refuses the archive already, or hung up.
        """
        return self._archive.put_blob(stream)

    def put_manifest(self, manifest: RawManifest, /, *, top: bool) -> None:
        """Take the manifest of the image; a daemon never sees it, only what it says.

        Raises:
            ManifestUnsupported: an index, or what is no Docker image with all its layers.
            ManifestInvalid: the config has other layers than the manifest.
            TransportError: as `put_blob`.
        """
        self._archive.put_manifest(manifest, top=top)

    def commit(self, tags: Sequence[str] = (), /) -> None:
        """End the archive, wait until the daemon has it, and look whether it shows the image.

        Args:
            tags: more names of the image, as `DaemonReference.with_tag` takes them.

        Raises:
            InvalidReference: one of the tags can be no name.
            Refused: the daemon reports an error, or does not have the image afterwards.
            TransportError: it hung up, or does not answer.
        """
        named = [self._reference, *(self._reference.with_tag(tag) for tag in tags)]
        self._archive.commit(tags)
        for reference in dict.fromkeys(named):
            self._check_shown(reference)

    def _check_shown(self, reference: DaemonReference) -> None:
        try:
            image = self._daemon.image(reference.wanted)
        except NotFound:
            raise Refused(
                f"the daemon took the image, and does not have {reference.wanted}",
                hint="see its log, and whether its disk is full",
            ) from None
        rootfs = image.child("RootFS")
        if rootfs is None or rootfs.digests("Layers") != self._archive.diff_ids:
            raise Refused(
                f"the daemon took the image, and has another one as {reference.wanted}",
                hint="somebody else may write this name at the same time",
            )

    def close(self) -> None:
        """Hang up; an image that was not committed is thrown away. May be called twice."""
        self._archive.close()

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
