"""Lists for tests: small images in layouts, and what became of each line."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from regcopy.batch import (
    LineEnded,
    LineEvent,
    LineReport,
    ListEnded,
    ListReport,
    copy_many,
)
from regcopy.config.environment import Environment
from regcopy.model.digest import Digest
from regcopy.model.platform import Platform
from regcopy.session import Access
from regcopy.testing.samples import SampleImage, image_of_layers, make_layer, single_image
from regcopy.testing.samples import write_layout as write_sample
from regcopy.transports.base import Clocks, RetryPolicy, SideOptions
from tests.registry_tools import RegistryTools

AMD64 = Platform("linux", "amd64")
# Plain HTTP, and faults that pass in no time.
QUICK = Access(
    anonymous=True,
    options=SideOptions(tls_verify=False),
    retry=RetryPolicy(first_delay_seconds=0.001),
    clocks=Clocks(stall_seconds=5),
)


@dataclass(frozen=True)
class Lines:
    """Lines whose sources are there.

    Attributes:
        texts: as they stand in a list.
        images: what each of them copies.
    """

    texts: list[str]
    images: list[SampleImage]

    def write(self, path: Path, extra: Iterable[str] = ()) -> Path:
        """Write a list."""
        path.write_text("".join(f"{text}\n" for text in (*self.texts, *extra)))
        return path


def layout_lines(folder: Path, count: int) -> Lines:
    """Make images in layouts, and lines that copy each into a folder of its own."""
    images = [single_image(seed=f"image-{n}", layers=2) for n in range(count)]
    for number, image in enumerate(images):
        write_sample(image, folder / f"in-{number}", "1")
    texts = [f"oci:{folder}/in-{n}:1 dir:{folder}/out-{n}" for n in range(count)]
    return Lines(texts, images)


def family(count: int, *, bases: int = 1, layer_bytes: int = 600) -> list[SampleImage]:
    """Make images that share `bases` base layers, each with one more layer of its own."""
    shared = [make_layer(f"base-{n}", layer_bytes) for n in range(bases)]
    return [
        image_of_layers([*shared, make_layer(f"own-{n}", layer_bytes)], platform=AMD64)
        for n in range(count)
    ]


def is_copied(image: SampleImage, folder: Path) -> bool:
    """Tell whether a folder of the transport `dir` has the image."""
    manifest = folder / "manifest.json"
    return manifest.exists() and manifest.read_bytes() == image.top.content


@dataclass(frozen=True)
class Ran:
    """A list that has ended."""

    events: list[LineEvent]

    @property
    def report(self) -> ListReport:
        """Of the whole."""
        last = self.events[-1]
        assert isinstance(last, ListEnded)
        return last.report

    @property
    def lines(self) -> dict[int, LineReport]:
        """Of each line, by its number."""
        return {e.line.number: e.report for e in self.events if isinstance(e, LineEnded)}

    def statuses(self) -> list[str]:
        """Of each line, in the order of the list."""
        return [self.lines[number].status for number in sorted(self.lines)]


def run(
    texts: Sequence[str],
    *,
    jobs: int = 4,
    max_failures: int = 0,
    dry_run: bool = False,
    resume: Iterable[LineReport] = (),
    cancelled: threading.Event | None = None,
    access: Access = QUICK,
) -> Ran:
    """Copy a list to its end."""
    return Ran(
        list(
            copy_many(
                texts,
                source_access=access,
                destination_access=access,
                jobs=jobs,
                max_failures=max_failures,
                dry_run=dry_run,
                resume=resume,
                cancelled=cancelled,
                environment=Environment({}),
            )
        )
    )


def push_all(tools: RegistryTools, images: Mapping[str, SampleImage]) -> None:
    """Push images by `repository:tag`, a blob once into each repository."""
    pushed: set[tuple[str, Digest]] = set()
    jobs: list[tuple[str, str, SampleImage, list[bytes]]] = []
    for name, image in images.items():
        repository, _, tag = name.rpartition(":")
        new = [blob for digest, blob in image.blobs.items() if (repository, digest) not in pushed]
        pushed.update((repository, digest) for digest in image.blobs)
        jobs.append((repository, tag, image, new))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda job: [tools.push_blob(blob, job[0]) for blob in job[3]], jobs))
        list(threads.map(lambda job: tools.push_manifest(job[2].top, job[0], job[1]), jobs))
