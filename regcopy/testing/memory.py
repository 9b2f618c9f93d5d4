"""A transport that lives in memory: the smallest whole one, and a world for tests.

A test makes a `MemoryStore`, puts images into it, and copies from and to its references. It
keeps a log of the calls, and a hook may raise in any of them.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Literal, Self

from regcopy.errors import NotFound
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.streams.blob import BLOCK_BYTES, BlobStream, Readable
from regcopy.testing.samples import SampleImage
from regcopy.transports.base import Capabilities, Context, ImageReference

Hook = Callable[[str, str], None]
"""Called with the name of a call and what it is about; what it raises is raised there."""


@dataclass
class MemoryStore:
    """Repositories in memory: blobs belong to a repository, as in a registry.

    Attributes:
        capabilities: what destinations of this store say about themselves.
        mounts: blobs of one repository can be mounted into another; "refused" tries in vain.
        calls: calls that were made, each with what it was about.
        hook: see `Hook`.
    """

    capabilities: Capabilities = field(default_factory=lambda: Capabilities(max_parallel=8))
    mounts: Literal["no", "yes", "refused"] = "no"
    blobs: dict[str, dict[Digest, bytes]] = field(default_factory=dict)
    manifests: dict[str, dict[Digest, RawManifest]] = field(default_factory=dict)
    tags: dict[tuple[str, str], Digest] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    hook: Hook | None = None
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def reference(self, repository: str, tag: str = "latest") -> MemoryReference:
        """Name an image of this store."""
        return MemoryReference(self, repository, tag)

    def add(self, image: SampleImage, repository: str, tag: str = "latest") -> MemoryReference:
        """Put an image in, and name it."""
        self.blobs.setdefault(repository, {}).update(image.blobs)
        known = self.manifests.setdefault(repository, {})
        known.update({manifest.digest: manifest for manifest in image.manifests})
        self.tags[repository, tag] = image.digest
        return self.reference(repository, tag)

    def called(self, call: str) -> list[str]:
        """What the calls of that name were about, in their order."""
        return [about for name, about in self.calls if name == call]

    def note(self, call: str, about: object) -> None:
        """Write a call down, and let the hook fail it."""
        with self.lock:
            self.calls.append((call, str(about)))
        if self.hook is not None:
            self.hook(call, str(about))


@dataclass(frozen=True, eq=False)
class MemoryReference:
    """`memory:repository:tag` of one store."""

    store: MemoryStore
    repository: str
    tag: str

    @property
    def transport(self) -> str:
        """`memory`."""
        return "memory"

    @property
    def policy_identity(self) -> str:
        """No scope: a policy can only speak of all images in memory."""
        return ""

    @property
    def policy_namespaces(self) -> Sequence[str]:
        """None."""
        return ()

    def open_source(self, context: Context, /) -> MemorySource:
        """Open for reading."""
        self.store.note("open_source", self)
        return MemorySource(self, context)

    def open_destination(self, context: Context, /) -> MemoryDestination:
        """Open for writing."""
        self.store.note("open_destination", self)
        return MemoryDestination(self, context)

    def with_tag(self, tag: str, /) -> MemoryReference:
        """The same repository, another tag."""
        return replace(self, tag=tag)

    @property
    def spans_repositories(self) -> bool:
        """No."""
        return False

    @property
    def repository_name(self) -> str:
        """The repository."""
        return self.repository

    def list_tags(self, context: Context, /) -> Iterator[str]:
        """Tags of the repository."""
        context.check_cancelled()
        return (tag for repository, tag in self.store.tags if repository == self.repository)

    def __str__(self) -> str:
        return f"memory:{self.repository}:{self.tag}"


class _Closing:
    """Counts how often it was left."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def close(self) -> None:
        """Write it down."""
        self._store.note("close", type(self).__name__)

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


class MemorySource(_Closing):
    """An image that is read from a store."""

    def __init__(self, reference: MemoryReference, context: Context) -> None:
        super().__init__(reference.store)
        self._reference = reference
        self._context = context

    @property
    def max_parallel(self) -> int:
        """Threads that may call it at once."""
        return 8

    def get_manifest(self, instance: Descriptor | None = None, /) -> RawManifest:
        """Give a manifest. Raises NotFound."""
        place = self._reference
        self._store.note("get_manifest", instance.digest if instance else place.tag)
        digest = (
            instance.digest if instance else self._store.tags.get((place.repository, place.tag))
        )
        known = self._store.manifests.get(place.repository, {})
        if digest is None or digest not in known:
            raise NotFound(f"manifest {digest or place.tag} is not in memory")
        raw = known[digest]
        raw.check(digest, instance.size if instance else None)
        return raw

    def open_blob(self, blob: Descriptor, /, *, offset: int = 0) -> Readable:
        """Open a blob. Raises NotFound."""
        self._store.note("open_blob", blob.digest)
        content = self._store.blobs.get(self._reference.repository, {}).get(blob.digest)
        if content is None:
            raise NotFound(f"blob {blob.digest} is not in memory")
        return io.BytesIO(content[offset:])


class MemoryDestination(_Closing):
    """An image that is written into a store; seen by others once it was committed."""

    def __init__(self, reference: MemoryReference, context: Context) -> None:
        super().__init__(reference.store)
        self._reference = reference
        self._context = context
        self._top: RawManifest | None = None
        self._blobs = self._store.blobs.setdefault(reference.repository, {})
        self._manifests = self._store.manifests.setdefault(reference.repository, {})

    @property
    def capabilities(self) -> Capabilities:
        """What the store says."""
        return self._store.capabilities

    def current_digest(self) -> Digest | None:
        """Digest under the name."""
        self._store.note("current_digest", self._reference)
        return self._store.tags.get((self._reference.repository, self._reference.tag))

    def has_manifest(self, manifest: Descriptor, /) -> bool:
        """Whether the repository has it."""
        self._store.note("has_manifest", manifest.digest)
        return manifest.digest in self._manifests

    @property
    def blob_domain(self) -> Hashable:
        """The store."""
        return id(self._store)

    @property
    def blob_scope(self) -> Hashable:
        """The repository."""
        return self._reference.repository

    def can_mount_from(self, source: ImageReference, /) -> bool:
        """Whether it is another repository of this store."""
        return (
            self._store.mounts != "no"
            and isinstance(source, MemoryReference)
            and source.store is self._store
            and source.repository != self._reference.repository
        )

    def mount_blob(self, blob: Descriptor, source: ImageReference, /) -> bool:
        """Take a blob over from another repository."""
        self._store.note("mount_blob", blob.digest)
        if not isinstance(source, MemoryReference) or self._store.mounts == "refused":
            return False
        content = self._store.blobs.get(source.repository, {}).get(blob.digest)
        if content is not None:
            self._blobs[blob.digest] = content
        return content is not None

    def find_blob(self, blob: Descriptor, /) -> bool:
        """Whether the repository has it."""
        self._store.note("find_blob", blob.digest)
        return blob.digest in self._blobs

    def put_blob(self, stream: BlobStream, /) -> Descriptor:
        """Take a blob in; it is verified before it is there."""
        self._store.note("put_blob", stream.expected.digest if stream.expected else "unknown")
        blocks: list[bytes] = []
        while block := stream.read(BLOCK_BYTES):
            blocks.append(block)
        blob = stream.descriptor()
        self._blobs[blob.digest] = b"".join(blocks)
        return blob

    def put_manifest(self, manifest: RawManifest, /, *, top: bool) -> None:
        """Take a manifest in."""
        self._store.note("put_manifest", manifest.digest)
        if top:
            self._top = manifest
        else:
            self._manifests[manifest.digest] = manifest

    def commit(self, tags: Sequence[str] = (), /) -> None:
        """Give the top manifest its names."""
        self._store.note("commit", self._reference)
        if self._top is None:
            raise RuntimeError("commit without a top manifest")
        self._manifests[self._top.digest] = self._top
        for tag in (self._reference.tag, *tags):
            name = replace(self._reference, tag=tag)
            self._store.tags[name.repository, name.tag] = self._top.digest
