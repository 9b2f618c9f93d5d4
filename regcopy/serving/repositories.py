"""Repositories: what index.json and the manifests it names say, kept in memory.

index.json is the only truth. It is looked at (one `stat`) before each use and read again
when another process has replaced it; changes are made under the lock that `regcopy` takes
for any layout, so writers beside the server lose nothing and nothing of theirs is lost.
What is in memory besides are the blobs that were pushed or mounted since the start: they
belong to their repository before a manifest needs them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from regcopy.errors import ContentError, LimitExceeded, NotFound
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.layout import INDEX_FILE, MAX_INDEX_BYTES, LayoutIndex
from regcopy.serving.contents import Contents, Repository
from regcopy.serving.entries import (
    Entry,
    read_entry,
    with_manifest,
    without_manifest,
    without_tag,
)
from regcopy.serving.refusals import unsupported
from regcopy.serving.storage import Storage
from regcopy.streams.files import storage_errors
from regcopy.transports.oci.layout import read_index

_Signature = tuple[int, int, int, int] | None


@dataclass(frozen=True)
class _Snapshot:
    """index.json at one moment; `known` is filled while it is used."""

    signature: _Signature
    index: LayoutIndex
    entries: tuple[Entry, ...]
    by_name: Mapping[str, tuple[Entry, ...]]
    known: dict[str, Repository] = field(default_factory=dict)


class Repositories:
    """All repositories of a layout; safe for use by several threads."""

    def __init__(self, storage: Storage, contents: Contents) -> None:
        """Read index.json.

        Raises:
            ManifestInvalid, LimitExceeded: it is broken or too large.
            StorageFailed: it cannot be read.
        """
        self._storage = storage
        self._contents = contents
        # Whoever wants both takes `_writing` first.
        self._writing = threading.RLock()
        self._loading = threading.RLock()
        self._placing = threading.Lock()
        self._pushed: dict[str, set[Digest]] = {}
        self._snapshot = self._load()

    def names(self) -> list[str]:
        """Names of all repositories, sorted."""
        return sorted(self._fresh().by_name)

    def get(self, name: str) -> Repository | None:
        """Give a repository as it is now; None where it has no manifest."""
        return self._known(self._fresh(), name)

    def _known(self, snapshot: _Snapshot, name: str) -> Repository | None:
        found = snapshot.known.get(name)
        if found is None and name in snapshot.by_name:
            # Of two entries with one name the first counts, as everywhere in a layout.
            entries = reversed(snapshot.by_name[name])
            tops = ((e.tag, e.manifest) for e in entries if e.manifest is not None)
            found = snapshot.known[name] = self._contents.extend(Repository(), tops)
        return found

    def has_blob(self, name: str, digest: Digest) -> bool:
        """Tell whether a blob belongs to a repository."""
        if digest in self._pushed.get(name, ()):
            return True
        repository = self.get(name)
        return repository is not None and digest in repository.blobs

    @contextmanager
    def adding_blob(self, name: str, digest: Digest) -> Iterator[None]:
        """Add a blob to a repository; its file is put there, or found there, meanwhile.

        No file is removed in that time: the one that was found would be gone afterwards.
        """
        with self._placing:
            yield
            self._pushed.setdefault(name, set()).add(digest)

    def has_blob_anywhere(self, digest: Digest) -> bool:
        """Tell whether a blob belongs to any repository."""
        names = {*self._fresh().by_name, *list(self._pushed)}
        return any(self.has_blob(name, digest) for name in names)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep everybody else, in this process and others, from changing anything.

        Raises:
            StorageFailed: another process changes things for too long.
        """
        with self._writing, self._storage.locked_index():
            yield

    def put(self, name: str, tag: str, manifest: Descriptor) -> None:
        """Enter a manifest, which is on the disk with all it needs; while `changing`.

        Args:
            name: of the repository.
            tag: "" for none.
            manifest: what is entered.

        Raises:
            LimitExceeded: index.json would be larger than anybody reads.
            StorageFailed: it could not be written; the old one is still there.
        """
        before = self._fresh()
        entries = with_manifest(before.entries, name, tag, manifest, self._below)
        old = self._known(before, name) or Repository()
        self._store(before, entries, name, self._contents.extend(old, [(tag, manifest)]))

    def remove_tag(self, name: str, tag: str) -> bool:
        """Remove a tag; False where there is none. While `changing`; errors as `put`."""
        before = self._fresh()
        repository = self._known(before, name)
        if repository is None or tag not in repository.tags:
            return False
        self._store(before, without_tag(before.entries, name, tag, self._below), name, None)
        return True

    def remove_manifest(self, name: str, digest: Digest) -> bool:
        """Remove a manifest and its tags; False where there is none. While `changing`.

        Raises:
            Refusal: an index of the repository names it.
            StorageFailed: as `put`.
        """
        before = self._fresh()
        repository = self._known(before, name)
        if repository is None or digest not in repository.manifests:
            return False
        entries = without_manifest(before.entries, name, digest)
        for entry in entries:
            if (
                entry.repository == name
                and entry.manifest
                and digest in self._below(entry.manifest)
            ):
                raise unsupported(405, f"index {entry.manifest.digest} names it: delete that first")
        self._store(before, entries, name, None)
        return True

    def remove_blob(self, name: str, digest: Digest) -> None:
        """Take a blob out of a repository; the file goes too, unless something needs it.

        Raises:
            Refusal: a manifest of the repository needs it.
            StorageFailed: it could not be removed.
        """
        repository = self.get(name)
        if repository is not None and digest in repository.blobs:
            raise unsupported(405, "a manifest of the repository needs it: delete that first")
        with self._placing:
            self._pushed.get(name, set()).discard(digest)
            if not self._is_needed(digest):
                self._storage.remove(digest)

    def _is_needed(self, digest: Digest) -> bool:
        """Tell whether a repository has a blob, or any image of the layout needs it."""
        if any(digest in pushed for pushed in self._pushed.values()):
            return True
        for entry in self._fresh().index.entries:
            try:
                image = Descriptor.from_json(entry)
            except ContentError:
                continue
            if self._contents.needs(image, digest):
                return True
        return False

    def _below(self, manifest: Descriptor) -> set[Digest]:
        return {child.digest for child in self._contents.below(manifest)}

    def _fresh(self) -> _Snapshot:
        snapshot = self._snapshot
        if self._signature() == snapshot.signature:
            return snapshot
        with self._loading:
            if self._signature() != self._snapshot.signature:
                self._snapshot = self._load()
            return self._snapshot

    def _load(self) -> _Snapshot:
        # Looked at before it is read: what changes in between is read once more.
        signature = self._signature()
        try:
            index = read_index(self._storage.root)
        except NotFound:
            index = LayoutIndex.empty()
        entries = tuple(read_entry(source) for source in index.entries)
        by_name: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.repository:
                by_name.setdefault(entry.repository, []).append(entry)
        found = {name: tuple(own) for name, own in by_name.items()}
        return _Snapshot(signature, index, entries, found)

    def _signature(self) -> _Signature:
        root = self._storage.root
        with storage_errors("reading", root.path):
            try:
                found = os.stat(INDEX_FILE, dir_fd=root.fd, follow_symlinks=False)
            except FileNotFoundError:
                return None
        return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size

    def _store(
        self,
        before: _Snapshot,
        entries: tuple[Entry, ...],
        name: str,
        repository: Repository | None,
    ) -> None:
        index = replace(before.index, entries=tuple(entry.source for entry in entries))
        content = index.to_bytes()
        if len(content) > MAX_INDEX_BYTES:
            raise LimitExceeded(f"{INDEX_FILE} has more than {MAX_INDEX_BYTES} bytes")
        by_name, known = dict(before.by_name), dict(before.known)
        by_name.pop(name, None)
        known.pop(name, None)
        if own := tuple(entry for entry in entries if entry.repository == name):
            by_name[name] = own
        if repository is not None:
            known[name] = repository
        # Readers that see the new file wait for the new snapshot, and need not read it.
        with self._loading:
            self._storage.write_index(content)
            self._snapshot = _Snapshot(self._signature(), index, entries, by_name, known)
