"""An image layout on disk, for reading: index.json as a value, manifests and blobs by digest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Self

from regcopy.errors import LimitExceeded, ManifestUnsupported, NotFound, UsageError
from regcopy.model._json import JsonObject, dump_object, load_object
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import MAX_MANIFEST_BYTES, RawManifest, media_type_of
from regcopy.model.mediatypes import IMAGE_MANIFESTS, INDEXES, OCI_ARTIFACT
from regcopy.streams.files import Folder, RegularFile, open_regular, read_file
from regcopy.streams.tree import walk
from regcopy.text import printable

INDEX_FILE: Final = "index.json"
LAYOUT_FILE: Final = "oci-layout"
BLOBS_FOLDER: Final = "blobs"
LAYOUT_CONTENT: Final = b'{"imageLayoutVersion":"1.0.0"}'
REF_NAME: Final = "org.opencontainers.image.ref.name"
# A layout has no limit of its own; this is about 100,000 images.
MAX_INDEX_BYTES: Final = 32 * 1024 * 1024
_NAMES_SHOWN: Final = 20
_KNOWN: Final = frozenset(
    {"schemaVersion", "mediaType", "artifactType", "manifests", "subject", "annotations"}
)
_USABLE: Final = IMAGE_MANIFESTS | INDEXES | {OCI_ARTIFACT}


@dataclass(frozen=True)
class LayoutIndex:
    """index.json: the images of a layout. Members that mean nothing to us are kept."""

    members: Mapping[str, object]
    entries: tuple[JsonObject, ...]

    @classmethod
    def empty(cls) -> Self:
        """Index of a layout without images."""
        return cls({"schemaVersion": 2, "manifests": []}, ())

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read index.json; of its entries only the name is looked at.

        Raises:
            ManifestInvalid: it is broken, or could be read in two ways.
        """
        document = JsonObject(load_object(content, what=INDEX_FILE))
        document.refuse_lookalikes(_KNOWN)
        if document.integer("schemaVersion") != 2:
            document.fail("schemaVersion", "is not 2")
        entries = document.children("manifests")
        for entry in entries:
            entry.string_map("annotations")
        return cls(document.members, entries)

    def names(self) -> tuple[str, ...]:
        """Names of the images, in order; those without one are left out."""
        return tuple(name for name in map(_name_of, self.entries) if name)

    def name_of(self, position: int) -> str:
        """Name of one image, "" where it has none."""
        return _name_of(self.entries[position])

    def descriptor(self, position: int) -> Descriptor:
        """Give one entry. Raises ManifestInvalid where it is broken."""
        return Descriptor.from_json(self.entries[position])

    def find(self, name: str = "", position: int | None = None) -> int:
        """Find an image by name, by position, or the only one; gives its position.

        Raises:
            NotFound: there is no such image.
            ManifestUnsupported: the name is that of something else.
            UsageError: there are several, and none was chosen.
        """
        if position is not None:
            if position >= len(self.entries):
                raise NotFound(
                    f"index {position} is too large, only {len(self.entries)} entries available"
                )
            return position
        if name:
            return self._find_name(name)
        if len(self.entries) > 1:
            raise UsageError("more than one image in oci, choose an image", hint=self._choices())
        if not self.entries:
            raise NotFound("there is no image in this layout")
        return 0

    def _find_name(self, name: str) -> int:
        found = [i for i, entry in enumerate(self.entries) if _name_of(entry) == name]
        for position in found:
            if self.entries[position].string("mediaType") in _USABLE:
                return position
        if found:
            kind = printable(self.entries[found[0]].string("mediaType"), limit=100)
            raise ManifestUnsupported(
                f'reference "{name}" matches unsupported manifest type "{kind}"'
            )
        raise NotFound(f'no descriptor found for reference "{name}"', hint=self._choices())

    def _choices(self) -> str:
        names = list(dict.fromkeys(printable(name, limit=100) for name in self.names()))
        more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        if not names:
            return f"no image has a name: choose by position, :@0 to :@{len(self.entries) - 1}"
        return f"it has: {', '.join(names[:_NAMES_SHOWN])}{more}"

    def with_image(self, manifest: Descriptor, name: str) -> Self:
        """Add an image as containers/image does: its index.json and ours are the same bytes.

        What had the name before stays without it; an entry of the same digest that has no
        name is replaced.
        """
        annotations = {REF_NAME: name} if name else {}
        entry = JsonObject(replace(manifest, platform=None, annotations=annotations).to_json())
        entries = [_without_name(e) if name and _name_of(e) == name else e for e in self.entries]
        for position, old in enumerate(entries):
            if old.string("digest") == str(manifest.digest) and not _name_of(old):
                entries[position] = entry
                break
        else:
            entries.append(entry)
        return replace(self, entries=tuple(entries))

    def without(self, position: int) -> Self:
        """Take one image out."""
        return replace(self, entries=tuple(e for i, e in enumerate(self.entries) if i != position))

    def to_bytes(self) -> bytes:
        """Encode, with the order of members that was found."""
        entries = [dict(entry.members) for entry in self.entries]
        return dump_object({**self.members, "manifests": entries})


def _name_of(entry: JsonObject) -> str:
    return entry.string_map("annotations").get(REF_NAME, "")


def _without_name(entry: JsonObject) -> JsonObject:
    kept = {k: v for k, v in entry.string_map("annotations").items() if k != REF_NAME}
    members = {k: v for k, v in entry.members.items() if k != "annotations" or kept}
    return JsonObject({**members, "annotations": kept} if kept else members, entry.path)


def read_index(root: Folder) -> LayoutIndex:
    """Read index.json.

    Raises:
        NotFound: there is none.
        StorageFailed: it is no regular file, or cannot be read.
        ManifestInvalid, LimitExceeded: it is broken or too large.
    """
    return LayoutIndex.parse(read_file(root, INDEX_FILE, limit=MAX_INDEX_BYTES))


class Layout:
    """An open layout; the blobs may lie in a folder that several layouts share."""

    def __init__(self, path: str, shared_blob_dir: str = "") -> None:
        """Open a folder.

        Raises:
            NotFound: there is none.
            StorageFailed: it cannot be opened.
        """
        self.root = Folder.open(path)
        self._shared_blob_dir = shared_blob_dir

    @contextmanager
    def blob_folder(self, digest: Digest) -> Iterator[Folder]:
        """Open the folder that a blob lies in, if it is there."""
        shared = self._shared_blob_dir
        with (
            Folder.open(shared) if shared else self.root.sub(BLOBS_FOLDER) as blobs,
            blobs.sub(digest.algorithm) as folder,
        ):
            yield folder

    def open_blob(self, blob: Descriptor, offset: int = 0) -> RegularFile:
        """Open a blob from `offset` bytes on.

        Raises:
            NotFound: it is not there.
            StorageFailed: it is no regular file, or cannot be read.
        """
        try:
            with self.blob_folder(blob.digest) as folder:
                return open_regular(folder, blob.digest.hex, offset=offset)
        except NotFound:
            raise NotFound(f"{blob.digest} is not in layout {self.root.path}") from None

    def has_blob(self, blob: Descriptor) -> bool:
        """Tell whether a blob is there with its exact size."""
        try:
            with self.blob_folder(blob.digest) as folder:
                return folder.size_of(blob.digest.hex) == blob.size
        except NotFound:
            return False

    def manifest(self, descriptor: Descriptor) -> RawManifest:
        """Read a manifest, and check digest and size.

        Raises:
            NotFound: it is not there.
            DigestMismatch, SizeMismatch, LimitExceeded: it is not what the descriptor says.
        """
        if descriptor.size > MAX_MANIFEST_BYTES:
            raise LimitExceeded(
                f"manifest of {descriptor.size} bytes is over the limit of {MAX_MANIFEST_BYTES}"
            )
        try:
            with self.blob_folder(descriptor.digest) as folder:
                content = read_file(folder, descriptor.digest.hex, limit=MAX_MANIFEST_BYTES)
        except NotFound:
            raise NotFound(
                f"manifest {descriptor.digest} is not in layout {self.root.path}"
            ) from None
        RawManifest(content, "").check(descriptor.digest, descriptor.size)
        return RawManifest(content, descriptor.media_type or media_type_of(content))

    def needed(self, index: LayoutIndex) -> set[Digest]:
        """Give the digests of all that the images of an index need; manifests may be missing.

        Raises:
            ContentError: a manifest is broken, so that nobody knows what it needs.
        """
        needed: set[Digest] = set()
        for position in range(len(index.entries)):
            needed |= self.tree(index.descriptor(position))
        return needed

    def tree(self, top: Descriptor) -> set[Digest]:
        """Give the digests of all that one image needs. Errors as `needed`."""
        return {found.digest for found, _ in walk(top, self.manifest, skip_missing=True)}

    def close(self) -> None:
        """Close the folder; may be called twice."""
        self.root.close()

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
