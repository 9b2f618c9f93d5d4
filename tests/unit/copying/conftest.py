"""Worlds for tests of the engine: two stores in memory, and copies between them."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from regcopy.copying.dry_run import dry_run
from regcopy.copying.engine import copy_image
from regcopy.copying.options import CompressionOptions, CopyOptions
from regcopy.copying.places import CopyJob
from regcopy.copying.result import CopyResult, DryRun
from regcopy.copying.tally import Tally
from regcopy.model.mediatypes import CompressionFormat
from regcopy.testing.memory import MemoryReference, MemoryStore
from regcopy.transports.base import Capabilities, LayerForm
from regcopy.trust.options import accept_anything
from tests.contexts import Recorder, make_context
from tests.layers import layers_of


def with_format(
    form: CompressionFormat | None, level: int | None = None, *, force: bool = False
) -> CopyOptions:
    return CopyOptions(compression=CompressionOptions(format=form, level=level, force=force))


def with_layers(layers: LayerForm, form: CompressionFormat | None = None) -> CopyOptions:
    return CopyOptions(compression=CompressionOptions(layers=layers, format=form))


class World:
    """Two stores, and copies between them."""

    def __init__(self) -> None:
        self.source = MemoryStore()
        self.destination = MemoryStore()
        self.recorder = Recorder()
        self.cancelled = threading.Event()

    def job(
        self,
        source: MemoryReference,
        options: CopyOptions | None = None,
        destination: MemoryReference | None = None,
    ) -> CopyJob:
        return CopyJob(
            source,
            destination or self.destination.reference("copy"),
            replace(make_context("source"), cancelled=self.cancelled),
            replace(make_context("destination"), cancelled=self.cancelled),
            options or CopyOptions(),
            accept_anything(),
        )

    def copy(
        self,
        source: MemoryReference,
        options: CopyOptions | None = None,
        destination: MemoryReference | None = None,
    ) -> CopyResult:
        return self.run(self.job(source, options, destination))

    def run(self, job: CopyJob) -> CopyResult:
        return copy_image(job, Tally(self.recorder))

    def takes(self, layers: LayerForm, *manifest_types: str) -> World:
        """Say how the destination takes layers."""
        self.destination.capabilities = Capabilities(
            frozenset(manifest_types), layers=layers, max_parallel=4
        )
        return self

    def layers(self, result: CopyResult) -> list[tuple[str, bytes]]:
        """Media type and bytes of each layer of an image that was copied."""
        place = self.destination
        return layers_of(place.manifests["copy"][result.digest], place.blobs["copy"])

    def dry_run(self, source: MemoryReference, options: CopyOptions | None = None) -> DryRun:
        return dry_run(self.job(source, options))


@pytest.fixture
def world() -> World:
    """Make two empty stores."""
    return World()
