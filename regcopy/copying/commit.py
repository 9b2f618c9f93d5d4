"""Write the manifests once their blobs are there: leaves first, the top one last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from regcopy.copying.places import Places
from regcopy.copying.plan import Plan
from regcopy.copying.recompression import Recompression
from regcopy.copying.schema1 import (
    FindPlain,
    from_schema1,
    not_yet_found,
    to_schema1,
    within_schema1,
)
from regcopy.copying.transfer import Placed, Transfer
from regcopy.copying.tree import Node
from regcopy.errors import located
from regcopy.events import ManifestWritten, Observer
from regcopy.model.convert import RewrittenImage, rewrite_image, rewrite_index
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageManifest, RawManifest
from regcopy.model.mediatypes import DOCKER_CONFIG, DOCKER_LAYER_GZIP, OCI_CONFIG, SCHEMA1

_Changed = Mapping[tuple[Digest, Recompression], Descriptor]
"""What layers became, by the digest they had and what was done to them."""


@dataclass(frozen=True, eq=False)
class Writer:
    """Rewrites what must change, and writes manifests.

    Attributes:
        configs: configs that conversions need, by the source's digest.
    """

    places: Places
    plan: Plan
    configs: Mapping[Digest, bytes]
    observer: Observer

    def check(self) -> None:
        """Try the conversions, so that what is impossible fails before anything moves.

        Raises:
            ManifestUnsupported: an image cannot be converted.
        """
        for node in self.plan.root.images():
            if node.raw.digest in self.plan.targets:
                self._rewrite(node, self.plan.layers_to_be(node), not_yet_found)

    def write(self, transfer: Transfer, placed: list[Placed]) -> Mapping[Digest, RawManifest]:
        """Write all manifests and the name; gives what was written, by the source's digest."""
        changed = {(one.planned.blob.digest, one.change): one.blob for one in placed if one.change}
        root = self.plan.root
        images = [node for node in root.images() if node is not root]
        results = self.places.pool.map(lambda node: self._image(transfer, node, changed), images)
        written = {n.raw.digest: raw for n, raw in zip(images, results, strict=True)}
        for node in root.walk():
            if node is not root and node.raw.digest not in written:
                written[node.raw.digest] = self._put(self._index(node, written), top=False)
        if isinstance(root.parsed, ImageManifest):
            written[root.raw.digest] = self._image(transfer, root, changed, top=True)
        else:
            written[root.raw.digest] = self._put(self._index(root, written), top=True)
        return written

    def _image(
        self,
        transfer: Transfer,
        node: Node,
        changed: _Changed,
        *,
        top: bool = False,
    ) -> RawManifest:
        # A layer that another image wanted changed may be as it was in this one.
        layers = {
            layer.digest: changed[layer.digest, change]
            for layer, change in self.plan.changes_of(node)
            if change is not None and (layer.digest, change) in changed
        }
        rewritten = self._rewrite(node, layers, transfer.plain_layers.find)
        if rewritten.layer is not None:
            transfer.put_bytes(rewritten.layer, DOCKER_LAYER_GZIP)
        if rewritten.config is not None:
            is_oci = self.plan.targets.get(node.raw.digest) == "oci"
            config = transfer.put_bytes(rewritten.config, OCI_CONFIG if is_oci else DOCKER_CONFIG)
            return self._put(rewritten.manifest, top=top, config=config.digest)
        return self._put(rewritten.manifest, top=top)

    def _rewrite(
        self, node: Node, layers: Mapping[Digest, Descriptor], find_plain: FindPlain
    ) -> RewrittenImage:
        config, target = node.image.config, self.plan.targets.get(node.raw.digest)
        content = self.configs.get(config.digest) if config else None
        named = self.places.job.destination
        if node.raw.media_type in SCHEMA1:
            if target in ("v2s2", "oci"):
                return from_schema1(node, to=target, layers=layers, find=find_plain)
            return within_schema1(node, layers=layers, destination=named if target else None)
        if target == "v2s1":
            return to_schema1(node, layers=layers, config=content, destination=named)
        return rewrite_image(
            node.raw,
            to=target,
            layers=layers,
            config=content,
        )

    def _index(self, node: Node, written: Mapping[Digest, RawManifest]) -> RawManifest:
        changed = {digest: raw for digest, raw in written.items() if raw.digest != digest}
        return rewrite_index(
            node.raw,
            to=self.plan.targets.get(node.raw.digest),
            children=changed,
            keep={child.raw.digest for child in node.children} if self.plan.strip else None,
        )

    def _put(
        self, manifest: RawManifest, *, top: bool, config: Digest | None = None
    ) -> RawManifest:
        job = self.places.job
        with located(
            side="destination",
            reference=job.destination,
            operation=f"writing manifest {manifest.digest}",
        ):
            self.places.destination.put_manifest(manifest, top=top)
            stored = self.places.signatures.write(manifest, top=top)
            if top:
                self.places.destination.commit(job.options.additional_tags)
        self.observer.notify(
            ManifestWritten(manifest.digest, top, stored.signatures, stored.made, config)
        )
        return manifest
