"""Abilities that only some transports have: one small protocol each, asked for with isinstance."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.transports.base import Closing, Context, ImageReference, RequestCosts


@runtime_checkable
class MountsBlobs(Protocol):
    """A destination that can take a blob from another repository without moving bytes."""

    def can_mount_from(self, source: ImageReference, /) -> bool:
        """Tell, without I/O, whether `source` is a place to mount from."""
        ...

    def mount_blob(self, blob: Descriptor, source: ImageReference, /) -> bool:
        """Mount it; False where the place did not, for whatever reason."""
        ...


@runtime_checkable
class HoldsImages(Protocol):
    """A destination that knows what its name stands for at this moment."""

    def current_digest(self) -> Digest | None:
        """Digest of the manifest under this name, if it and all it needs is there."""
        ...


@runtime_checkable
class HoldsManifests(Protocol):
    """A destination that can be asked for single manifests, by digest."""

    def has_manifest(self, manifest: Descriptor, /) -> bool:
        """Tell whether it is there."""
        ...


@runtime_checkable
class HoldsPlainLayers(Protocol):
    """A source whose layers are plain tar files, whatever its manifest calls them.

    The manifest that is made up for an archive of docker save calls them gzipped.
    """

    @property
    def layers_are_plain(self) -> bool:
        """Whether they are."""
        ...


@runtime_checkable
class TellsSizes(Protocol):
    """A source that knows how large a blob is whose size its manifest does not tell."""

    def blob_size(self, blob: Descriptor, /) -> int | None:
        """Give the number of bytes; None where it cannot be told without reading the blob.

        Raises:
            NotFound: there is no such blob.
        """
        ...


@runtime_checkable
class MakesRequests(Protocol):
    """A source that knows how many requests it makes."""

    @property
    def costs(self) -> RequestCosts:
        """Requests it makes."""
        ...


@runtime_checkable
class TakesTags(Protocol):
    """A reference whose image can have more names in the same place."""

    def with_tag(self, tag: str, /) -> ImageReference:
        """Give the reference of the same place under another tag.

        Raises:
            InvalidReference: this cannot be a tag here.
        """
        ...


@runtime_checkable
class Abortable(Protocol):
    """A source or destination whose calls under way can be ended from another thread."""

    def abort(self) -> None:
        """Make calls that wait for somebody fail soon; may be called twice."""
        ...


@runtime_checkable
class KnowsOriginals(Protocol):
    """A source that makes manifests for what its place has left of an image (unpacked layers)."""

    def original_manifest(self, instance: Descriptor | None = None, /) -> RawManifest:
        """Give what the image came with: the manifest that was named, or one that it names.

        Raises:
            NotFound: it is not there.
        """
        ...


@runtime_checkable
class NamesRepository(Protocol):
    """A reference that names a repository."""

    @property
    def repository_name(self) -> str:
        """With its host; "" where this reference names none."""
        ...


@runtime_checkable
class ListsTags(NamesRepository, Protocol):
    """A reference whose repository can list its tags; its name is shown beside them."""

    def list_tags(self, context: Context, /) -> Iterator[str]:
        """Give each tag once, in the place's own order."""
        ...

    @property
    def spans_repositories(self) -> bool:
        """Whether the tags are whole names, of any repository (an archive)."""
        ...


@runtime_checkable
class DeletesImages(Protocol):
    """A reference whose image can be deleted."""

    def delete_image(self, context: Context, /) -> None:
        """Delete the manifest that the reference names."""
        ...


@runtime_checkable
class SharesBlobs(Protocol):
    """A destination whose blobs serve other destinations too."""

    @property
    def blob_domain(self) -> Hashable:
        """Destinations of one domain can take blobs from each other (a registry)."""
        ...

    @property
    def blob_scope(self) -> Hashable:
        """Destinations of one scope have the same blobs (a repository).

        What was brought into a scope stays there, whatever becomes of the image that it was
        brought for: nobody need ask again.
        """
        ...


@runtime_checkable
class ListsReferrers(Protocol):
    """A source whose place knows which manifests are about another one."""

    def list_referrers(self, subject: Digest, /) -> tuple[Descriptor, ...]:
        """Give the manifests whose `subject` is that manifest; none where there are none.

        Raises:
            TransportError: the place cannot be asked.
            ContentError: what it answers is no list of manifests.
        """
        ...


@runtime_checkable
class FindsTags(Protocol):
    """A source that can be asked for other names in the same place."""

    def find_tag(self, tag: str, /) -> Digest | None:
        """Digest that the tag stands for; None where there is no such tag."""
        ...


@runtime_checkable
class NamesManifests(Protocol):
    """A reference of an image that lies beside others, each of which has a digest for a name.

    What refers to an image can be copied from and to such places alone.
    """

    def with_digest(self, digest: Digest, /) -> ImageReference:
        """Give the reference of another manifest in the same place."""
        ...

    def with_tag(self, tag: str, /) -> ImageReference:
        """Give the reference of the same place under another tag. Errors as `TakesTags`."""
        ...


@runtime_checkable
class KeepsReferrers(Protocol):
    """A destination that tells which manifests are about another one, once it has them."""

    def keep_referrers(self, subject: Digest, referrers: Sequence[Descriptor], /) -> None:
        """See to it that they are found by whoever asks for the referrers of `subject`.

        Args:
            subject: the manifest that they are about; it need not be there yet.
            referrers: they are there; with their artifact types and annotations.

        Raises:
            ContentError: the list that is there is none, or would be too long.
            TransportError: the place cannot be asked, or does not keep what it was given.
        """
        ...


class JointFile(Closing, Protocol):
    """A file that several images are written into, one after another.

    Closing it without `publish` leaves what was there before untouched.
    """

    def publish(self) -> None:
        """Make the file visible with all images that were committed to it.

        Raises:
            StorageFailed: it could not be written.
        """
        ...


@runtime_checkable
class SharesFile(Protocol):
    """A reference to an image in a file that is written as a whole, such as an archive.

    From `open_file` until that is closed, all references to the file whose destinations are
    opened in the same session write into it, and their `commit` shows nothing yet.
    """

    @property
    def file(self) -> str:
        """Path of the file, spelled alike by all references to it."""
        ...

    @property
    def name_within(self) -> str:
        """Name of the image in the file, "" where it has none."""
        ...

    def current_digest(self, context: Context, /) -> Digest | None:
        """Digest that the image's manifest had when it was written; None where there is none.

        Raises:
            RegcopyError: what is there is broken, or cannot be read.
        """
        ...

    def open_file(self, context: Context, /) -> JointFile:
        """Begin the file; nothing is there yet that was not before.

        Raises:
            UsageError: the file may not be written.
            TransportError: the place cannot be written.
        """
        ...
