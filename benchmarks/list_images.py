"""Lists of small images that share layers, as a company's mirror has them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Final

from benchmarks.images import MIB, Layer, Pushed, push_image, push_layer
from regcopy.testing.samples import make_layer
from tests.registry_tools import RegistryTools, ask

_SHARED_LAYERS: Final = 3
_OWN_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Listed:
    """One image of a list, and where it is."""

    repository: str
    tag: str
    pushed: Pushed


# Puts all images of a list into a registry.
PushList = Callable[[RegistryTools], list[Listed]]


def sixty(tools: RegistryTools) -> list[Listed]:
    """Push 60 images: 12 repositories of 5 tags; 3 layers of 1 MiB are shared by all."""
    return push_list(tools, repositories=12, tags=5, shared_bytes=MIB)


def thousand(tools: RegistryTools) -> list[Listed]:
    """Push 1,000 images: 20 repositories of 50 tags; 3 layers of 64 KiB are shared by all."""
    return push_list(tools, repositories=20, tags=50, shared_bytes=64 * 1024)


def push_list(
    tools: RegistryTools, *, repositories: int, tags: int, shared_bytes: int
) -> list[Listed]:
    """Push images that have three layers in common and one of their own."""
    base = [make_layer(f"base-{n}", shared_bytes) for n in range(_SHARED_LAYERS)]

    def push(number: int) -> list[Listed]:
        repository = f"bench/app-{number:02}"
        shared = [push_layer(tools, repository, [layer], level=0) for layer in base]
        return [_push(tools, repository, f"1.{n}", shared) for n in range(tags)]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(chain.from_iterable(pool.map(push, range(repositories))))


def _push(tools: RegistryTools, repository: str, tag: str, shared: list[Layer]) -> Listed:
    plain = make_layer(f"{repository}-{tag}", _OWN_BYTES)
    own = push_layer(tools, repository, [plain], level=0)
    return Listed(repository, tag, push_image(tools, repository, tag, [*shared, own]))


def all_arrived(listed: Iterable[Listed], tools: RegistryTools) -> bool:
    """Tell whether a registry has all images of a list under the same names."""
    blobs: set[str] = set()
    for image in listed:
        manifest = tools.get_manifest(image.repository, image.tag)
        if manifest is None or manifest.digest != image.pushed.digest:
            return False
        blobs |= {f"{image.repository}/blobs/{blob}" for blob in image.pushed.blobs}
    return all(ask("HEAD", f"{tools.url}/v2/{path}").status == 200 for path in sorted(blobs))
