"""What a copy tells of configs that are made anew, and of layers that stay where they are."""

from __future__ import annotations

from regcopy.copying.options import CopyOptions, Instances
from regcopy.events import CopyStarted, ManifestWritten
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageManifest, parse_manifest
from regcopy.testing.samples import multi_platform_image, single_image
from tests.unit.copying.conftest import World


def started(world: World) -> CopyStarted:
    [event] = [event for event in world.recorder.events if isinstance(event, CopyStarted)]
    return event


def written(world: World) -> list[ManifestWritten]:
    return [event for event in world.recorder.events if isinstance(event, ManifestWritten)]


def config_of(world: World, digest: Digest) -> Digest | None:
    manifest = parse_manifest(world.destination.manifests["copy"][digest])
    assert isinstance(manifest, ImageManifest)
    return manifest.config.digest if manifest.config else None


def test_a_config_that_is_made_anew_is_told_with_its_manifest(world: World) -> None:
    source = world.source.add(single_image(family="v2s2"), "app")
    result = world.copy(source, CopyOptions(format="oci"))
    [manifest] = written(world)
    assert manifest.config == config_of(world, result.digest)
    assert [image.config for image in started(world).plan] == [None]


def test_so_is_each_one_of_an_index(world: World) -> None:
    source = world.source.add(multi_platform_image(family="v2s2"), "app")
    world.copy(source, CopyOptions(Instances("all"), format="oci"))
    *images, top = written(world)
    assert [image.config for image in images] == [
        config_of(world, image.digest) for image in images
    ]
    assert top.config is None


def test_a_config_that_stays_is_a_blob_of_its_image(world: World) -> None:
    world.copy(world.source.add(single_image(), "app"))
    [image] = started(world).plan
    assert image.config is not None
    assert [manifest.config for manifest in written(world)] == [None]
