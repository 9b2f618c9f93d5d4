"""Images that few tools make, between real registries: indexes of indexes, layers in common."""

from __future__ import annotations

import json
from typing import Final

from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import OCI_INDEX
from regcopy.testing.samples import FOUR_PLATFORMS, SampleImage, image_of_layers, make_layer
from regcopy.testing.samples import multi_platform_image as sample_index
from tests.command_line import run_cli
from tests.registry_tools import RegistryTools
from tests.servers import Registry

PLAIN: Final = ("--src-tls-verify=false", "--dest-tls-verify=false")
INNER: Final = sample_index()
OUTER: Final = RawManifest(
    json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [INNER.top.descriptor().to_json()],
        }
    ).encode(),
    OCI_INDEX,
)
NESTED: Final = SampleImage(OUTER, INNER.manifests, INNER.blobs)


def test_an_index_of_an_index_arrives_whole(
    registry: Registry, second_registry: Registry, repository: str
) -> None:
    RegistryTools(registry.url).push(NESTED, repository, "1")
    names = [f"docker://{one.host}/{repository}:1" for one in (registry, second_registry)]
    ended = run_cli("copy", "--all", *PLAIN, *names)
    assert (ended.code, ended.err) == (0, "")
    assert RegistryTools(second_registry.url).holds(NESTED, repository, "1")


def test_an_image_of_an_inner_index_is_found_by_its_platform(
    registry: Registry, second_registry: Registry, repository: str
) -> None:
    RegistryTools(registry.url).push(NESTED, repository, "1")
    names = [f"docker://{one.host}/{repository}:1" for one in (registry, second_registry)]
    platform = FOUR_PLATFORMS[2]
    flags = ("--override-os", platform.os, "--override-arch", platform.architecture)
    assert run_cli(*flags, "copy", *PLAIN, *names).code == 0
    assert RegistryTools(second_registry.url).get_manifest(repository, "1") == INNER.children[2]


def test_images_of_the_same_layers_keep_their_own_configs(
    registry: Registry, second_registry: Registry, repository: str
) -> None:
    layers = [make_layer(f"common-{n}", 5000) for n in range(3)]
    images = [image_of_layers(layers, platform=platform) for platform in FOUR_PLATFORMS[:2]]
    source, target = RegistryTools(registry.url), RegistryTools(second_registry.url)
    for number, image in enumerate(images):
        source.push(image, f"{repository}/{number}", "1")
    for _ in range(2):
        for number, image in enumerate(images):
            names = [
                f"docker://{one.host}/{repository}/{number}:1"
                for one in (registry, second_registry)
            ]
            assert run_cli("copy", *PLAIN, *names).code == 0
            assert target.holds(image, f"{repository}/{number}", "1")
