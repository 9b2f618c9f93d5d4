"""Artifacts that refer to images, and registries that list them or leave that to a tag."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import OCI_INDEX, OCI_MANIFEST
from regcopy.testing.samples import SampleImage
from tests.registry_tools import RegistryTools, ask

EMPTY = "application/vnd.oci.empty.v1+json"


def referrer(subject: RawManifest | None, name: str) -> SampleImage:
    """Make an artifact about a manifest; about none, as cosign's older ones are."""
    config, content = b"{}", f"{name} of {subject.digest if subject else 'something'}".encode()
    layer = {"mediaType": f"application/x.{name}", "digest": str(Digest.of(content))}
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": f"application/x.{name}",
        "config": {"mediaType": EMPTY, "digest": str(Digest.of(config)), "size": len(config)},
        "layers": [{**layer, "size": len(content)}],
        "annotations": {"title": name},
    }
    if subject is not None:
        document["subject"] = subject.descriptor().to_json()
    top = RawManifest(json.dumps(document).encode(), OCI_MANIFEST)
    return SampleImage(top, (), {Digest.of(config): config, Digest.of(content): content})


def entry_of(artifact: SampleImage) -> dict[str, object]:
    """What a list of referrers has about an artifact that `referrer` made."""
    members = json.loads(artifact.top.content)
    described = artifact.top.descriptor().to_json()
    named = {"artifactType": members["artifactType"], "annotations": members["annotations"]}
    return {**described, **named}


def index_of(entries: Sequence[object], **more: object) -> RawManifest:
    """Make an index of referrers."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries), **more}
    return RawManifest(json.dumps(document).encode(), OCI_INDEX)


def tag_of(subject: Digest, ending: str = "") -> str:
    """Tag of what is about a manifest."""
    return f"{subject.algorithm}-{subject.hex}{ending}"


@dataclass(frozen=True)
class Shelf:
    """A repository with images and what refers to them.

    Attributes:
        lists: whether the registry has the referrers request.
    """

    tools: RegistryTools
    repository: str
    lists: bool
    pushed: dict[Digest, list[object]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`docker://host/repository`."""
        return f"docker://{self.tools.url.removeprefix('http://')}/{self.repository}"

    def refer(self, subject: RawManifest, *names: str) -> list[SampleImage]:
        """Push artifacts about a manifest as clients do."""
        artifacts = [referrer(subject, name) for name in names]
        for artifact in artifacts:
            self.tools.push(artifact, self.repository, str(artifact.digest))
        if not self.lists:
            entries = self.pushed.setdefault(subject.digest, [])
            entries += [entry_of(artifact) for artifact in artifacts]
            tag = tag_of(subject.digest)
            self.tools.push_manifest(index_of(entries), self.repository, tag)
        return artifacts

    def listed(self, subject: Digest) -> list[dict[str, object]]:
        """Entries that whoever asks for the referrers of a manifest finds."""
        asked = ask("GET", f"{self.tools.url}/v2/{self.repository}/referrers/{subject}")
        assert (asked.status == 200) == self.lists
        if self.lists:
            return list(json.loads(asked.body)["manifests"])
        index = self.tools.get_manifest(self.repository, tag_of(subject))
        return list(json.loads(index.content)["manifests"]) if index else []

    def digests(self, subject: Digest) -> set[str]:
        """Digests of the referrers that are found."""
        return {str(entry["digest"]) for entry in self.listed(subject)}

    def holds(self, artifact: SampleImage) -> bool:
        """Tell whether an artifact is there by its digest, with all its blobs."""
        return self.tools.holds(artifact, self.repository, str(artifact.digest))
