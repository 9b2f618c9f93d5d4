"""A source and a destination registry, and a sync between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from regcopy.batch.sync import (
    Note,
    Stale,
    SyncPlan,
    SyncRequest,
    delete_stale,
    find_stale,
    plan_sync,
)
from regcopy.config.environment import Environment
from regcopy.session import Session
from regcopy.testing.samples import SampleImage, single_image
from tests.fake_registry import FakeRegistry
from tests.lists import QUICK


@dataclass
class World:
    """Two registries."""

    source: FakeRegistry
    destination: FakeRegistry
    notes: list[Note] = field(default_factory=list)

    def hold(self, *tags: str, repository: str = "team/app") -> None:
        """Have images of these tags at the source, each another one."""
        for tag in tags:
            self.source.hold(single_image(seed=tag), repository, tag)

    def keep(self, repository: str, **images: SampleImage) -> None:
        """Have images at the destination; `_` in the name of a tag stands for `-`."""
        for tag, image in images.items():
            self.destination.hold(image, repository, tag.replace("_", "-"))

    def request(self, source: str = "team/app", **changes: object) -> SyncRequest:
        """Ask for a sync of a repository of the source into `x` of the destination."""
        wanted: dict[str, object] = {
            "source_kind": "docker",
            "destination_kind": "docker",
            "source": source if "source_kind" in changes else f"{self.source.host}/{source}",
            "destination": f"{self.destination.host}/x",
            "source_access": QUICK,
            "destination_access": QUICK,
        }
        return SyncRequest(**(wanted | changes))  # type: ignore[arg-type]

    def plan(self, request: SyncRequest) -> SyncPlan:
        """Find what there is to be copied."""
        with Session(environment=Environment()) as session:
            return plan_sync(request, session, tell=self.notes.append)

    def stale(self, request: SyncRequest) -> tuple[Stale, ...]:
        """Find what is to be deleted."""
        with Session(environment=Environment()) as session:
            plan = plan_sync(request, session)
            return find_stale(plan, request, session)

    def delete(self, stale: Stale, request: SyncRequest) -> None:
        """Delete a tag."""
        with Session(environment=Environment()) as session:
            delete_stale(stale, request, session)

    def tags(self, plan: SyncPlan) -> list[str]:
        """Destinations of a plan, without the registry."""
        prefix = f"docker://{self.destination.host}/"
        return [image.destination.removeprefix(prefix) for image in plan.images]


@pytest.fixture
def world(fake: FakeRegistry) -> Iterator[World]:
    """Two registries, both empty."""
    with FakeRegistry() as destination:
        yield World(fake, destination)
