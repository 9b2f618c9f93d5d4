"""Entries of index.json as tags and manifests of repositories; no I/O.

An entry named `team/app:1.0` is the tag `1.0` of the repository `team/app`; one named
`team/app@sha256:…` is a manifest that the repository holds and that nothing else in it
reaches. Entries with other names, or none, belong to no repository and are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from regcopy.errors import ContentError, InvalidReference
from regcopy.model._json import JsonObject
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.layout import REF_NAME
from regcopy.model.mediatypes import IMAGE_MANIFESTS, INDEXES, OCI_ARTIFACT
from regcopy.model.reference import ImageName, is_tag

_MANIFESTS: Final = IMAGE_MANIFESTS | INDEXES | {OCI_ARTIFACT}
_MAX_NAME: Final = 255

Below = Callable[[Descriptor], Iterable[Digest]]
"""Gives the digests of all manifests that a manifest reaches, itself not among them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, and what it means here.

    Attributes:
        source: its members.
        manifest: what it names.
        repository: "" where it belongs to none.
        tag: "" where it is a manifest without a tag.
    """

    source: JsonObject
    manifest: Descriptor | None = None
    repository: str = ""
    tag: str = ""


def is_repository(name: str) -> bool:
    """Tell whether text is the name of a repository, by the grammar of references."""
    # What is remembered is short: names come from strangers.
    return len(name) <= _MAX_NAME and _follows_grammar(name)


@lru_cache(maxsize=4096)
def _follows_grammar(name: str) -> bool:
    if ":" in name or "@" in name:
        return False
    try:
        return ImageName.parse(f"localhost/{name}").repository == name
    except InvalidReference:
        return False


def read_entry(source: JsonObject) -> Entry:
    """Give the meaning of an entry; broken ones have none."""
    name = source.string_map("annotations").get(REF_NAME, "")
    if not name:
        return Entry(source)
    try:
        manifest = Descriptor.from_json(source)
    except ContentError:
        return Entry(source)
    if manifest.media_type not in _MANIFESTS:
        return Entry(source)
    repository, at, digest = name.partition("@")
    tag = ""
    if at:
        is_ours = digest == str(manifest.digest)
    else:
        repository, _, tag = name.partition(":")
        is_ours = is_tag(tag)
    if not is_ours or not is_repository(repository):
        return Entry(source)
    return Entry(source, manifest, repository, tag)


def make_entry(repository: str, tag: str, manifest: Descriptor) -> Entry:
    """Make the entry of a tag, or of a manifest without one."""
    name = f"{repository}:{tag}" if tag else f"{repository}@{manifest.digest}"
    plain = Descriptor(manifest.media_type, manifest.digest, manifest.size)
    source = JsonObject(replace(plain, annotations={REF_NAME: name}).to_json())
    return Entry(source, plain, repository, tag)


def _untagged(entry: Entry) -> Entry:
    if entry.manifest is None or not entry.tag:
        return entry
    name = f"{entry.repository}@{entry.manifest.digest}"
    annotations = {**entry.source.string_map("annotations"), REF_NAME: name}
    source = JsonObject({**entry.source.members, "annotations": annotations}, entry.source.path)
    return replace(entry, source=source, tag="")


def with_manifest(
    entries: Sequence[Entry], repository: str, tag: str, manifest: Descriptor, below: Below
) -> tuple[Entry, ...]:
    """Add a manifest under a tag, or without one for "".

    What had the tag before stays in the repository without it.
    """
    kept = without_tag(entries, repository, tag, below) if tag else entries
    return _pruned((*kept, make_entry(repository, tag, manifest)), repository, below)


def without_tag(
    entries: Sequence[Entry], repository: str, tag: str, below: Below
) -> tuple[Entry, ...]:
    """Take a tag away; its manifest stays in the repository."""
    changed = (_untagged(e) if e.repository == repository and e.tag == tag else e for e in entries)
    return _pruned(tuple(changed), repository, below)


def without_manifest(
    entries: Sequence[Entry], repository: str, digest: Digest
) -> tuple[Entry, ...]:
    """Take a manifest away, with all its tags."""
    return tuple(
        entry
        for entry in entries
        if entry.repository != repository or not entry.manifest or entry.manifest.digest != digest
    )


def _pruned(entries: Sequence[Entry], repository: str, below: Below) -> tuple[Entry, ...]:
    """Drop entries without a tag whose manifest the repository reaches anyway."""
    own = [(e, e.manifest) for e in entries if e.repository == repository and e.manifest]
    if all(entry.tag for entry, _ in own):
        return tuple(entries)
    reached = {manifest.digest for entry, manifest in own if entry.tag}
    for _, manifest in own:
        reached.update(below(manifest))
    kept: list[Entry] = []
    for entry in entries:
        if entry.repository == repository and entry.manifest and not entry.tag:
            if entry.manifest.digest in reached:
                continue
            reached.add(entry.manifest.digest)
        kept.append(entry)
    return tuple(kept)
