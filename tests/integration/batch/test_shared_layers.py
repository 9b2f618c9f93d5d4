"""Images on one base, to one registry: a byte is read once, and written once."""

from __future__ import annotations

from collections import Counter
from typing import Final

from regcopy.testing.samples import SampleImage
from tests.lists import family, push_all, run
from tests.registry_tools import RegistryTools
from tests.servers import LoggedRequest, Registry

IMAGES: Final = family(5, bases=3, layer_bytes=50_000)


def blobs_of(images: list[SampleImage]) -> set[str]:
    return {str(digest) for image in images for digest in image.blobs}


def of_blobs(requests: list[LoggedRequest], method: str) -> list[LoggedRequest]:
    return [one for one in requests if one.method == method and "/blobs/" in one.path]


def test_each_blob_is_read_once_and_written_once(
    registry: Registry, second_registry: Registry, repository: str
) -> None:
    names = [f"{repository}-{number}:1" for number in range(len(IMAGES))]
    push_all(RegistryTools(registry.url), dict(zip(names, IMAGES, strict=True)))
    with registry.watch() as read, second_registry.watch() as written:
        ran = run(
            [f"docker://{registry.host}/{n} docker://{second_registry.host}/{n}" for n in names]
        )
    assert ran.statuses() == ["done"] * len(IMAGES)
    asked = Counter(one.path.rpartition("/")[2] for one in of_blobs(read, "GET"))
    assert asked == Counter(blobs_of(IMAGES))
    assert len(of_blobs(written, "PUT")) == len(blobs_of(IMAGES))
    unique = {digest: len(blob) for image in IMAGES for digest, blob in image.blobs.items()}
    assert ran.report.bytes_copied == sum(unique.values())
    tools = RegistryTools(second_registry.url)
    for name, image in zip(names, IMAGES, strict=True):
        assert tools.holds(image, name.partition(":")[0], "1")
