"""Which manifests of an index are copied: nesting, attestations, limits."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence

import pytest

from regcopy.copying.choice import choose_image
from regcopy.copying.options import CopyOptions, Instances
from regcopy.copying.pool import Pool
from regcopy.copying.tree import ATTESTATION_SUBJECT, Node, read_tree
from regcopy.errors import LimitExceeded, ManifestInvalid, ManifestUnsupported, SizeMismatch
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import OCI_INDEX
from regcopy.model.platform import Platform
from regcopy.testing.memory import MemoryStore
from regcopy.testing.samples import (
    FOUR_PLATFORMS,
    SampleImage,
    multi_platform_image,
    single_image,
)
from tests.contexts import make_context
from tests.unit.copying.conftest import World

ALL = Instances("all")


def index_of(*entries: Mapping[str, object]) -> RawManifest:
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}
    return RawManifest(json.dumps(document).encode(), OCI_INDEX)


def entry(manifest: RawManifest, **members: object) -> dict[str, object]:
    return {
        "mediaType": manifest.media_type,
        "digest": str(manifest.digest),
        "size": manifest.size,
        **members,
    }


def store_of(*manifests: RawManifest) -> MemoryStore:
    store = MemoryStore()
    store.manifests["app"] = {manifest.digest: manifest for manifest in manifests}
    store.tags["app", "latest"] = manifests[-1].digest
    return store


def tree(store: MemoryStore, instances: Instances = ALL) -> Node:
    with store.reference("app").open_source(make_context()) as source:
        pool = Pool(4, threading.Event())
        return read_tree(source, source.get_manifest(), instances, pool)


def test_an_index_of_indexes_is_read_to_its_images() -> None:
    image = multi_platform_image()
    outer = index_of(entry(image.top))
    found = tree(store_of(*image.manifests, outer))
    assert [n.raw.digest for n in found.images()] == [c.digest for c in image.children]


def test_children_are_given_before_their_parents_and_once() -> None:
    image = multi_platform_image()
    outer = index_of(entry(image.top), entry(image.children[0]))
    order = [node.raw.digest for node in tree(store_of(*image.manifests, outer)).walk()]
    assert order == [*(child.digest for child in image.children), image.digest, outer.digest]


def test_indexes_nested_too_deeply_are_refused() -> None:
    manifests = [single_image().top]
    for _ in range(6):
        manifests.append(index_of(entry(manifests[-1])))
    with pytest.raises(LimitExceeded, match="nested"):
        tree(store_of(*manifests))


def test_choosing_an_image_stops_at_the_same_depth() -> None:
    linux = {"os": "linux", "architecture": "amd64"}
    manifests = [single_image().top]
    for _ in range(7):
        manifests.append(index_of(entry(manifests[-1], platform=linux)))
    store = store_of(*manifests)
    with (
        store.reference("app").open_source(make_context()) as source,
        pytest.raises(LimitExceeded, match="nested"),
    ):
        choose_image(source, source.get_manifest(), FOUR_PLATFORMS[0])


def test_manifests_that_are_too_large_together_are_refused_unread() -> None:
    entries = [
        {"mediaType": OCI_INDEX, "digest": f"sha256:{n:064x}", "size": 4_000_000} for n in range(9)
    ]
    store = store_of(index_of(*entries))
    with pytest.raises(LimitExceeded, match="bytes together"):
        tree(store)
    assert store.called("get_manifest") == ["latest"]


def test_one_digest_with_two_sizes_is_refused() -> None:
    top = single_image().top
    outer = index_of(entry(top), entry(top, size=top.size + 1))
    with pytest.raises(ManifestInvalid, match="bytes"):
        tree(store_of(top, outer))


def attested() -> tuple[Sequence[RawManifest], RawManifest]:
    image = multi_platform_image()
    unknown = {"os": "unknown", "architecture": "unknown"}
    statements = [
        single_image(seed=f"statement {n}", layers=1).top for n, _ in enumerate(image.children)
    ]
    entries = [
        entry(
            child,
            platform={"os": p.os, "architecture": p.architecture},
        )
        for child, p in zip(image.children, FOUR_PLATFORMS, strict=True)
    ]
    entries += [
        entry(
            statement,
            platform=unknown,
            annotations={ATTESTATION_SUBJECT: str(child.digest)},
        )
        for statement, child in zip(statements, image.children, strict=True)
    ]
    outer = index_of(*entries)
    return [*image.children, *statements, outer], outer


def test_the_attestations_of_chosen_platforms_come_along() -> None:
    manifests, _ = attested()
    chosen = Instances("platforms", (Platform.parse("linux/s390x"),))
    found = [node.raw.digest for node in tree(store_of(*manifests), chosen).children]
    assert found == [manifests[2].digest, manifests[6].digest]


def nested() -> tuple[SampleImage, MemoryStore]:
    """An index of an index without a platform, and of an image for s390x beside it."""
    inner = multi_platform_image()
    alone = single_image(seed="alone").top
    s390x = {"os": "linux", "architecture": "s390x"}
    outer = index_of(entry(alone, platform=s390x), entry(inner.top))
    store = store_of(*inner.manifests, alone, outer)
    store.blobs["app"] = {**inner.blobs, **single_image(seed="alone").blobs}
    return inner, store


@pytest.mark.parametrize(
    ("asked", "inner_ones", "all_ones"),
    [
        (("linux/amd64",), [0], 1),
        (("linux/s390x", "linux/arm64"), [1], 2),
        (("linux/s390x",), [], 1),
    ],
)
def test_an_inner_index_is_narrowed_to_the_platforms_that_led_to_it(
    asked: Sequence[str], inner_ones: Sequence[int], all_ones: int
) -> None:
    inner, store = nested()
    chosen = Instances("platforms", tuple(map(Platform.parse, asked)))
    found = [node.raw.digest for node in tree(store, chosen).images()]
    assert [one for one in found if one in {child.digest for child in inner.children}] == [
        inner.children[number].digest for number in inner_ones
    ]
    assert len(found) == all_ones


def test_a_platform_that_an_inner_index_lacks_is_missing() -> None:
    _, store = nested()
    with pytest.raises(ManifestUnsupported, match="platform linux/riscv64"):
        tree(store, Instances("platforms", (Platform.parse("linux/riscv64"),)))


def test_a_stripped_index_has_stripped_indexes_inside(world: World) -> None:
    inner, store = nested()
    options = CopyOptions(
        instances=Instances("platforms", (Platform.parse("linux/amd64"),), strip=True)
    )
    result = world.copy(store.reference("app"), options)
    written = world.destination.manifests["copy"]
    (outer_entry,) = json.loads(written[result.digest].content)["manifests"]
    kept = json.loads(written[Digest.parse(outer_entry["digest"])].content)["manifests"]
    assert [one["digest"] for one in kept] == [str(inner.children[0].digest)]
    assert len(written) == 3


def test_a_stripped_index_keeps_entries_as_they_were(world: World) -> None:
    manifests, outer = attested()
    store = store_of(*manifests)
    store.blobs["app"] = dict(multi_platform_image().blobs)
    for n in range(4):
        store.blobs["app"].update(single_image(seed=f"statement {n}", layers=1).blobs)
    options = CopyOptions(
        instances=Instances("platforms", (Platform.parse("linux/s390x"),), strip=True)
    )
    result = world.copy(store.reference("app"), options)
    written = json.loads(world.destination.manifests["copy"][result.digest].content)
    assert written["manifests"] == [json.loads(outer.content)["manifests"][n] for n in (2, 6)]


def test_a_manifest_that_is_not_what_its_entry_says_is_refused() -> None:
    top = single_image().top
    store = store_of(top, index_of(entry(top, size=top.size + 1)))
    with pytest.raises(SizeMismatch):
        tree(store)
